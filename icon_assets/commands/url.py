"""`icon-assets url`: where a SQL client or a BI tool connects."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from icon_assets.commands.shown import JSON, print_json
from icon_assets.database import open_database
from icon_assets.settings import Settings

Role = Literal["operator", "analyst", "secure_reader"]


def url(
    role: Annotated[
        Role,
        typer.Option(
            help="operator reads all but customers' values, analyst the marts, secure_reader everything."
        ),
    ] = "operator",
    json: JSON = False,
) -> None:
    """Print the database's URL for a role that reads; it holds the role's password."""
    found = open_database(Settings.from_env()).url(role)
    if json:
        print_json({"role": role, "url": found})
    else:
        typer.echo(found)
