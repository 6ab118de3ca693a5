"""Times: milliseconds since the epoch inside, the contract's text outside, and the clocks of zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@lru_cache(maxsize=4_096)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(ms: int) -> str:
    """`2026-03-02T09:00:00.000Z`."""
    return f"{_second_text(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=4_096)
def _day_text(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(day)).isoformat()


def utc_day(ms: int) -> str:
    """The UTC day, `2026-03-02`."""
    return _day_text(ms // DAY)


def midnight(day: date) -> int:
    """The first millisecond of a UTC day."""
    return (day - date(1970, 1, 1)).days * DAY


def clock(text: str) -> int:
    """Milliseconds since midnight of `HH:MM` or `HH:MM:SS`."""
    parts = [int(part) for part in text.split(":")]
    return sum(part * unit for part, unit in zip(parts, (HOUR, MINUTE, SECOND), strict=False))


@lru_cache(maxsize=8_192)
def _offset(zone: str, quarter: int) -> int:
    moment = datetime.fromtimestamp(quarter * 900, ZoneInfo(zone))
    return int((moment.utcoffset() or timedelta()).total_seconds()) * SECOND


def zone_offset(zone: str, ms: int) -> int:
    """How far the zone's clock is ahead of UTC then, in ms (zones change at quarter hours only)."""
    return _offset(zone, ms // (15 * MINUTE))


def local_ms(zone: str, ms: int) -> int:
    """Milliseconds since local midnight."""
    return (ms + zone_offset(zone, ms)) % DAY


def next_time_in(zone: str, ms: int, first: int, last: int) -> int:
    """`ms` if the local clock stands in [first, last) (ms of the day), else when it next reaches `first`."""
    local = local_ms(zone, ms)
    if first <= local < last:
        return ms
    start = ms + (first - local) % DAY
    # The clock may change in between: go by the clock that holds then.
    return start - (zone_offset(zone, start) - zone_offset(zone, ms))
