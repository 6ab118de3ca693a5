"""The command line `icon-assets`: which commands there are, and how their errors are shown."""

from __future__ import annotations

import sys

import typer

from icon_assets.commands import db, demo, dev, docs, process, quarantine, url
from icon_assets.errors import UserError
from icon_assets.simulator.command import simulate

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Outbound contact-centre reporting: event batches to an interaction database and marts.",
)
app.add_typer(db.app, name="db")
app.add_typer(quarantine.app, name="quarantine")
app.command()(url.url)
app.command()(process.process)
app.command()(dev.dev)
app.command()(demo.demo)
app.command()(docs.docs)
app.command()(simulate)


def main() -> None:
    """Runs the command line; what the user can mend is shown as a message, without a traceback."""
    try:
        app()
    except UserError as error:
        typer.secho(f"Error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(1)
