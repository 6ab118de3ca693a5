"""Every setting of the project: environment variables that begin with ICON_, read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from icon_assets.errors import UserError


@dataclass(frozen=True)
class Settings:
    """What the environment says, and the defaults of what it does not say.

    landing_url: `landing` under `var`, unless it says otherwise.
    """

    var: Path
    landing_url: str
    database_url: str | None = None
    first_day: date = date(2000, 1, 1)
    wait: timedelta = timedelta(hours=1)
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
        said: dict[str, Any] = {
            field: read(name, value)
            for name, (field, read) in _VARIABLES.items()
            if (value := environ.get(name))
        }
        return cls(**{"var": var, "landing_url": str(var / "landing"), **said})


def _database_url(name: str, value: str, without: str) -> str:
    # The value is never shown: it holds a password.
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


def _seconds(name: str, value: str) -> timedelta:
    return timedelta(seconds=_whole(name, value, "seconds", "3600"))


def _hours(name: str, value: str) -> timedelta:
    return timedelta(hours=_whole(name, value, "hours", "8"))


def _whole(name: str, value: str, unit: str, example: str) -> int:
    # No time here is longer than a lifetime, and a timedelta has an end.
    if not value.isascii() or not value.isdigit() or len(value) > 6:
        raise UserError(f"{name} is {value!r}. Write a whole number of {unit}, for example {example}.")
    return int(value)


def _text(_: str, value: str) -> str:
    return value


def _path(_: str, value: str) -> Path:
    return Path(value).absolute()


# Which setting each variable is, and how it is read.
_VARIABLES: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "ICON_LANDING_URL": ("landing_url", _text),
    "ICON_DATABASE_URL": ("database_url", partial(_database_url, without="use the embedded server")),
    "ICON_FIRST_DAY": ("first_day", _day),
    "ICON_WAIT": ("wait", _seconds),
    "ICON_CHAIN_SILENCE": ("chain_silence", _hours),
    "ICON_SESSION_SILENCE": ("session_silence", _hours),
    "ICON_FINALIZE_DELAY": ("finalize_delay", _seconds),
    "ICON_KEEP_DAYS": ("keep_days", partial(_whole, unit="days", example="400")),
    "ICON_KEEP_RUN_DAYS": ("keep_run_days", partial(_whole, unit="days", example="30")),
    "ICON_DEPLOYMENT": ("deployment", _path),
    "ICON_CTI_DATABASE_URL": (
        "cti_database_url",
        partial(_database_url, without="take calls by file only"),
    ),
    "ICON_PAGES_URL": ("pages_url", _text),
}
