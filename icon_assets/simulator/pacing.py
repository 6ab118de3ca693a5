"""How many calls to place now: the arithmetic of the dial modes and optimisation targets."""

from __future__ import annotations

from collections import deque

from icon_assets.simulator.codes import DialMode, Optimization
from icon_assets.simulator.session import Session
from icon_assets.simulator.times import MINUTE, SECOND

TICK = 2 * SECOND
_SLOWEST, _FASTEST = 100, 1500
_PREDICTIVE = frozenset({DialMode.PREDICTIVE, DialMode.PREDICTIVE_SEIZING, DialMode.PREDICTIVE_GVP})
_POWER = frozenset({DialMode.POWER, DialMode.POWER_SEIZING, DialMode.POWER_GVP})


class Pacer:
    """The pace of one session.

    Predictive modes place `ratio` percent of calls for each agent who is free or will be by the time the call
    is answered (a tenth of the busy ones: a call rings for about a tenth of the time that one is handled).
    The ratio follows the target by a few percent of itself a minute. The vendor's algorithm is not published:
    what matters here is that the figures react to the target, and that too high a pace overdials.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ratio = 130
        self._adjusted = int(session.env.now)
        self._seen: deque[tuple[int, int, int, int]] = deque([(0, 0, 0, 0)], maxlen=15)
        self._owed = 0

    def dials(self) -> int:
        """Calls to start in this tick."""
        session = self._session
        idle = session.pool.idle
        if session.mode in _POWER:
            return self._power(idle)
        if session.mode in _PREDICTIVE:
            self._adjust()
            busy = session.pool.present - idle
            wanted = max(0, (10 * idle + busy) * self._ratio // 1000 - session.placing)
            return min(wanted, idle) if session.mode.seizing else wanted
        return max(0, idle if session.mode.needs_agent else idle - session.placing)

    def _power(self, idle: int) -> int:
        """A fixed number of calls a minute; with seizing no more than there are agents to engage."""
        self._owed += self._session.plan.rate * TICK
        whole, self._owed = divmod(self._owed, MINUTE)
        return min(whole, idle) if self._session.mode.seizing else whole

    def _adjust(self) -> None:
        """Once a minute, by what happened in the last quarter of an hour."""
        session, now = self._session, int(self._session.env.now)
        if now - self._adjusted < MINUTE:
            return
        self._adjusted = now
        pool = session.pool
        self._seen.append((session.answers, session.overdials, pool.waited_ms, pool.offers))
        first, last = self._seen[0], self._seen[-1]
        too_slow = self._too_slow(*(new - old for new, old in zip(last, first, strict=True)))
        self._ratio = min(_FASTEST, max(_SLOWEST, self._ratio * (104 if too_slow else 94) // 100))

    def _too_slow(self, answers: int, overdials: int, waited: int, offers: int) -> bool:
        session, pool = self._session, self._session.pool
        if session.target is Optimization.OVERDIAL_RATE:
            return overdials * 100 <= answers * session.value
        if session.target is Optimization.BUSY_FACTOR:
            return (pool.present - pool.idle) * 100 < pool.present * session.value
        if session.target in (Optimization.WAIT_TIME, Optimization.DISTRIBUTION_TIME):
            return waited > offers * session.value * SECOND
        return overdials == 0
