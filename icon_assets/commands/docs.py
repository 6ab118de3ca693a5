"""`icon-assets docs`: dbt's docs of the marts as one page."""

from __future__ import annotations

import os

import typer

from icon_assets.commands.setup import set_up
from icon_assets.marts.dbt_cli import make_docs
from icon_assets.settings import Settings


def docs() -> None:
    """Write the marts' docs as one HTML file that needs no server, and print its path."""
    settings = Settings.from_env()
    set_up(settings)
    typer.echo(make_docs(settings, os.environ))
