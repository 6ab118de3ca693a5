"""`icon-assets demo`: three simulated days through every stage, and what the marts say of them."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table

from icon_assets.commands.process import process_once
from icon_assets.database import Database, open_database
from icon_assets.errors import UserError
from icon_assets.settings import Settings

_SEED = 1
_SUMMARY = """
    select
        coalesce(c.campaign_name, m.campaign_id::text) as campaign,
        m.report_day::text as day,
        sum(m.attempts)::bigint as attempts,
        sum(m.dials_made)::bigint as dials,
        sum(m.live_answers)::bigint as live,
        sum(m.machine)::bigint as machine,
        sum(m.connected)::bigint as agent,
        sum(m.abandoned)::bigint as abandoned
    from marts.mart_campaign_day as m
    left join marts.dim_campaign as c on c.campaign_id = m.campaign_id
    group by 1, 2
    order by 1, 2
"""


def demo() -> None:
    """Simulate a contact centre, process what it sends, and show the marts."""
    settings = Settings.from_env()
    settings = replace(settings, landing_url=str(settings.var / "demo"))
    database = open_database(settings)
    if not (settings.var / "demo" / "truth.json").exists():
        _refuse_foreign(database)
        from icon_assets.simulator import simulate

        typer.echo("Simulating three days of two campaigns ...")
        simulate("demo", _SEED, settings.landing_url)
    typer.echo(process_once(settings).said)
    _show(database)
    typer.echo(
        "See it in Dagster: icon-assets dev, then http://127.0.0.1:3000\n"
        "Ask the marts:     icon-assets psql\n"
        "Read about them:   icon-assets docs\n"
        "Show them:         icon-assets report"
    )


def _refuse_foreign(database: Database) -> None:
    """Simulated campaigns must not stand among real ones."""
    with database.operator.connect() as connection:
        if connection.execute(sa.text("select exists (select from ops.batch)")).scalar_one():
            raise UserError(
                "The database holds data of its own, and the demo would mix with it. Set ICON_VAR to another "
                "directory, and unset ICON_DATABASE_URL, for the demo."
            )


def _show(database: Database) -> None:
    # Without lines between the columns it fits a terminal of 80.
    table = Table(title="marts.mart_campaign_day (live: live answers)", box=None, pad_edge=False)
    with database.operator.connect() as connection:
        rows = connection.execute(sa.text(_SUMMARY)).mappings().all()
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int) else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else value for value in row.values()))
    Console().print(table)
