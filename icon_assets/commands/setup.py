"""What the commands that run Dagster have in common: the database, the landing zone, the environment."""

from __future__ import annotations

import os
from pathlib import Path

from icon_assets.contract.landing import Landing
from icon_assets.database import Database, open_database
from icon_assets.ingest.deployment import read_deployment
from icon_assets.instance import environment
from icon_assets.settings import Settings


def set_up(settings: Settings) -> Database:
    """Opens the database, makes the landing zone if it is our own, and sets the variables of `settings`."""
    landing_zone(settings)
    read_deployment(settings.deployment)  # what is wrong with it is said now, not by each run
    database = open_database(settings)
    os.environ.update(environment(settings, database))
    return database


def landing_zone(settings: Settings) -> Landing:
    """The landing zone; the default one is ours to make."""
    own = settings.var / "landing"
    if settings.landing_url == str(own):
        own.mkdir(parents=True, exist_ok=True)
    return Landing(settings.landing_url)


def log_file(settings: Settings, command: str) -> Path:
    """Where a command leaves what Dagster and dbt print."""
    path = settings.var / "log" / f"{command}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
