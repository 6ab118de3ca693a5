"""What the commands that run Dagster have in common: the database, the landing zone, the environment."""

from __future__ import annotations

import os
from pathlib import Path

from icon_assets.database import Database, open_database
from icon_assets.instance import environment
from icon_assets.settings import Settings


def set_up(settings: Settings) -> Database:
    """Opens the database, makes the landing zone if it is our own, and sets the variables of `settings`."""
    own = settings.var / "landing"
    if settings.landing_url == str(own):
        own.mkdir(parents=True, exist_ok=True)
    database = open_database(settings)
    os.environ.update(environment(settings, database))
    return database


def log_file(settings: Settings, command: str) -> Path:
    """Where a command leaves what Dagster and dbt print."""
    path = settings.var / "log" / f"{command}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
