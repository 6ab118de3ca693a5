"""The command line `icon-assets`: which commands there are, and how their errors are shown."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from icon_assets.commands.failures import explained

# Where each command is, and what the list of commands says of it: to import them all takes 2 s.
COMMANDS = {
    "status": ("commands.status:status", "Say whether all is well, what needs attention, and what to do."),
    "process": (
        "commands.process:process",
        "Ingest what is in the landing zone, finalize the days it changed, and build the marts, once.",
    ),
    "finalize": (
        "commands.finalize:finalize",
        "Finalize a range of days again, and bring what changed to the marts.",
    ),
    "dev": ("commands.dev:dev", "Start Dagster's UI, sensors and schedules, until Ctrl-C."),
    "view": (
        "commands.dev:view",
        "Start a second UI that shows everything and starts nothing.",
    ),
    "demo": (
        "commands.demo:demo",
        "Simulate a contact centre, process what it sends, and show the marts.",
    ),
    "docs": (
        "commands.docs:docs",
        "Write the marts' docs as one HTML file that needs no server, and print its path.",
    ),
    "report": (
        "commands.report:report",
        "Write the campaign report as one HTML file that needs no server, and print its path.",
    ),
    "url": (
        "commands.url:url",
        "Print the database's URL for a role that reads; it holds the role's password.",
    ),
    "psql": (
        "commands.psql:psql",
        "Ask the database in SQL, as a role that reads: the marts, unless --role says otherwise.",
    ),
    "quarantine": ("commands.quarantine:app", "Lines that could not be loaded: see, mend and replay them."),
    "db": ("commands.db:app", "Start, stop and look at the database."),
    "simulate": (
        "commands.simulate:simulate",
        "Write the event batches of a simulated contact centre, and the truth that reports must show.",
    ),
}


class Commands(TyperGroup):
    """The commands by name; only the one that runs is imported."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, summary) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Called for the command that runs, and to complete its options."""
        if args and args[0] in COMMANDS:
            self.add_command(load(args[0]), args[0])
        return super().resolve_command(ctx, args)


def load(name: str) -> Any:
    """The command or group `name`, imported."""
    module, attribute = COMMANDS[name][0].split(":")
    found = getattr(import_module(f"icon_assets.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    single = typer.Typer(add_completion=False)
    single.command(name)(found)
    return typer.main.get_command(single)


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(help="Outbound contact-centre reporting: event batches to an interaction database and marts.")
def _root() -> None:
    """Only its help is wanted."""


def main() -> None:
    """Runs the command line; what the user can mend is shown as a message, without a traceback."""
    try:
        app()
    except Exception as error:
        message = explained(error)
        if message is None:
            raise
        typer.secho(f"Error: {message}", err=True, fg=typer.colors.RED)
        sys.exit(1)
