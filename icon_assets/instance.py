"""Where Dagster and dbt find the database and keep their files: the environment of their processes."""

from __future__ import annotations

import sys
from pathlib import Path

from icon_assets.database import Database
from icon_assets.settings import Settings

ROOT = Path(__file__).parents[1]
DBT_PROJECT = ROOT / "dbt_project"
# Of the same environment as this process, whether or not that environment is activated.
DBT = Path(sys.executable).with_name("dbt")


def dbt_target(settings: Settings) -> Path:
    """Where dbt's manifest and parsed state are kept."""
    return settings.var / "dbt"


def environment(settings: Settings, database: Database) -> dict[str, str]:
    """The variables that dagster.yaml, profiles.yml and this project's code read, in whatever directory."""
    dagster_var = settings.var / "dagster"
    return {
        **database.environment(),
        "ICON_VAR": str(settings.var),
        "ICON_LANDING_URL": settings.landing_url,
        # dagster.yaml stands there; whatever Dagster writes goes to the two directories below.
        "DAGSTER_HOME": str(ROOT),
        "ICON_DAGSTER_FILES": str(dagster_var / "files"),
        "ICON_DAGSTER_LOGS": str(dagster_var / "logs"),
        # A range run over 300 days: 6.7 s instead of 15.6 s.
        "DAGSTER_EVENT_BATCH_SIZE": "100",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        # A landing zone with very many files takes long to list; the default is 60 s.
        "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "180",
        "ICON_DBT": str(DBT),
        "DBT_TARGET_PATH": str(dbt_target(settings)),
        "DBT_LOG_PATH": str(dbt_target(settings) / "logs"),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
    }
