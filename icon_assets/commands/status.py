"""`icon-assets status`: whether all is well, and what to do where it is not."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from icon_assets.commands.setup import landing_zone
from icon_assets.commands.shown import JSON, print_json
from icon_assets.database import embedded_server, open_database
from icon_assets.errors import UserError
from icon_assets.health.findings import Health, Level
from icon_assets.health.look import health
from icon_assets.settings import Settings

_MARKS = {Level.OK: "[green]✓[/]", Level.NOTE: "[yellow]·[/]", Level.ATTENTION: "[bold red]![/]"}


def status(json: JSON = False) -> None:
    """Say whether all is well, what needs attention, and what to do; exit code 1 where something does."""
    settings = Settings.from_env()
    # Whoever only looks starts nothing.
    if not settings.database_url and not (found := embedded_server(settings).status()).running:
        raise UserError(found.down)
    looked = health(open_database(settings), settings, landing_zone(settings))
    if json:
        print_json(looked.as_dict())
    else:
        _show(looked)
    raise typer.Exit(1 if looked.attention else 0)


def _show(found: Health) -> None:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    for _ in range(3):
        table.add_column()
    for finding in found.findings:
        table.add_row(_MARKS[finding.level], finding.topic, escape(finding.said))
        if finding.level is Level.ATTENTION:
            table.add_row("", "", f"[bold]→ {escape(finding.next)}[/]")
    console = Console(highlight=False)
    console.print(f"[bold]{found.headline}[/]")
    console.print(table)
