"""The daily partitions of what has ended, and how one run is asked for a range of them."""

from __future__ import annotations

from datetime import date

import dagster as dg

# Dagster keeps these two names in a private module; runs that carry them cover every partition between.
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def termination_days(first_day: date) -> dg.DailyPartitionsDefinition:
    """Days of termination in UTC, from `first_day` to today, which is still open."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of one run over the days `first` to `last`."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
