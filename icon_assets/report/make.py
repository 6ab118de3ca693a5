"""Makes the report: asks the marts, draws the figures, writes the page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from icon_assets.files import write_whole
from icon_assets.instance import DBT_PROJECT
from icon_assets.report import page, queries
from icon_assets.report.scope import Scope, connect, find_scope


def report_zone() -> ZoneInfo:
    """The zone whose midnights bound the report days."""
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())
    return ZoneInfo(project["vars"]["report_time_zone"])


def make_report(
    url: str,
    manifest: Path,
    out: Path,
    *,
    campaign: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Scope:
    """Writes the page of `campaign` (name or DBID; none: all) and of the report days first..last to `out`.

    `url` is of a role that reads the marts, `manifest` dbt's. Returns what the page is about. Raises
    UserError where there is nothing to report.
    """
    zone = report_zone()
    with connect(url) as connection:
        scope = find_scope(connection, campaign, first, last)
        answers = [queries.ask(connection, scope, *one) for one in scope.campaigns]
    html = page.render(
        scope,
        [page.part(one, zone) for one in answers],
        answers[0].days[0]["report_day_rule"],
        zone,
        manifest,
        datetime.now(UTC),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html)
    return scope
