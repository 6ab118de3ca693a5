"""An Outbound Contact Server: its sessions, its record handles and its metrics."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from simpy import Event

from icon_assets.simulator import lines
from icon_assets.simulator.codes import CampaignState
from icon_assets.simulator.feed import Source
from icon_assets.simulator.times import MINUTE

if TYPE_CHECKING:
    from icon_assets.simulator.calls import Call
    from icon_assets.simulator.chain import Attempt
    from icon_assets.simulator.session import Session
    from icon_assets.simulator.truth import Truth

METRICS_EVERY = 10 * MINUTE


class Ocs:
    """One running OCS application; `sessions` in the order of their loading."""

    def __init__(self, source: Source, truth: Truth) -> None:
        self.source = source
        self.sessions: dict[str, Session] = {}
        self._truth = truth
        self._handles = 0

    def handles(self, count: int) -> int:
        """The first of `count` new record handles."""
        first = self._handles + 1
        self._handles += count
        return first

    def metrics(self) -> Generator[Event, object, None]:
        """The packet of every ten minutes, for active groups and their lists."""
        env = self.source.env
        while True:
            yield env.timeout(METRICS_EVERY - int(env.now) % METRICS_EVERY)
            active = [s for s in self.sessions.values() if s.state is not CampaignState.NULL]
            for session in active:
                self._group(session)
            for calling_list in {
                session.unit.calling_list.dbid: session.unit.calling_list for session in active
            }.values():
                for name in _COUNTS:
                    self._say(
                        "list", name, lines.list_metric(name, getattr(calling_list, name), calling_list.dbid)
                    )
            self._truth.packet(self, active)

    def _group(self, session: Session) -> None:
        unit = session.unit
        values = [(name, getattr(unit.calling_list, name)) for name in _COUNTS] + [
            ("ports_busy", session.placing)
        ]
        if session.mode.seizing and session.plan.cpd == "server":
            values.append(("ports_engaged", session.engaged))
        for name, value in values:
            self._say("group", name, lines.group_metric(name, value, unit.dbid, unit.group))

    def overdialed(self, session: Session, attempt: Attempt, call: Call) -> None:
        """Said at each such call."""
        if attempt.chain.open:
            self._say("call", "overdialed", self._of_call("overdialed", 1, session, attempt, call))

    def call_times(self, session: Session, attempt: Attempt, call: Call) -> None:
        """The three times of a call, those that OCS could measure, when the call is over."""
        if not attempt.mode.reports_call or not attempt.chain.open:
            return
        for name in ("dialing", "cpd", "transfer"):
            value = getattr(attempt, f"{name}_ms")
            if value is not None:
                metric = f"{name}_time_ms"
                self._say("call", metric, self._of_call(metric, value, session, attempt, call))

    def _of_call(self, metric: str, value: int, session: Session, attempt: Attempt, call: Call) -> str:
        unit = session.unit
        return (
            f'"metric":"{metric}","value":{value},"campaignid":{unit.dbid},"groupid":{unit.group},'
            f'"callinglistid":{unit.calling_list.dbid},"callattid":"{attempt.guid}","callid":"{call.callid}",'
            f'"switchid":{session.switch}'
        )

    def _say(self, scope: str, metric: str, body: str) -> None:
        self._truth.metric(scope, metric)
        self.source.emit("metric", body)


_COUNTS = ("records_total", "chains_total", "records_not_processed", "chains_not_processed")
