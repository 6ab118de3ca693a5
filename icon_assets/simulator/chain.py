"""Chains in processing: their state machine, their attempts, and the notices that OCS sends about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from icon_assets.simulator.calls import Call
from icon_assets.simulator.codes import Cause, ChainState, DialMode, RecordStatus, RecordType, Result
from icon_assets.simulator.lines import optional
from icon_assets.simulator.lists import Customer, Record
from icon_assets.simulator.times import zone_offset

if TYPE_CHECKING:
    from icon_assets.simulator.ocs import Ocs
    from icon_assets.simulator.session import Session


_STATUS = {
    Result.CANCEL: RecordStatus.CANCELLED,
    Result.STALE: RecordStatus.STALE,
    Result.AGENT_CALLBACK_ERROR: RecordStatus.MISSED_CALLBACK,
}


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt to reach a customer on one record, and everything the truth wants to know of it.

    `began` true time, `started` by OCS's clock; `promise`: the kind of callback that it keeps; `reported`:
    OCS told how it ended, with the results `cpd` and `agent`; `detected`: CPD gives a result in this mode;
    `link`: how its call can be found (`chain_call`, `user_data` or None); `person`: who was on the line; the
    three times in ms where OCS measured them, and whether it told them (`timed`); `callback`: kind, minutes
    and agent of a callback promised in it; `outcome`: what the agent noted; `facts`: what it adds to the
    truth, once it is over and its calls are forgotten.
    """

    guid: str
    chain: Chain
    record: Record
    mode: DialMode
    began: int
    started: int
    promise: RecordType | None
    cpd: Result | None = None
    agent: Result | None = None
    reported: bool = False
    late: bool = False
    detected: bool = False
    link: str | None = None
    calls: list[Call] = field(default_factory=list)
    interactions: list[Call] = field(default_factory=list)
    preview_ms: int = 0
    overdialed: bool = False
    person: bool = False
    dialing_ms: int | None = None
    cpd_ms: int | None = None
    transfer_ms: int | None = None
    timed: bool = False
    callback: tuple[RecordType, int, int | None] | None = None
    outcome: str | None = None
    facts: dict[str, int] | None = None

    @property
    def effective(self) -> Result | None:
        """The agent's result where there is one, else CPD's."""
        return self.cpd if self.agent is None else self.agent

    @property
    def findable(self) -> bool:
        """Whether a call of it would be found: an ICON hears the T-Server, and OCS can be matched with it."""
        return self.chain.ocs.matches and bool(self.chain.session.unit.tserver.feeds)

    @property
    def found_calls(self) -> list[Call]:
        """Its calls, where they can be found."""
        return self.calls if self.findable else []


class Chain:
    """One processing attempt of a customer's records, from load to state 0.

    `open`: OCS works on it; `loaded`, `told`, `ended`: times by OCS's clock of its first and last notice
    and of its state 0; `cause`: why it ended, None while it has not.
    """

    __slots__ = (
        "_body",
        "_fields",
        "attempts",
        "cause",
        "customer",
        "ended",
        "guid",
        "handles",
        "life",
        "loaded",
        "luck",
        "ocs",
        "open",
        "seq",
        "session",
        "state",
        "told",
    )

    def __init__(self, session: Session, customer: Customer) -> None:
        self.session = session
        self.ocs: Ocs = session.ocs
        self.life = session.ocs.life
        self.customer = customer
        self.luck = customer.luck
        self.guid: str = session.guids.next()
        self.state = ChainState.NULL
        self.seq: int = 0
        self.open: bool = True
        self.told: int = 0
        self.loaded = session.ocs.source.clock()
        self.ended: int = 0
        self.cause: Cause | None = None
        self.attempts: list[Attempt] = []
        self._fields: dict[tuple[int, int], tuple[int, int]] = {}
        self._body = f'"chainguid":"{self.guid}",{session.ids}'
        first = self.ocs.handles(len(customer.records))
        self.handles = {record.place: first + record.place for record in customer.records}
        self._load()

    def _load(self) -> None:
        self._notice(ChainState.SCHEDULED, None)
        for record in self.customer.records:
            if not record.done:
                record.status = RecordStatus.RETRIEVED
            self._record_line(record)
            for place, value in enumerate(self.customer.values):
                self._field_line(record, place, 1, "null", value)
        self.customer.recount()

    def begin(self, record: Record, mode: DialMode) -> Attempt:
        """Resources are allotted: state 2 with a new attempt."""
        source = self.ocs.source
        attempt = Attempt(
            self.session.guids.next(),
            self,
            record,
            mode,
            int(source.env.now),
            source.clock(),
            record.promised,
        )
        record.promised = None
        self.attempts.append(attempt)
        self.customer.attempts += 1
        self.customer.next = None
        self._notice(ChainState.PROCESSING, record, attempt)
        return attempt

    def processed(self, attempt: Attempt, cpd: Result | None, agent: Result | None) -> None:
        """The record has a result: state 3. Nothing if OCS does not work on the chain any more."""
        if not self.open:
            return
        attempt.cpd, attempt.agent, attempt.reported = cpd, agent, True
        record = attempt.record
        record.attempts += 1
        record.called, record.due = self.ocs.source.clock(), None
        if attempt.promise is not None:  # kept, or missed: the record waits for its agent no longer
            record.type, record.agent = RecordType.CAMPAIGN_RESCHEDULED, None
        record.result = Result.UNKNOWN if attempt.effective is None else attempt.effective
        record.status = _STATUS.get(record.result, RecordStatus.UPDATED)
        self._notice(ChainState.PROCESSED, record, attempt, cpd, agent)
        self._record_line(record)

    def schedule(self, record: Record, due: int | None, kind: RecordType, agent: int | None) -> None:
        """A treatment or a callback sends the record back to wait: state 1."""
        record.type, record.due, record.agent, record.status = kind, due, agent, RecordStatus.RETRIEVED
        self._notice(ChainState.SCHEDULED, record)
        self._record_line(record)

    def finish(self, cause: Cause, *, unloaded: bool = False) -> None:
        """State 0. `unloaded`: the customer is not finished and goes back to the list."""
        waiting = [record for record in self.customer.records if record.status is RecordStatus.RETRIEVED]
        for record in waiting:
            record.status = RecordStatus.READY if unloaded else RecordStatus.CHAIN_UPDATED
        self._notice(ChainState.NULL, None, cause=cause)
        for record in waiting:
            self._record_line(record)
        self.open = False
        self.cause = cause
        self.ended = self.told
        self.customer.recount()

    def abandon(self) -> None:
        """OCS died: nothing is said any more, and the records go back to the list as they were."""
        self.open = False
        for record in self.customer.records:
            if record.status is RecordStatus.RETRIEVED:
                record.status = RecordStatus.READY
        self.customer.recount()

    def late_result(self, attempt: Attempt, result: Result) -> None:
        """The agent's result comes after the chain went on: the state is repeated with it.

        An OCS that was started anew does not know the chain, and says nothing.
        """
        if not self.ocs.up or self.life != self.ocs.life:
            return
        attempt.agent, attempt.late = result, True
        self._notice(self.state, attempt.record, attempt, None, result)

    def set_field(self, record: Record, place: int, value: str, attempt: Attempt) -> None:
        """A custom field changes while the record is processed; `value` as JSON."""
        if self.open:
            seq, before = self._fields.get((record.place, place), (1, self.loaded))
            self._fields[record.place, place] = (seq + 1, self.ocs.source.clock())
            old, self.customer.values[place] = self.customer.values[place], value
            ids = f',"prevts":{self.ocs.source.stamp(before)},"callattid":"{attempt.guid}"'
            self._field_line(record, place, seq + 1, old, value, ids)

    def _notice(
        self,
        state: ChainState,
        record: Record | None,
        attempt: Attempt | None = None,
        cpd: Result | None = None,
        agent: Result | None = None,
        cause: Cause | None = None,
    ) -> None:
        source = self.ocs.source
        self.seq += 1
        body = f'{self._body},"seq":{self.seq},"state":{state.value}'
        if self.seq > 1:
            body += f',"prevstate":{self.state.value},"prevts":{source.stamp(self.told)}'
        if cause is not None:
            body += f',"cause":{cause.value}'
        if record is not None:
            body += f',"recordhandle":{self.handles[record.place]}'
        if attempt is not None:
            body += f',"callattid":"{attempt.guid}"'
        if cpd is not None:
            body += f',"cpdresult":{cpd.value}'
        if agent is not None:
            body += f',"agentresult":{agent.value}'
        self.state = state
        self.told = source.clock()
        source.emit("chain", body, self)

    def _record_line(self, record: Record) -> None:
        customer, calling_list = self.customer, self.customer.calling_list
        due = None if record.due is None else record.due + zone_offset(customer.zone, record.due)
        self.ocs.source.emit(
            "record",
            f'"chainguid":"{self.guid}","recordhandle":{self.handles[record.place]},"chainseq":{self.seq},'
            f'"recordid":{record.record_id},"chainid":{customer.chain_id},"chainn":{record.place},'
            f'"recordtype":{record.type.value},"recordstatus":{record.status.value},'
            f'"contactinfo":"{record.number}","contactinfotype":{record.kind.value},'
            f'"callresult":{record.result.value},"attempt":{record.attempts},'
            f'"dailyfrom":{calling_list.first // 1000},"dailytill":{calling_list.last // 1000},'
            f'"tzname":"{customer.zone}","switchid":{self.session.switch}'
            + optional(
                dialschedtime=None if due is None else due // 1000,
                calltime=None if record.called is None else record.called // 1000,
                agentid=record.agent,
            ),
            self,
        )

    def _field_line(self, record: Record, place: int, seq: int, old: str, new: str, change: str = "") -> None:
        self.ocs.books.field(self, place)
        self.ocs.source.emit(
            "field",
            f'"chainguid":"{self.guid}","recordhandle":{self.handles[record.place]},'
            f'"fieldid":{self.customer.calling_list.fields[place].dbid},"seq":{seq},"chainhistseq":{self.seq},'
            f'"switchid":{self.session.switch}'
            + (f',"oldvalue":{old}' if old != "null" else "")
            + (f',"newvalue":{new}' if new != "null" else "")
            + change,
            self,
        )
