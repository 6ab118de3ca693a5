"""What one attempt or one chain adds to the books: counts, sums and codes, taken from the objects."""

from __future__ import annotations

from collections import Counter
from typing import Any

from icon_assets.simulator.calls import Call, Party
from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import PERSON, CallType, Result

FACTS = (
    "dialed",
    "dial_unknown",
    "calls",
    "consult_calls",
    "interactions",
    "linked_by_chain_call",
    "linked_by_user_data",
    "answered_by_person",
    "abandoned",
    "dropped",
    "overdialed",
    "agent_results",
    "late_results",
    "sales",
    "abandoned_tsr",
    "timing_unknown",
    "talk_ms",
    "hold_ms",
    "wrap_ms",
    "ring_ms",
    "engaged_ms",
    "consult_ms",
    "ivr_ms",
    "preview_ms",
    "dialing_time_ms",
    "cpd_time_ms",
    "transfer_time_ms",
)
_IN_TIME_MS = 2_000  # the limit of the US Telemarketing Sales Rule
SPLITS = (
    "chains_by_cause",
    "attempts_by_result",
    "attempts_by_cpd_result",
    "attempts_by_agent_result",
    "attempts_by_mode",
    "attempts_by_contact_type",
)


class Tally:
    """Counts and sums of one scope."""

    __slots__ = ("facts", "splits")

    def __init__(self) -> None:
        self.facts: dict[str, int] = dict.fromkeys(("chains", "attempts", *FACTS), 0)
        self.splits: dict[str, Counter[str]] = {name: Counter() for name in SPLITS}

    def attempt(self, facts: dict[str, int], codes: dict[str, str]) -> None:
        """One more attempt."""
        mine = self.facts
        mine["attempts"] += 1
        for name, value in facts.items():
            mine[name] += value
        for name, code in codes.items():
            self.splits[name][code] += 1

    def chain(self, chain: Chain) -> None:
        """One more chain that reached state 0."""
        self.facts["chains"] += 1
        self.splits["chains_by_cause"][str(chain.cause.value if chain.cause else "none")] += 1

    def as_dict(self) -> dict[str, Any]:
        """As in truth.json."""
        return self.facts | {name: by_code(counts) for name, counts in self.splits.items()}


def by_code(counts: Counter[str]) -> dict[str, int]:
    """In the order of the codes, words last."""
    return dict(sorted(counts.items(), key=lambda item: (not item[0].isdigit(), item[0].zfill(8))))


def code(result: Result | None) -> str:
    """A result as a key of truth.json."""
    return "none" if result is None else str(result.value)


def codes_of(attempt: Attempt) -> dict[str, str]:
    """Under which code an attempt counts in each split."""
    codes = {
        "attempts_by_result": code(attempt.effective),
        "attempts_by_mode": str(attempt.mode.value),
        "attempts_by_contact_type": str(attempt.record.kind.value),
    }
    if attempt.cpd is not None:
        codes["attempts_by_cpd_result"] = code(attempt.cpd)
    if attempt.agent is not None:
        codes["attempts_by_agent_result"] = code(attempt.agent)
    return codes


def facts_of(attempt: Attempt) -> dict[str, int]:
    """What an attempt adds to the counts and sums; calls that nobody can find count for nothing."""
    dialed = _dialed(attempt)
    facts = {
        "dialed": dialed is True,
        "dial_unknown": dialed is None,
        "interactions": sum(call.stored for call in attempt.interactions) if attempt.chain.ocs.matches else 0,
        "answered_by_person": attempt.effective in PERSON,
        "abandoned": attempt.cpd is Result.ABANDONED,
        "dropped": attempt.cpd is Result.DROPPED,
        "overdialed": attempt.overdialed,
        "agent_results": attempt.agent is not None,
        "late_results": attempt.late,
        "sales": attempt.outcome == "sale",
        "preview_ms": 0 if dialed is None else attempt.preview_ms,
        "calls": 0,
    }
    if facts["answered_by_person"] and attempt.calls:
        met = _met_in_time(attempt)
        facts["abandoned_tsr"] = met is False
        facts["timing_unknown"] = met is None
    if attempt.link is not None:
        facts[f"linked_by_{attempt.link}"] = 1
    if attempt.timed:
        facts["dialing_time_ms"] = attempt.dialing_ms or 0
        facts["cpd_time_ms"] = attempt.cpd_ms or 0
        facts["transfer_time_ms"] = attempt.transfer_ms or 0
    for call in attempt.found_calls:
        facts["calls"] += 1
        _add_call(facts, call)
    return {name: value for name, value in facts.items() if value}


def _dialed(attempt: Attempt) -> bool | None:
    """Whether it placed a call; None where OCS cannot name it and nobody could find it."""
    if attempt.mode.reports_call or attempt.findable:
        return bool(attempt.calls)
    return True if attempt.detected and attempt.cpd is not None else None


def _met_in_time(attempt: Attempt) -> bool | None:
    """Whether an agent met the person within two seconds of the answer; None where no clock tells.

    The clock is OCS's CPD and transfer time where it told both, else the T-Server's.
    """
    lost = attempt.effective in (Result.ABANDONED, Result.DROPPED)
    calls = [call for call in attempt.found_calls if call.kind is not CallType.CONSULT]
    if not calls:
        return False if lost else None
    met: dict[str, int] = {}
    for call in calls:
        for party in call.parties:
            if party.connected_at is not None:
                met[party.role] = min(party.connected_at, met.get(party.role, party.connected_at))
    if "agent" not in met:
        return False if lost or attempt.agent is None else None
    if attempt.timed and attempt.cpd_ms is not None and attempt.transfer_ms is not None:
        return attempt.cpd_ms + attempt.transfer_ms <= _IN_TIME_MS
    if "destination" not in met:
        return False if lost else None
    return met["agent"] - met["destination"] <= _IN_TIME_MS  # an agent who was there already is in time


def _add_call(facts: dict[str, int], call: Call) -> None:
    consult = call.kind is CallType.CONSULT
    if consult:
        facts["consult_calls"] = facts.get("consult_calls", 0) + 1
    for party in call.parties:
        if party.role in ("agent", "ivr"):
            for name, value in party_times(party, consult=consult).items():
                facts[name] = facts.get(name, 0) + value


def party_times(party: Party, *, consult: bool) -> dict[str, int]:
    """Times of a party that is an agent's or an IVR port's."""
    connected = party.spent.get("connected", 0)
    if party.role == "ivr":
        return {"ivr_ms": connected}
    if consult:
        return {"consult_ms": connected}
    engaged = party.engaged_ms if party.call.answered is not None else connected
    return {
        "talk_ms": connected - engaged,
        "engaged_ms": engaged,
        "hold_ms": party.spent.get("held", 0),
        "wrap_ms": party.spent.get("acw", 0),
        "ring_ms": party.spent.get("ringing", 0),
    }
