"""Times of the contract: RFC 3339 UTC with milliseconds, or epoch milliseconds, to epoch milliseconds.

A leap second (23:59:60, RFC 3339 section 5.7) is the first second of the next day, as POSIX clocks count it.
"""

from __future__ import annotations

import re
from datetime import datetime

FIRST_MS = 946_684_800_000  # 2000-01-01
END_MS = 4_102_444_800_000  # 2100-01-01, not included
DAY_MS = 86_400_000

_SHAPE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:)([0-9]{2})\.([0-9]{3})Z")
_SECONDS = {f"{second:02d}.": second * 1000 for second in range(60)}
_MILLIS = {f"{ms:03d}Z": ms for ms in range(1000)}
# Start of each minute seen. Times come in millions, minutes in thousands: three look-ups instead of a parse.
_MINUTES: dict[str, int] = {}
_MINUTES_KEPT = 50_000


class TimeError(ValueError):
    """No time of the contract; the message names the field and the rule, never the value."""


def epoch_ms(value: str | int, field: str) -> int:
    """Epoch milliseconds of a time of the contract. TimeError if it is none, or outside 2000 to 2099."""
    if isinstance(value, int):
        if FIRST_MS <= value < END_MS:
            return value
        raise TimeError(f"`{field}`: outside 2000 to 2099")
    try:
        return _MINUTES[value[:17]] + _SECONDS[value[17:20]] + _MILLIS[value[20:]]
    except KeyError:
        return _parse(value, field)


def _parse(text: str, field: str) -> int:
    shape = _SHAPE.fullmatch(text)
    if not shape:
        raise TimeError(f"`{field}`: not RFC 3339 UTC with milliseconds")
    minute, second, ms = shape.groups()
    try:
        start = int(datetime.fromisoformat(minute + "00+00:00").timestamp()) * 1000
    except ValueError:
        raise TimeError(f"`{field}`: no such day, hour or minute") from None
    if int(second) > 59 and not (second == "60" and minute.endswith("23:59:")):
        raise TimeError(f"`{field}`: no such second")
    if not FIRST_MS <= start < END_MS:
        raise TimeError(f"`{field}`: outside 2000 to 2099")
    if len(_MINUTES) >= _MINUTES_KEPT:
        _MINUTES.clear()
    _MINUTES[minute] = start
    return start + int(second) * 1000 + int(ms)
