"""`icon-assets psql`: PostgreSQL's own client on the project's database, where none is installed."""

from __future__ import annotations

import os
from typing import Annotated

import psycopg
import typer

from icon_assets.commands.url import Role
from icon_assets.database import open_database
from icon_assets.server.runner import binaries
from icon_assets.settings import Settings


def psql(
    command: Annotated[
        list[str] | None,
        typer.Option(
            "--command", "-c", help="Run this, and what other -c say, and end; none: open a session."
        ),
    ] = None,
    role: Annotated[Role, typer.Option(help="As for icon-assets url.")] = "analyst",
    csv: Annotated[bool, typer.Option("--csv", help="Print rows as CSV.")] = False,
) -> None:
    """Ask the database in SQL, as a role that reads: the marts, unless --role says otherwise."""
    conninfo = open_database(Settings.from_env()).login(role)
    with psycopg.connect(**conninfo) as connection:  # type: ignore[arg-type]
        if connection.execute("select to_regclass('marts.mart_campaign_day')").fetchone() == (None,):
            typer.echo(
                "There are no marts yet. Build them: icon-assets process, or icon-assets demo.", err=True
            )
    # In the environment: every user of the machine can read a command line.
    for option in psycopg.pq.Conninfo.get_defaults():
        if option.envvar and (value := conninfo.get(option.keyword.decode())):
            os.environ[option.envvar.decode()] = value
    asked = [*(["--csv"] if csv else []), *(f"--command={one}" for one in command or [])]
    os.execv(binaries() / "psql", ["psql", *asked])  # noqa: S606
