"""`icon-assets report`: the campaign report as one page."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from icon_assets.commands.setup import set_up
from icon_assets.commands.shown import DAY
from icon_assets.marts.dbt_cli import manifest_path, prepare_dbt
from icon_assets.pages import report_page
from icon_assets.settings import Settings


def report(
    campaign: Annotated[str | None, typer.Option(help="Name or DBID; none: all campaigns.")] = None,
    first: Annotated[
        date | None, typer.Option("--from", help="First report day; none: a week back.", **DAY)
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", help="Last report day; none: the newest.", **DAY)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write.", dir_okay=False)] = None,
) -> None:
    """Write the campaign report as one HTML file that needs no server, and print its path."""
    settings = Settings.from_env()
    database = set_up(settings)
    prepare_dbt(settings, database.builder, os.environ)
    from icon_assets.report.make import make_report

    page = out or report_page(settings, re.sub(r"\W+", "-", campaign)[:80].strip("-") if campaign else "")
    make_report(
        database.url("analyst"),
        manifest_path(settings),
        page,
        campaign=campaign,
        first=first,
        last=last,
    )
    typer.echo(page)
