"""What follows a result: retry, next number of the chain, a later cycle, a callback, or the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import Cause, RecordType, Result
from icon_assets.simulator.lists import Record
from icon_assets.simulator.times import MINUTE

MAX_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Treatment:
    """`action` after `minutes`; a retry is made `times` times for one record, then the next number's turn."""

    action: Literal["retry", "next", "next_later", "drop_number", "finish"]
    minutes: int = 0
    times: int = 0
    cause: Cause = Cause.FINISHED


_NEXT = Treatment("next_later", 45)
_DROP = Treatment("drop_number")
_TREATMENTS: dict[Result | None, Treatment] = {
    Result.OK: Treatment("finish", cause=Cause.AGENT_FINISHED),
    Result.TRANSFERRED: Treatment("finish", cause=Cause.AGENT_FINISHED),
    Result.ANSWER: Treatment("finish", cause=Cause.AGENT_FINISHED),
    Result.DO_NOT_CALL: Treatment("finish", cause=Cause.DO_NOT_CALL),
    Result.CANCEL: Treatment("finish", cause=Cause.AGENT_CANCELLED),
    Result.BUSY: Treatment("retry", 10, 2),
    Result.NO_ANSWER: Treatment("next"),
    Result.MACHINE: _NEXT,
    Result.SILENCE: _NEXT,
    Result.ABANDONED: Treatment("retry", 60, 1),
    Result.DROPPED: Treatment("retry", 60, 1),
    Result.TRUNKS_BUSY: Treatment("retry", 3, 2),
    Result.GENERAL_ERROR: Treatment("retry", 5, 2),
    Result.DIAL_ERROR: Treatment("retry", 5, 1),
    Result.AGENT_CALLBACK_ERROR: Treatment("retry", 30, 2),
    Result.GROUP_CALLBACK_ERROR: Treatment("retry", 30, 2),
    Result.WRONG_PARTY: Treatment("retry", 90, 1),
    Result.STALE: Treatment("retry", 15, 1),
    Result.WRONG_NUMBER: _DROP,
    Result.FAX: _DROP,
    Result.SIT_INVALID: _DROP,
    Result.SIT_VACANT: _DROP,
    Result.SIT_INTERCEPT: _DROP,
    Result.SIT_UNKNOWN: _DROP,
    Result.SIT_NO_CIRCUIT: _NEXT,
    Result.SIT_REORDER: _NEXT,
}
CYCLE_MINUTES = 90


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with the chain: dial `record` (`minutes` None: at once), or finish it for `cause`."""

    record: Record | None
    minutes: int | None = None
    cause: Cause = Cause.FINISHED


def next_step(chain: Chain, attempt: Attempt) -> Step:
    """The step after an attempt that brought no callback."""
    treatment = _TREATMENTS.get(attempt.effective, _NEXT)
    if treatment.action == "finish":
        return Step(None, cause=treatment.cause)
    record = attempt.record
    if treatment.action == "drop_number":
        record.done = True
        if attempt.effective is Result.WRONG_NUMBER:
            record.type = RecordType.NO_CALL
    left = [other for other in chain.customer.records if not other.done]
    if not left or chain.customer.attempts >= MAX_ATTEMPTS:
        return Step(None, cause=Cause.EXHAUSTED)
    if treatment.action == "retry" and record.attempts <= treatment.times:
        return Step(record, treatment.minutes)
    later = [other for other in left if other.place > record.place]
    if not later:  # the whole chain again, later
        return Step(left[0], CYCLE_MINUTES)
    immediately = treatment.action in ("next", "drop_number")
    return Step(later[0], None if immediately else max(treatment.minutes, 1))


def callback_minutes(due: int, now: int) -> int:
    """Minutes until a callback promised for `due`."""
    return max(1, (due - now) // MINUTE)
