"""What a report is about: its campaigns and days, and the connection on which the marts are asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from icon_assets.errors import UserError

Row = dict[str, Any]
Rows = list[Row]

LONGEST_BY_QUARTER = 7  # days of which the quarters of an hour are shown; a longer report shows days only
_DAYS_SHOWN = 7
_CAMPAIGNS = """
    select
        campaign_id,
        coalesce(dim.campaign_name, campaign_id::text) as campaign_name,
        min(report_day) as first_day,
        max(report_day) as last_day
    from marts.mart_campaign_day
    left join marts.dim_campaign as dim using (campaign_id)
    group by 1, 2
    order by 2, 1
"""


class NothingToReportError(UserError):
    """The marts hold no attempt of the campaigns and days asked for."""


@dataclass(frozen=True)
class Scope:
    """What the report is about: campaigns (id and name), the first and the last report day."""

    campaigns: tuple[tuple[int, str], ...]
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many report days it spans."""
        return (self.last - self.first).days + 1

    @property
    def by_quarter(self) -> bool:
        """Whether it is short enough to show quarters of an hour."""
        return self.days <= LONGEST_BY_QUARTER


def connect(url: str) -> psycopg.Connection[Row]:
    """A connection on which all questions see one state of the marts, and nothing can be written."""
    connection = psycopg.connect(url, row_factory=dict_row, options="-c timezone=UTC")
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def find_scope(
    connection: psycopg.Connection[Row], campaign: str | None, first: date | None, last: date | None
) -> Scope:
    """The campaigns and days asked for; by default all campaigns, and the last seven days that have data.

    `campaign` is a name or a DBID. Raises UserError where nothing is there to report.
    """
    try:
        known = connection.execute(_CAMPAIGNS).fetchall()
    except psycopg.errors.UndefinedTable:
        known = []
    if not known:
        raise NothingToReportError(
            "The marts hold no attempt yet. Load batches first: icon-assets process, or icon-assets demo."
        )
    chosen = _chosen(known, campaign)
    last = last or (first + timedelta(_DAYS_SHOWN - 1) if first else max(row["last_day"] for row in chosen))
    first = first or max(last - timedelta(_DAYS_SHOWN - 1), min(row["first_day"] for row in chosen))
    if first > last:
        raise UserError(f"The first day, {first}, is after the last, {last}. Swap --from and --to.")
    some = connection.execute(
        "select distinct campaign_id from marts.mart_campaign_day where report_day between %s and %s",
        [first, last],
    )
    with_data = {row["campaign_id"] for row in some}
    found = [row for row in chosen if row["campaign_id"] in with_data]
    if not found:
        there = "; ".join(
            f"{row['campaign_name']}, {row['first_day']} to {row['last_day']}" for row in chosen
        )
        raise NothingToReportError(f"There is no attempt from {first} to {last}. The marts hold: {there}.")
    return Scope(tuple((row["campaign_id"], row["campaign_name"]) for row in found), first, last)


def _chosen(known: Rows, campaign: str | None) -> Rows:
    if campaign is None:
        return known
    by_name = [row for row in known if row["campaign_name"] == campaign]
    chosen = by_name or [row for row in known if str(row["campaign_id"]) == campaign]
    if not chosen:
        names = ", ".join(row["campaign_name"] for row in known)
        raise UserError(f"There is no campaign {campaign!r} in the marts. There are: {names}.")
    if len(chosen) > 1:
        ids = ", ".join(str(row["campaign_id"]) for row in chosen)
        raise UserError(f"Several campaigns are called {campaign!r}. Name one by its DBID: {ids}.")
    return chosen
