"""An Outbound Contact Server: its sessions, its record handles and its metrics; who counts what it does."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from simpy import Event

from icon_assets.simulator.feed import Source
from icon_assets.simulator.lines import optional
from icon_assets.simulator.randomness import Guids, Stream
from icon_assets.simulator.times import MINUTE

if TYPE_CHECKING:
    from icon_assets.simulator.calls import Call
    from icon_assets.simulator.chain import Attempt, Chain
    from icon_assets.simulator.session import Session

METRICS_EVERY = 10 * MINUTE
COUNTERS = ("records_total", "chains_total", "records_not_processed", "chains_not_processed")


class Books(Protocol):
    """Whoever counts what happens, from the objects that it happens to."""

    def chain(self, chain: Chain) -> None:
        """A chain reached state 0."""

    def attempt(self, attempt: Attempt) -> None:
        """An attempt about which nothing more will be said."""

    def field(self, chain: Chain, place: int) -> None:
        """A field line."""

    def session(self, session: Session) -> None:
        """A campaign session ended."""

    def open_chain(self, chain: Chain) -> None:
        """Its OCS died."""

    def open_session(self, session: Session) -> None:
        """Its OCS died, and nobody took it over."""

    def metric(self, scope: str, name: str) -> None:
        """A metric line."""

    def packet(self, ocs: Ocs, active: list[Session]) -> None:
        """A ten-minute packet went out."""


class Ocs:
    """One OCS application; `sessions` in the order of their loading, `up` while it lives.

    `guids`: all are made by one, so that none is twice; `books`: who counts what it and its sessions do;
    `backup`: its warm standby; `life`: counts its starts, as it forgets all chains when it dies; `matches`:
    OCS 7.2 cannot be matched with call data (guide); `repeats`: percent of metrics said twice; `heard`: an
    ICON stores what it says.
    """

    def __init__(
        self, source: Source, guids: Guids, books: Books, repeats: float = 0, backup: Ocs | None = None
    ) -> None:
        self.source = source
        self.guids = guids
        self.books = books
        self.backup = backup
        self._repeats = repeats
        self._luck = Stream(source.dbid, "repeats")
        self.sessions: dict[str, Session] = {}
        self.up: bool = True
        self.life = 1
        self.heard = True
        self.matches = not source.release.startswith("7.2")
        self._handles = 0

    def handles(self, count: int) -> int:
        """The first of `count` new record handles."""
        first = self._handles + 1
        self._handles += count
        return first

    def chain_call(self, attempt: Attempt, call: Call | None) -> None:
        """Names the call of an attempt, or says only that there is one."""
        self.source.emit(
            "chain_call",
            f'"chainguid":"{attempt.chain.guid}","callattid":"{attempt.guid}",'
            f'"switchid":{attempt.chain.session.switch}' + optional(callid=call.callid if call else None),
            attempt.chain,
        )

    def metrics(self) -> Generator[Event, object, None]:
        """The packet of every ten minutes, for active groups and their lists."""
        env = self.source.env
        while True:
            yield env.timeout(METRICS_EVERY - int(env.now) % METRICS_EVERY)
            if self.sessions:
                self._packet(list(self.sessions.values()))

    def _packet(self, active: list[Session]) -> None:
        for session in active:
            unit = session.unit
            values = {name: getattr(unit.calling_list, name) for name in COUNTERS}
            values["ports_busy"] = session.placing
            if session.mode.seizing and session.plan.cpd == "server":
                values["ports_engaged"] = session.engaged
            for name, value in values.items():
                ids = f'"campaignid":{unit.dbid},"groupid":{unit.group}'
                self._say("group", name, value, ids)
        lists = {session.unit.calling_list.dbid: session.unit.calling_list for session in active}
        for dbid, calling_list in lists.items():
            for name in COUNTERS:
                self._say("list", name, getattr(calling_list, name), f'"callinglistid":{dbid}')
        if self.heard:
            self.books.packet(self, active)

    def overdialed(self, session: Session, attempt: Attempt, call: Call) -> None:
        """Said at each such call."""
        self._of_call("overdialed", 1, session, attempt, call)

    def call_times(self, session: Session, attempt: Attempt, call: Call) -> None:
        """The three times of a call, those that OCS could measure, when the call is over."""
        if not attempt.mode.reports_call or not attempt.chain.open:
            return
        attempt.timed = True
        times = (("dialing", attempt.dialing_ms), ("cpd", attempt.cpd_ms), ("transfer", attempt.transfer_ms))
        for name, value in times:
            if value is not None:
                self._of_call(f"{name}_time_ms", value, session, attempt, call)

    def _of_call(self, metric: str, value: int, session: Session, attempt: Attempt, call: Call) -> None:
        unit = session.unit
        callid = f'"callid":"{call.callid}",' if self.matches else ""
        ids = (
            f'"campaignid":{unit.dbid},"groupid":{unit.group},"callinglistid":{unit.calling_list.dbid},'
            f'"callattid":"{attempt.guid}",{callid}"switchid":{session.switch}'
        )
        self._say("call" if unit.stored else None, metric, value, ids, attempt.chain)

    def _say(self, scope: str | None, metric: str, value: int, ids: str, owner: object = None) -> None:
        """`scope`: of what it counts in the truth, None where no ICON stores it."""
        self._count(scope, metric)
        body = f'"metric":"{metric}","value":{value},{ids}'
        self.source.emit("metric", body, owner)
        if self._repeats and self._luck.chance(self._repeats):
            self._count(scope and "repeated", metric)
            self.source.emit("metric", body, owner)

    def _count(self, scope: str | None, metric: str) -> None:
        if self.heard and scope is not None:
            self.books.metric(scope, metric)
