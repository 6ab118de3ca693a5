"""What the schedules ask for at their hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import dagster as dg
import pytest
import sqlalchemy as sa

from icon_assets.database import Database
from icon_assets.orchestration.partitions import RANGE_END, RANGE_START
from icon_assets.orchestration.schedules import nightly_ranges

NIGHT = datetime(2026, 3, 10, 2, 15, tzinfo=UTC)
FIRST = date(2000, 1, 1)


@pytest.mark.parametrize(
    ("dirty", "ranges"),
    [
        ([], [("2026-03-09", "2026-03-09")]),
        (["2026-03-02"], [("2026-03-02", "2026-03-09")]),
        (["2025-11-22", "2025-11-30"], [("2025-11-22", "2025-11-30"), ("2026-03-09", "2026-03-09")]),
        # Today goes on; what a wrong clock says of tomorrow, or of before the first day, is no partition.
        (["2026-03-10", "2026-03-11", "1970-01-01"], [("2026-03-09", "2026-03-09")]),
    ],
)
def test_ranges_of_a_night(dirty: list[str], ranges: list[tuple[str, str]]) -> None:
    found = nightly_ranges([date.fromisoformat(day) for day in dirty], NIGHT, FIRST)
    assert [(str(first), str(last)) for first, last in found] == ranges


def test_dirty_days_become_range_runs(
    defs: dg.Definitions, stored: dg.DagsterInstance, database: Database
) -> None:
    with database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "insert into ops.dirty_day (entity, day, reason, objects, finalized_at) values "
                "('chain', '2025-11-22', 'call', 1, null), ('campaign', '2025-11-24', 'ended', 1, null), "
                "('chain', '2024-02-29', 'call', 1, now())"
            )
        )
    assert spans(defs, stored) == [("2025-11-22", "2025-11-24"), ("2026-03-09", "2026-03-09")]


def spans(defs: dg.Definitions, instance: dg.DagsterInstance) -> list[tuple[str, str]]:
    """The ranges that the schedule asks for at NIGHT, each under a run key of its own."""
    schedule = defs.resolve_schedule_def("nightly_finalize")
    resources = {key: defs.resources[key] for key in schedule.required_resource_keys}
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=NIGHT, resources=resources
    )
    requests = schedule.evaluate_tick(context).run_requests or []
    assert len({request.run_key for request in requests}) == len(requests)
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests]


def test_days_that_a_run_failed_on_are_asked_for_again(
    defs: dg.Definitions, stored: dg.DagsterInstance, finalize_two_days: Callable[..., None]
) -> None:
    finalize_two_days(stored, fails=True)
    assert spans(defs, stored) == [("2025-11-22", "2025-11-23"), ("2026-03-09", "2026-03-09")]
    finalize_two_days(stored)
    assert spans(defs, stored) == [("2026-03-09", "2026-03-09")]
