"""What follows a result: retry, next number of the chain, a later cycle, or the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import Cause, RecordType, Result
from icon_assets.simulator.lists import Record

MAX_ATTEMPTS = 6
_CYCLE_MINUTES = 90


@dataclass(frozen=True, slots=True)
class Treatment:
    """`action` after `minutes`; a retry is made `times` times for one record, then the next number's turn."""

    action: Literal["retry", "next", "next_later", "drop_number", "finish"]
    minutes: int = 0
    times: int = 0
    cause: Cause = Cause.FINISHED


_NEXT = Treatment("next_later", 45)
_DROP = Treatment("drop_number")
_DONE = Treatment("finish", cause=Cause.AGENT_FINISHED)
_TREATMENTS: dict[Result | None, Treatment] = {
    Result.OK: _DONE,
    Result.ANSWER: _DONE,
    Result.DO_NOT_CALL: Treatment("finish", cause=Cause.DO_NOT_CALL),
    Result.CANCEL: Treatment("finish", cause=Cause.AGENT_CANCELLED),
    Result.BUSY: Treatment("retry", 10, 2),
    Result.NO_ANSWER: Treatment("next"),
    Result.MACHINE: _NEXT,
    Result.ABANDONED: Treatment("retry", 60, 1),
    Result.DROPPED: Treatment("retry", 60, 1),
    Result.TRUNKS_BUSY: Treatment("retry", 3, 2),
    Result.GENERAL_ERROR: Treatment("retry", 5, 2),
    Result.DIAL_ERROR: Treatment("retry", 5, 1),
    Result.AGENT_CALLBACK_ERROR: Treatment("retry", 30, 2),
    Result.WRONG_PARTY: Treatment("retry", 90, 1),
    Result.STALE: Treatment("retry", 15, 1),
    Result.WRONG_NUMBER: _DROP,
    Result.FAX: _DROP,
    Result.SIT_INVALID: _DROP,
    Result.SIT_VACANT: _DROP,
    Result.SIT_INTERCEPT: _DROP,
    Result.SIT_UNKNOWN: _DROP,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with the chain: dial `record` (`minutes` None: at once), or finish it for `cause`."""

    record: Record | None
    minutes: int | None = None
    cause: Cause = Cause.FINISHED


def next_step(chain: Chain, attempt: Attempt) -> Step:
    """The step after an attempt that brought no callback."""
    if chain.customer.runaway is not None:
        return _run_away(chain, attempt.record, chain.customer.runaway)
    treatment = _TREATMENTS.get(attempt.effective, _NEXT)
    record = attempt.record
    if treatment.action == "finish":
        if attempt.effective is Result.DO_NOT_CALL:
            record.type = RecordType.NO_CALL
        return Step(None, cause=treatment.cause)
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
        return Step(left[0], _CYCLE_MINUTES)
    immediately = treatment.action in ("next", "drop_number")
    return Step(later[0], None if immediately else max(treatment.minutes, 1))


def _run_away(chain: Chain, record: Record, notices: int) -> Step:
    """A treatment that never ends (a badly written one does this), until the chain has as many notices.

    An attempt takes two notices and the end one; where that does not come out even, one wait is put in.
    """
    left = notices - chain.seq - 1
    if left <= 0:
        return Step(None, cause=Cause.EXHAUSTED)
    return Step(record, 0 if left % 2 else None)
