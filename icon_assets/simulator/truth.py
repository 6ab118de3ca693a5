"""What the marts must show, counted from the simulation's own objects as they end, never from event lines.

`truth.json` (all times in ms, days are UTC days of the OCS's clock, keys of codes and DBIDs are strings):

* a *tally* holds `chains`, `chains_by_cause`, `attempts` and the counts and sums of attempts in `FACTS`,
  with `attempts_by_result` (effective: the agent's, else CPD's; "none" where neither was reported),
  `attempts_by_cpd_result`, `attempts_by_agent_result` and `attempts_by_mode`. A chain counts on the day on
  which its closing run of state 0 began, an attempt, with its calls and talk, on the day of its state 2.
* at the top: the tally of everything, and `campaign_sessions`;
* `days`, `campaigns`, `groups`, `lists`, `switches`: tallies by day and by DBID (days and campaigns also
  `campaign_sessions`, by day of their end; lists also the last counters of the list's view);
* `agents`: by DBID `calls` (parties on customer calls), `talk_ms`, `hold_ms`, `wrap_ms`, `ring_ms`,
  `engaged_ms`, `consult_ms`;
* `cpd_agent`: number of attempts by CPD result and agent result, both reported;
* `cpd_real`: attempts on answered calls by what really answered (`person`, `machine`) and CPD's result;
* `callbacks`: `promised` and `tried` by kind (`personal`, `campaign`), and `missed`;
* `fields`: by DBID the values at the end of each finished chain;
* `metrics`: lines of each metric by what they are for; `packets`: ten-minute packets by OCS;
* `events`: lines written by source.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from icon_assets.simulator import times
from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import PERSON, CallType, Cause, RecordType, Result

if TYPE_CHECKING:
    from icon_assets.simulator.calls import Call
    from icon_assets.simulator.ocs import Ocs
    from icon_assets.simulator.session import Session

FACTS = (
    "dialed",  # at least one call was placed
    "calls",
    "interactions",  # calls of the attempt with consult calls; interactions of push preview
    "linked_by_chain_call",
    "linked_by_user_data",
    "answered_by_person",  # by the effective result
    "abandoned",
    "dropped",
    "overdialed",  # CPD result 21, 26; overdialled calls
    "agent_results",
    "late_results",
    "sales",
    "talk_ms",
    "hold_ms",
    "wrap_ms",
    "ring_ms",  # agent parties on the customer's call
    "engaged_ms",  # connected to the agent before the customer was (seizing modes)
    "consult_ms",
    "ivr_ms",
    "preview_ms",
    "dialing_time_ms",
    "cpd_time_ms",
    "transfer_time_ms",  # sums of the metrics OCS reported
)


class Tally:
    """Counts and sums of one scope."""

    __slots__ = ("facts", "split")

    def __init__(self) -> None:
        self.facts: Counter[str] = Counter()
        self.split: dict[str, Counter[str]] = {
            "chains_by_cause": Counter(),
            "attempts_by_result": Counter(),
            "attempts_by_cpd_result": Counter(),
            "attempts_by_agent_result": Counter(),
            "attempts_by_mode": Counter(),
        }

    def attempt(self, facts: dict[str, int], codes: dict[str, str]) -> None:
        self.facts["attempts"] += 1
        self.facts.update(facts)
        for split, code in codes.items():
            self.split[split][code] += 1

    def chain(self, cause: Cause) -> None:
        self.facts["chains"] += 1
        self.split["chains_by_cause"][str(cause.value)] += 1

    def as_dict(self) -> dict[str, Any]:
        plain = {name: self.facts[name] for name in ("chains", "attempts", *FACTS)}
        others = {name: count for name, count in sorted(self.facts.items()) if name not in plain}
        return plain | others | {name: by_code(counts) for name, counts in self.split.items()}


def by_code(counts: Counter[str]) -> dict[str, int]:
    """In order of the number, words last."""
    return dict(
        sorted(
            counts.items(),
            key=lambda item: (not item[0].isdigit(), int(item[0]) if item[0].isdigit() else 0, item[0]),
        )
    )


class Truth:
    """The books of one simulation."""

    def __init__(self) -> None:
        self._all = Tally()
        self._scopes: dict[str, dict[str, Tally]] = {
            name: {} for name in ("days", "campaigns", "groups", "lists", "switches")
        }
        self._agents: dict[str, Counter[str]] = {}
        self._cpd_agent: dict[str, Counter[str]] = {}
        self._cpd_real: dict[str, Counter[str]] = {"person": Counter(), "machine": Counter()}
        self._callbacks: Counter[str] = Counter()
        self._metrics: dict[str, Counter[str]] = {}
        self._packets: Counter[str] = Counter()
        self._fields: dict[str, Counter[str]] = {}
        self._lists: dict[str, dict[str, int]] = {}

    def _tallies(self, session: Session, ms: int) -> list[Tally]:
        unit = session.unit
        keys = (times.utc_day(ms), unit.dbid, unit.group, unit.calling_list.dbid, session.switch)
        found = [self._all]
        for scope, key in zip(self._scopes.values(), keys, strict=True):
            tally = scope.get(str(key))
            if tally is None:
                tally = scope[str(key)] = Tally()
            found.append(tally)
        return found

    def chain(self, chain: Chain, cause: Cause) -> None:
        """A chain reached state 0."""
        for tally in self._tallies(chain.session, chain.ended):
            tally.chain(cause)
        for dbid, value in zip(chain.customer.calling_list.field_ids, chain.customer.values, strict=True):
            if dbid in chain.customer.calling_list.counted_fields:
                self._fields.setdefault(str(dbid), Counter())[value.strip('"')] += 1

    def session(self, session: Session) -> None:
        """A campaign session ended."""
        day, campaign, *_ = self._scopes.values()
        self._tallies(session, session.ended_at)
        for tally in (self._all, day[times.utc_day(session.ended_at)], campaign[str(session.unit.dbid)]):
            tally.facts["campaign_sessions"] += 1
            tally.facts["started_ms"] += session.started_ms

    def attempt(self, attempt: Attempt, callback: RecordType | None) -> None:
        """An attempt about which nothing more will be said; `callback`: it kept the promise of one."""
        facts = _facts(attempt)
        effective, cpd, agent = attempt.effective, attempt.cpd, attempt.agent
        codes = {"attempts_by_result": _code(effective), "attempts_by_mode": str(attempt.mode.value)}
        if cpd is not None:
            codes["attempts_by_cpd_result"] = _code(cpd)
        if agent is not None:
            codes["attempts_by_agent_result"] = _code(agent)
        for tally in self._tallies(attempt.chain.session, attempt.started):
            tally.attempt(facts, codes)
        if cpd is not None and agent is not None:
            self._cpd_agent.setdefault(_code(cpd), Counter())[_code(agent)] += 1
        if cpd is not None and any(call.answered is not None for call in attempt.calls):
            self._cpd_real["person" if attempt.person else "machine"][_code(cpd)] += 1
        self._parties(attempt)
        if attempt.callback is not None and attempt.reported:
            self._callbacks[f"promised_{_callback(attempt.callback[0])}"] += 1
        if callback is not None:
            self._callbacks[f"tried_{_callback(callback)}"] += 1
            self._callbacks["missed"] += attempt.cpd is Result.AGENT_CALLBACK_ERROR

    def _parties(self, attempt: Attempt) -> None:
        for call in attempt.calls:
            for party in call.parties:
                if party.agent is None:
                    continue
                sums = self._agents.setdefault(str(party.agent), Counter())
                if call.kind is CallType.CONSULT:
                    sums["consult_ms"] += party.spent.get("connected", 0)
                else:
                    sums["calls"] += 1
                    sums.update(party_times(call, party.spent, party.engaged_ms))

    def metric(self, scope: str, name: str) -> None:
        self._metrics.setdefault(scope, Counter())[name] += 1

    def packet(self, ocs: Ocs, active: list[Session]) -> None:
        """A ten-minute packet went out, if any group was active."""
        self._packets[str(ocs.source.dbid)] += bool(active)
        for session in active:
            self.counters(session)

    def counters(self, session: Session) -> None:
        """The list's counters as they are now."""
        found = session.unit.calling_list
        names = ("records_total", "chains_total", "records_not_processed", "chains_not_processed")
        self._lists[str(found.dbid)] = {f"last_{name}": getattr(found, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """The content of truth.json but for what only the run knows."""
        result = self._all.as_dict()
        for name, scope in self._scopes.items():
            result[name] = {key: scope[key].as_dict() for key in sorted(scope)}
        for key, counters in self._lists.items():
            result["lists"].setdefault(key, Tally().as_dict()).update(counters)
        result["agents"] = {key: dict(sorted(self._agents[key].items())) for key in sorted(self._agents)}
        result["cpd_agent"] = {
            key: by_code(self._cpd_agent[key]) for key in by_code(Counter(self._cpd_agent.keys()))
        }
        result["cpd_real"] = {key: by_code(counts) for key, counts in self._cpd_real.items()}
        result["callbacks"] = dict(sorted(self._callbacks.items()))
        result["fields"] = {key: dict(sorted(counts.items())) for key, counts in sorted(self._fields.items())}
        result["metrics"] = {
            key: dict(sorted(counts.items())) for key, counts in sorted(self._metrics.items())
        }
        result["packets"] = dict(sorted(self._packets.items()))
        return result


def _code(result: Result | None) -> str:
    return "none" if result is None else str(result.value)


def _callback(kind: RecordType) -> str:
    return "personal" if kind is RecordType.PERSONAL_CALLBACK else "campaign"


def party_times(call: Call, spent: dict[str, int], engaged: int) -> dict[str, int]:
    """Times of an agent's party on a customer's call."""
    connected = spent.get("connected", 0)
    engaged = engaged if call.answered is not None else connected
    return {
        "talk_ms": connected - engaged,
        "engaged_ms": engaged,
        "hold_ms": spent.get("held", 0),
        "wrap_ms": spent.get("acw", 0),
        "ring_ms": spent.get("ringing", 0),
    }


def _facts(attempt: Attempt) -> dict[str, int]:
    facts: dict[str, int] = Counter()
    for call in attempt.calls:
        facts["calls"] += 1
        for party in call.parties:
            if party.role == "ivr":
                facts["ivr_ms"] += party.spent.get("connected", 0)
            elif party.agent is not None and call.kind is CallType.CONSULT:
                facts["consult_ms"] += party.spent.get("connected", 0)
            elif party.agent is not None:
                for name, value in party_times(call, party.spent, party.engaged_ms).items():
                    facts[name] += value
    facts["dialed"] = bool(attempt.calls)
    facts["interactions"] = len(attempt.interactions)
    if attempt.link is not None:
        facts[f"linked_by_{attempt.link}"] = 1
    facts["answered_by_person"] = attempt.effective in PERSON
    facts["abandoned"] = attempt.cpd is Result.ABANDONED
    facts["dropped"] = attempt.cpd is Result.DROPPED
    facts["overdialed"] = attempt.overdialed
    facts["agent_results"] = attempt.agent is not None
    facts["late_results"] = attempt.late
    facts["sales"] = attempt.outcome == "sale"
    facts["preview_ms"] = attempt.preview_ms
    if attempt.mode.reports_call and attempt.reported:
        for name in ("dialing", "cpd", "transfer"):
            facts[f"{name}_time_ms"] = getattr(attempt, f"{name}_ms") or 0
    return facts
