"""Days, shares and intervals of a report."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from icon_assets.report import charts, timelines
from icon_assets.report.numbers import by_day, completeness, ratio, share, wilson

NEW_YORK = ZoneInfo("America/New_York")


def at(day: date, instant: str) -> dict[str, object]:
    return {"report_day": day, "at": datetime.fromisoformat(instant)}


def test_days_of_a_zone_show_the_same_hours_of_its_clock_whatever_the_season() -> None:
    winter, summer = date(2025, 3, 8), date(2025, 3, 9)  # the clocks go forward in the night between them
    rows = [
        at(winter, "2025-03-08 14:00+00"),  # 09:00
        at(summer, "2025-03-09 13:30+00"),  # 09:30
        at(summer, "2025-03-10 02:45+00"),  # 22:45, still the same report day
    ]
    found = {
        day: [bound.astimezone(UTC) for bound in bounds] for day, bounds, _ in by_day(rows, "at", NEW_YORK)
    }
    assert found == {
        winter: [datetime(2025, 3, 8, 14, 0, tzinfo=UTC), datetime(2025, 3, 9, 4, 0, tzinfo=UTC)],
        summer: [datetime(2025, 3, 9, 13, 0, tzinfo=UTC), datetime(2025, 3, 10, 3, 0, tzinfo=UTC)],
    }


def test_no_rows_are_no_days() -> None:
    assert by_day([], "at", NEW_YORK) == []


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (0, 0, None, None)],
)
def test_intervals(numerator: int, denominator: int, low: float | None, high: float | None) -> None:
    assert wilson(numerator, denominator) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_share_of_nothing_is_not_known() -> None:
    assert ratio(0, 0) is None
    assert share(None) == "\N{EN DASH}"
    assert share(0.12345) == "12.3\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("states", "together"),
    [
        (["complete", "complete"], "complete"),
        (["complete", "dark"], "partial"),
        (["complete", "unknown"], "unknown"),
        (["dark"], "dark"),
    ],
)
def test_completeness_of_several(states: list[str], together: str) -> None:
    assert completeness([{"completeness": state} for state in states]) == together


def test_a_chart_of_nothing_is_a_chart() -> None:
    now = datetime(2025, 3, 3, tzinfo=UTC)
    assert timelines.strips([(now.date(), (now, now), [])], {"a": "red"}, [], "Attempts")
    assert charts.intervals([], {}, "Rate") == []
    for spec in (charts.days([], {"a": "red"}), charts.bars([], {}, "hours")):
        assert spec["width"] == "container"
