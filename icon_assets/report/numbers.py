"""Sums, shares and days of a report, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from math import sqrt
from zoneinfo import ZoneInfo

from icon_assets.report.scope import Row, Rows

UNKNOWN = "\N{EN DASH}"
QUARTER = timedelta(minutes=15)
Bounds = tuple[datetime, datetime]


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """The share, none where there is nothing to share."""
    return numerator / denominator if denominator and numerator is not None else None


def wilson(numerator: int, denominator: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share, by the formula of the marts' macro `wilson`."""
    if not denominator:
        return None, None
    part, z = numerator / denominator, 1.96
    middle = part + z * z / (2 * denominator)
    spread = z * sqrt(part * (1 - part) / denominator + z * z / (4 * denominator**2))
    scale = 1 + z * z / denominator
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def totals(rows: Rows, names: Iterable[str]) -> dict[str, int]:
    """The sums of counts over all rows."""
    return {name: sum(row[name] or 0 for row in rows) for name in names}


def dot(what: str, part: str, numerator: int, denominator: int, of: str = "") -> Row:
    """A share with its interval, as `charts.intervals` takes it."""
    low, high = wilson(numerator, denominator)
    said = f"{count(numerator)} of {count(denominator)} {of}".strip()
    return {
        "what": what,
        "part": part,
        "share": ratio(numerator, denominator),
        "low": low,
        "high": high,
        "said": said,
    }


def data_through(rows: Rows) -> datetime | None:
    """The newest notice behind any of the rows."""
    return max((row["data_through_ts"] for row in rows if row["data_through_ts"]), default=None)


def completeness(rows: Rows) -> str:
    """How complete the rows are together, judged as the marts judge a day by its quarters."""
    states = {row["completeness"] for row in rows}
    if len(states) == 1:
        return str(states.pop())
    return "partial" if states & {"partial", "dark"} else "unknown"


def by_day(rows: Rows, when: str, zone: ZoneInfo) -> list[tuple[date, Bounds, Rows]]:
    """The rows of each report day, and of each the same span of its clock, wide enough for any day."""
    if not rows:
        return []
    local = [row[when].astimezone(zone) for row in rows]
    minutes = [instant.hour * 60 + instant.minute for instant in local]
    first, last = timedelta(minutes=min(minutes)), timedelta(minutes=max(minutes)) + QUARTER
    days: dict[date, Rows] = {}
    for row in rows:
        days.setdefault(row["report_day"], []).append(row)
    midnights = {day: datetime(day.year, day.month, day.day, tzinfo=zone) for day in days}
    return [(day, (midnights[day] + first, midnights[day] + last), days[day]) for day in days]


def count(number: int) -> str:
    """1,234."""
    return f"{number:,}"


def share(number: float | None) -> str:
    """12.3 %, or a dash where it is not known."""
    return UNKNOWN if number is None else f"{100 * number:.1f}\N{NO-BREAK SPACE}%"


def hours(milliseconds: int) -> str:
    """12 h 05 min."""
    whole, minutes = divmod(round(milliseconds / 60_000), 60)
    return f"{whole:,} h {minutes:02} min".replace(" ", "\N{NO-BREAK SPACE}")


def day_label(row: Row) -> str:
    """Of a day beside a chart: its name, and how complete it is where that is not whole."""
    name = day_name(row["report_day"])
    return name if row["completeness"] == "complete" else f"{name}, {row['completeness']}"


def day_name(day: date) -> str:
    """Mon 3 Mar."""
    return f"{day:%a} {day.day} {day:%b}"
