"""What a dialled number really answers with, and what call progress detection makes of it."""

from __future__ import annotations

from icon_assets.simulator import scenario
from icon_assets.simulator.codes import ContactType, Result
from icon_assets.simulator.randomness import Stream, Weights
from icon_assets.simulator.times import HOUR

# Shares in a thousand, by kind of number; no public table gives them, these keep the order of magnitude
# that the answering-machine literature and the bank campaign of the test data show.
_SHARES: dict[ContactType, dict[Result, int]] = {
    ContactType.HOME: {
        Result.ANSWER: 270,
        Result.MACHINE: 230,
        Result.NO_ANSWER: 340,
        Result.BUSY: 70,
        Result.SIT_INVALID: 25,
        Result.SIT_VACANT: 12,
        Result.SIT_INTERCEPT: 8,
        Result.SIT_UNKNOWN: 5,
        Result.SIT_NO_CIRCUIT: 5,
        Result.SIT_REORDER: 5,
        Result.FAX: 10,
        Result.TRUNKS_BUSY: 10,
        Result.GENERAL_ERROR: 10,
    },
    ContactType.BUSINESS: {
        Result.ANSWER: 360,
        Result.MACHINE: 200,
        Result.NO_ANSWER: 250,
        Result.BUSY: 110,
        Result.SIT_INVALID: 20,
        Result.SIT_VACANT: 10,
        Result.FAX: 25,
        Result.TRUNKS_BUSY: 10,
        Result.DIAL_ERROR: 15,
    },
    ContactType.MOBILE: {
        Result.ANSWER: 310,
        Result.MACHINE: 330,
        Result.NO_ANSWER: 240,
        Result.BUSY: 60,
        Result.SIT_INVALID: 30,
        Result.SIT_UNKNOWN: 10,
        Result.TRUNKS_BUSY: 10,
        Result.GENERAL_ERROR: 10,
    },
}
# Persons at home by local hour, in percent of the average; the number they answer with keeps its table.
_PERSONS = (0, 0, 0, 0, 0, 5, 20, 40, 60, 70, 80, 85, 90, 85, 80, 85, 95, 120, 150, 160, 130, 90, 40, 10)
_OFFICE = (0, 0, 0, 0, 0, 0, 5, 20, 70, 120, 130, 125, 80, 90, 125, 130, 115, 70, 25, 10, 0, 0, 0, 0)

_RING_MS: dict[Result, tuple[int, ...]] = {
    Result.ANSWER: (2_500, 6_000, 9_000, 14_000, 24_000),
    Result.MACHINE: (8_000, 14_000, 18_000, 22_000),
    Result.NO_ANSWER: (14_000, 20_000, 25_000, 30_000),
}
_SIGNAL_MS = (600, 1_400, 2_500, 6_000)
ANSWERED = frozenset({Result.ANSWER, Result.MACHINE, Result.FAX})


def _weights(kind: ContactType, hour: int) -> Weights[Result]:
    shares = dict(_SHARES[kind])
    factor = (_OFFICE if kind is ContactType.BUSINESS else _PERSONS)[hour]
    persons = shares[Result.ANSWER] * factor // 100
    shares[Result.NO_ANSWER] = max(0, shares[Result.NO_ANSWER] + shares[Result.ANSWER] - persons)
    shares[Result.ANSWER] = persons
    return Weights(shares)


_WEIGHTS = {(kind, hour): _weights(kind, hour) for kind in _SHARES for hour in range(24)}


def reach(kind: ContactType, local_ms: int, luck: Stream) -> Result:
    """What really happens on the line: ANSWER is a person."""
    return luck.pick(_WEIGHTS[kind, local_ms // HOUR])


def ring_ms(result: Result, luck: Stream) -> int:
    """From the start of dialling to answer, or to release."""
    return luck.spread(_RING_MS.get(result, _SIGNAL_MS))


def detect(plan: scenario.Campaign, real: Result, luck: Stream) -> tuple[Result, int]:
    """CPD's verdict on an answered call, and how long it took (ms).

    Without CPD Server nobody listens: whatever answers counts as an answer, except a fax tone.
    """
    if real is Result.FAX:
        return Result.FAX, luck.spread((1_500, 3_000, 5_000))
    if plan.cpd != "server":
        return Result.ANSWER, 0
    took = luck.spread((200, 400, 650, 1_000, 2_000))
    if real is Result.ANSWER and luck.chance(plan.false_positive):
        return Result.MACHINE, took
    if real is Result.MACHINE and luck.chance(plan.false_negative):
        return Result.ANSWER, took
    return real, took
