"""Chains in processing: their state machine, their attempts, and the notices that OCS sends about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from icon_assets.simulator import lines
from icon_assets.simulator.calls import Call
from icon_assets.simulator.codes import Cause, ChainState, DialMode, RecordStatus, RecordType, Result
from icon_assets.simulator.lists import Customer, Record
from icon_assets.simulator.times import zone_offset

if TYPE_CHECKING:
    from icon_assets.simulator.session import Session


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt to reach a customer on one record, and everything the truth wants to know of it.

    `started`: by OCS's clock; `cpd` and `agent` results as OCS reported them; `link`: how its call can be
    found (`chain_call`, `user_data` or None); the three times in ms where OCS measured them; `callback`:
    kind, minutes and agent of a callback that was promised; `detected`: CPD gives a result in this mode.
    """

    guid: str
    chain: Chain
    record: Record
    mode: DialMode
    began: int
    started: int
    cpd: Result | None = None
    agent: Result | None = None
    late: bool = False
    link: str | None = None
    calls: list[Call] = field(default_factory=list)
    preview_ms: int = 0
    overdialed: bool = False
    person: bool = False
    dialing_ms: int | None = None
    cpd_ms: int | None = None
    transfer_ms: int | None = None
    detected: bool = False
    reported: bool = False
    callback: tuple[RecordType, int, int | None] | None = None
    outcome: str | None = None
    interactions: list[Call] = field(default_factory=list)

    @property
    def effective(self) -> Result | None:
        """The agent's result where there is one, else CPD's."""
        return self.cpd if self.agent is None else self.agent


class Chain:
    """One processing attempt of a customer's records, from load to state 0."""

    __slots__ = (
        "_body",
        "_changed",
        "_entered",
        "_field_seqs",
        "customer",
        "ended",
        "guid",
        "handles",
        "luck",
        "open",
        "seq",
        "session",
        "started",
        "state",
    )

    def __init__(self, session: Session, customer: Customer) -> None:
        self.session = session
        self.customer = customer
        self.luck = customer.luck
        self.guid = session.guids.next()
        self.state = ChainState.NULL
        self.seq = 0
        self.open = True
        self.ended = 0
        self._entered = 0
        self._changed: dict[int, int] = {}
        self._field_seqs: dict[tuple[int, int], int] = {}
        self._body = f'"chainguid":"{self.guid}",{session.ids}'
        first = session.ocs.handles(len(customer.records))
        self.handles = {record.place: first + record.place for record in customer.records}
        self.started = session.ocs.source.clock()
        self._load()

    def _load(self) -> None:
        self._notice(ChainState.SCHEDULED, None)
        for record in self.customer.records:
            if not record.done:
                record.status = RecordStatus.RETRIEVED
            self._record_line(record)
            for place, value in enumerate(self.customer.values):
                self._field_line(record, place, "null", value, None)
        self.customer.recount()

    def begin(self, record: Record, mode: DialMode) -> Attempt:
        """Resources are allotted: state 2 with a new attempt."""
        source = self.session.ocs.source
        attempt = Attempt(self.session.guids.next(), self, record, mode, int(source.env.now), source.clock())
        self.customer.attempts += 1
        self.customer.next = None
        self._notice(ChainState.PROCESSING, record, attempt)
        return attempt

    def processed(self, attempt: Attempt, cpd: Result | None, agent: Result | None) -> None:
        """The record has a result: state 3."""
        if not self.open:
            return
        attempt.cpd, attempt.agent, attempt.reported = cpd, agent, True
        record = attempt.record
        record.attempts += 1
        record.called = self.session.ocs.source.clock()
        record.result = attempt.effective if attempt.effective is not None else Result.UNKNOWN
        record.status = RecordStatus.UPDATED
        self._notice(ChainState.PROCESSED, record, attempt, cpd, agent)
        self._record_line(record)

    def schedule(self, record: Record, due: int | None, kind: RecordType, agent: int | None) -> None:
        """A treatment or a callback sends the record back to wait: state 1."""
        record.type, record.due, record.agent, record.status = kind, due, agent, RecordStatus.RETRIEVED
        self._notice(ChainState.SCHEDULED, record)
        self._record_line(record)

    def finish(self, cause: Cause, *, unloaded: bool = False) -> None:
        """State 0. `unloaded`: the customer is not finished and goes back to the list."""
        for record in self.customer.records:
            if record.status is RecordStatus.RETRIEVED:
                record.status = RecordStatus.READY if unloaded else RecordStatus.CHAIN_UPDATED
                self._changed[record.place] = -1
        self._notice(ChainState.NULL, None, cause=cause)
        for record in self.customer.records:
            if self._changed.get(record.place) == -1:
                self._record_line(record)
        self.open = False
        self.ended = self.session.ocs.source.clock()
        self.customer.recount()

    def late_result(self, attempt: Attempt, result: Result) -> None:
        """The agent's result comes after the chain went on: the state is repeated with it."""
        attempt.agent, attempt.late = result, True
        self._notice(self.state, attempt.record, attempt, None, result)

    def set_field(self, record: Record, place: int, value: str, attempt: Attempt) -> None:
        """A custom field changes while the record is processed; `value` as JSON."""
        if not self.open:
            return
        old, self.customer.values[place] = self.customer.values[place], value
        self._field_line(record, place, old, value, attempt)

    def _notice(
        self,
        state: ChainState,
        record: Record | None,
        attempt: Attempt | None = None,
        cpd: Result | None = None,
        agent: Result | None = None,
        cause: Cause | None = None,
    ) -> None:
        source = self.session.ocs.source
        self.seq += 1
        body = f'{self._body},"seq":{self.seq},"state":{state.value}'
        if self.seq > 1:
            body += f',"prevstate":{self.state.value},"prevts":{source.stamp(self._entered)}'
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
        self._entered = source.clock()
        source.emit("chain", body)

    def _record_line(self, record: Record) -> None:
        customer = self.customer
        self._changed[record.place] = self.seq
        due = None if record.due is None else (record.due + zone_offset(customer.zone, record.due)) // 1000
        self.session.ocs.source.emit(
            "record",
            f'"chainguid":"{self.guid}","recordhandle":{self.handles[record.place]},"chainseq":{self.seq},'
            f'"recordid":{record.record_id},"chainid":{customer.chain_id},"chainn":{record.place},'
            f'"recordtype":{record.type.value},"recordstatus":{record.status.value},"contactinfo":"{record.number}",'
            f'"contactinfotype":{record.kind.value},"callresult":{record.result.value},"attempt":{record.attempts}'
            + lines.optional(
                dialschedtime=due, calltime=None if record.called is None else record.called // 1000
            )
            + f',"dailyfrom":{customer.calling_list.first // 1000},"dailytill":{customer.calling_list.last // 1000},'
            f'"tzname":"{customer.zone}"'
            + lines.optional(agentid=record.agent, switchid=self.session.switch),
        )

    def _field_line(self, record: Record, place: int, old: str, new: str, attempt: Attempt | None) -> None:
        key = (record.place, place)
        seq = self._field_seqs[key] = self._field_seqs.get(key, 0) + 1
        self.session.ocs.source.emit(
            "field",
            f'"chainguid":"{self.guid}","recordhandle":{self.handles[record.place]},'
            f'"fieldid":{self.customer.calling_list.field_ids[place]},"seq":{seq},"chainhistseq":{self.seq},'
            f'"oldvalue":{old},"newvalue":{new},"switchid":{self.session.switch}'
            + (lines.optional(callattid=attempt.guid) if attempt else ""),
        )
