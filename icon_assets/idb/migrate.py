"""Brings a database's schema up to date: Alembic migrations, one transaction, one process at a time."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import sqlalchemy as sa

from icon_assets.errors import UserError

# Any constant of our own: whoever holds this lock in a database may change its schema and its roles.
SETUP_LOCK = 0x1C0A55E7


@cache
def head() -> str:
    """The newest migration. They are numbered and linear, so no need to load Alembic, which takes 0.2 s."""
    versions = files(__package__) / "migrations" / "versions"
    return max(entry.name[:4] for entry in versions.iterdir() if entry.name[:4].isdigit())


def upgrade(engine: sa.Engine, owner: str) -> None:
    """Runs the migrations that the database lacks, all or none, as the role `owner`.

    Several processes may call it at once.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(files(__package__) / "migrations"))
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SETUP_LOCK)))
        quote = engine.dialect.identifier_preparer.quote
        connection.exec_driver_sql(f"set local role {quote(owner)}")
        connection.execute(sa.text("create schema if not exists ops"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise UserError(
                "The database was made by a newer icon-assets than this one. Update icon-assets "
                f"(git pull, make install). Alembic says: {error}"
            ) from error
