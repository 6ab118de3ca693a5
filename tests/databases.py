"""Databases for tests: clones of one that is up to date, and how a user's own would be named."""

from __future__ import annotations

from icon_assets.database import Database

TEMPLATE = "template_icon"


class Clone(Database):
    """A clone of the template: its tables, and with them its roles, are the template's."""

    @property
    def prefix(self) -> str:
        """The template's."""
        return TEMPLATE


def drop(database: Database) -> None:
    """Ends it and its connections: a thousand steps of the fault tests would take 10 GB."""
    database.dispose()
    with database.connect("postgres", autocommit=True) as connection:
        connection.execute(f"drop database {database.name} with (force)")


def served_url(database: Database) -> str:
    """ICON_DATABASE_URL for somebody whose own PostgreSQL it is."""
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**database.conninfo)
