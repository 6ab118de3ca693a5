"""Every setting of the project: environment variables that begin with ICON_, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from icon_assets.errors import UserError


@dataclass(frozen=True)
class Settings:
    """What the environment says, with its defaults filled in."""

    var: Path
    landing_url: str
    database_url: str | None = None
    first_day: date = date(2000, 1, 1)
    wait_seconds: int = 3600
    chain_silence: timedelta = timedelta(hours=8)
    session_silence: timedelta = timedelta(hours=24)
    finalize_delay: timedelta = timedelta(0)
    keep_days: int | None = None
    keep_run_days: int = 30
    deployment: Path | None = None
    cti_database_url: str | None = None
    pages_url: str | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Reads the variables; an empty one counts as unset. Raises UserError for a value that cannot be."""
        var = Path(environ.get("ICON_VAR") or "var").absolute()
        return cls(
            var=var,
            landing_url=environ.get("ICON_LANDING_URL") or str(var / "landing"),
            database_url=_database_url("ICON_DATABASE_URL", environ, "use the embedded server"),
            first_day=_day("ICON_FIRST_DAY", environ.get("ICON_FIRST_DAY") or "2000-01-01"),
            wait_seconds=_seconds("ICON_WAIT", environ.get("ICON_WAIT") or "3600"),
            chain_silence=_hours("ICON_CHAIN_SILENCE", environ.get("ICON_CHAIN_SILENCE") or "8"),
            session_silence=_hours("ICON_SESSION_SILENCE", environ.get("ICON_SESSION_SILENCE") or "24"),
            finalize_delay=timedelta(
                seconds=_seconds("ICON_FINALIZE_DELAY", environ.get("ICON_FINALIZE_DELAY") or "0")
            ),
            keep_days=_keep_days(environ.get("ICON_KEEP_DAYS")),
            keep_run_days=_whole(
                "ICON_KEEP_RUN_DAYS", environ.get("ICON_KEEP_RUN_DAYS") or "30", "days", "30"
            ),
            deployment=Path(deployment).absolute()
            if (deployment := environ.get("ICON_DEPLOYMENT"))
            else None,
            cti_database_url=_database_url("ICON_CTI_DATABASE_URL", environ, "take calls by file only"),
            pages_url=environ.get("ICON_PAGES_URL") or None,
        )


def _database_url(name: str, environ: Mapping[str, str], without: str) -> str | None:
    # The value is never shown: it holds a password.
    value = environ.get(name)
    if not value:
        return None
    write = "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    if not value.startswith(("postgresql://", "postgres://")):
        raise UserError(f"{name} is not a PostgreSQL URL. {write}, or unset it to {without}.")
    try:
        conninfo_to_dict(value)
    except psycopg.ProgrammingError:
        raise UserError(
            f"{name} cannot be read. {write}, and write special characters of the password as %XX."
        ) from None
    return value


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise UserError(f"{name} is {value!r}, which is no day. Write it as 2000-01-31.") from None


def _seconds(name: str, value: str) -> int:
    return _whole(name, value, "seconds", "3600")


def _hours(name: str, value: str) -> timedelta:
    return timedelta(hours=_whole(name, value, "hours", "8"))


def _keep_days(value: str | None) -> int | None:
    return _whole("ICON_KEEP_DAYS", value, "days", "400") if value else None


def _whole(name: str, value: str, unit: str, example: str) -> int:
    # No time here is longer than a lifetime, and a timedelta has an end.
    if not value.isascii() or not value.isdigit() or len(value) > 6:
        raise UserError(f"{name} is {value!r}. Write a whole number of {unit}, for example {example}.")
    return int(value)
