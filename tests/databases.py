"""Databases for tests: clones of one that is up to date, and how a user's own would be named."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from icon_assets.database import Database

TEMPLATE = "template_icon"


class Clone(Database):
    """A clone of the template: its tables, and with them its roles, are the template's."""

    @property
    def prefix(self) -> str:
        """The template's."""
        return TEMPLATE


class Asked:
    """Whoever has a database, and can be asked what it holds."""

    database: Database

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows that a query finds, or a statement returns."""
        with self.database.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), values)]

    def one(self, query: str, **values: Any) -> Any:
        """The only row; of a row of one column, its value."""
        (row,) = self.rows(query, **values)
        return row[0] if len(row) == 1 else row


def drop(database: Database) -> None:
    """Ends it and its connections: a thousand steps of the fault tests would take 10 GB."""
    database.dispose()
    with database.connect("postgres", autocommit=True) as connection:
        connection.execute(f"drop database {database.name} with (force)")


def served_url(database: Database) -> str:
    """ICON_DATABASE_URL for somebody whose own PostgreSQL it is."""
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**database.conninfo)
