"""The database saved to a file, and brought back: data, ledger and key of the tokens, as of one instant.

Not in the file: roles and passwords, which are made anew where they are missing, and Dagster's own database.
"""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from icon_assets.database import Database, create_database, set_up
from icon_assets.errors import UserError
from icon_assets.idb.locks import connected
from icon_assets.idb.migrate import head
from icon_assets.server.runner import binaries

# A setting that pg_restore makes, and that servers before 17 do not have; it matters to nobody there.
_UNKNOWN_BEFORE_17 = "transaction_timeout"


def back_up(database: Database, file: Path) -> None:
    """Writes `file`, readable by its owner only; loading and building may go on meanwhile."""
    if file.exists():
        raise UserError(f"{file} exists already. Name a new file: an older backup is not written over.")
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _run("pg_dump", database, "--format=custom", f"--file={part}")
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


def restore(database: Database, file: Path) -> str | None:
    """Makes `database` what `file` holds; returns under which name what was there is kept, if anything.

    All or nothing: the file is read into a new database, which then takes the other's place.
    """
    fresh = Database({**database.conninfo, "dbname": f"{database.name}_restored"}, database.passwords)
    _refuse_used(database)
    with database.connect("postgres", autocommit=True) as connection:
        _drop(connection, fresh.name)  # of a restore that was killed
        create_database(fresh, fresh.name)
        try:
            is_old = connection.info.server_version < 170_000
            how = ["--no-owner", "--no-privileges", f"--jobs={os.cpu_count() or 1}"]
            how += [] if is_old else ["--exit-on-error"]
            try:
                _run("pg_restore", fresh, *how, str(file), harmless=_UNKNOWN_BEFORE_17 if is_old else "")
            except UserError as error:
                raise UserError(
                    f"{file} could not be restored; the database is as it was. Name a whole file that "
                    f"icon-assets db backup wrote, if this is none. {error}"
                ) from None
            _check(fresh, file)
            kept = _take_the_place(connection, database, fresh)
        except BaseException:
            _drop(connection, fresh.name)
            raise
    set_up(database)
    return kept


def forget(database: Database, kept: str) -> None:
    """Drops the database `kept`, which `restore` has put aside; no other one."""
    with database.connect("postgres", autocommit=True) as connection:
        names = [name for (name,) in connection.execute("select datname from pg_database order by 1")]
        known = [n for n in names if re.fullmatch(rf"{re.escape(database.name)}_until_\d{{8}}_\d{{6}}", n)]
        if kept not in known:
            raise UserError(
                f"{kept!r} is no database that a restore has kept. There are: {', '.join(known) or 'none'}."
            )
        _drop(connection, kept)


def _check(fresh: Database, file: Path) -> None:
    """Refuses what this program cannot work with, while nothing is lost yet."""
    with fresh.connect(autocommit=True) as connection:
        try:
            (version,) = connection.execute("select version_num from ops.alembic_version").fetchone() or ("",)
        except psycopg.errors.UndefinedTable:
            raise UserError(f"{file} is no backup of icon-assets.") from None
        if version > head():
            raise UserError(
                f"{file} was made by a newer icon-assets than this one. Update icon-assets (git pull, make "
                "install), then restore."
            )
        connection.execute("analyze")


def _take_the_place(connection: psycopg.Connection, database: Database, fresh: Database) -> str | None:
    kept = f"{database.name}_until_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    rename = sql.SQL("alter database {} rename to {}")
    there = connection.execute("select from pg_database where datname = %s", [database.name]).fetchone()
    try:
        with connection.transaction():
            if there is not None:
                connection.execute(rename.format(sql.Identifier(database.name), sql.Identifier(kept)))
            connection.execute(rename.format(sql.Identifier(fresh.name), sql.Identifier(database.name)))
    except psycopg.errors.ObjectInUse:
        _refuse_used(database)
        raise
    return kept if there is not None else None


def _refuse_used(database: Database) -> None:
    with database.connect("postgres") as connection:
        users = connected(connection, "datname", [database.name])
    if users:
        raise UserError(
            f"The database {database.name!r} is in use, by {', '.join(users)}. End icon-assets dev and view, "
            "and what reads the database; then restore."
        )


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _run(program: str, database: Database, *arguments: str, harmless: str = "") -> None:
    """Runs a program of PostgreSQL on the database. Errors that all name `harmless` are none."""
    conninfo = {name: value for name, value in database.conninfo.items() if name != "password"}
    done = subprocess.run(
        [binaries() / program, f"--dbname={make_conninfo(**conninfo)}", *arguments],
        # Never an argument, which every user of the machine could read.
        env={**os.environ, "PGPASSWORD": database.conninfo["password"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith(f"{program}: error:")]
    if done.returncode != 0 and not (harmless and errors and all(harmless in line for line in errors)):
        raise UserError(f"{program} failed: {done.stderr.strip()[-500:]}")
