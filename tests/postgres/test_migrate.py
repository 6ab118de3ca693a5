"""The migrations: once, at once, and what they make is what the catalogue says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from icon_assets.database import Database
from icon_assets.errors import UserError
from icon_assets.idb.catalogue import catalogue
from icon_assets.idb.migrate import head, upgrade
from icon_assets.idb.schema import metadata

TYPES = {
    "integer": "integer",
    "bigint": "bigint",
    "bigserial": "bigint",
    "timestamp": "timestamp without time zone",
    "numeric(20)": "numeric(20,0)",
}


@pytest.fixture(scope="module")
def fresh(new_database: Callable[[], Database]) -> Database:
    """A database for tests that only look."""
    return new_database()


def scalar(engine: sa.Engine, statement: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement).scalar()


def test_the_head_is_the_one_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(files("icon_assets.idb") / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [head()]


def test_again_changes_nothing(database: Database) -> None:
    before = scalar(database.engine, "select max(oid::bigint) from pg_class")
    upgrade(database.engine, f"{database.prefix}_owner")
    assert scalar(database.engine, "select max(oid::bigint) from pg_class") == before


def test_many_at_once(template: Database) -> None:
    empty = Database({**template.conninfo, "dbname": "many_at_once"}, template.passwords)
    with template.connect("postgres", autocommit=True) as connection:
        connection.execute("create database many_at_once")
        connection.execute(f"grant create on database many_at_once to {template.name}_owner")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: upgrade(empty.engine, f"{template.name}_owner"), range(4)))
    assert scalar(empty.engine, "select version_num from ops.alembic_version") == head()
    empty.dispose()


@pytest.mark.threat("R29")
def test_a_newer_schema_is_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("update ops.alembic_version set version_num = '9999'")
    with pytest.raises(UserError, match="made by a newer icon-assets"):
        upgrade(database.engine, f"{database.prefix}_owner")


def test_the_database_has_the_tables_of_the_metadata(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "schema" or name in ("idb", "final", "ops"),
                "version_table_schema": "ops",
            },
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("table", catalogue().tables.values(), ids=lambda table: table.name)
def test_names_types_and_comments_are_the_catalogues(fresh: Database, table) -> None:
    with fresh.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)"
            " from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum",
            (f"idb.{table.name}",),
        ).all()
        comment = connection.exec_driver_sql(
            "select obj_description(%s::regclass, 'pg_class')", (f"idb.{table.name}",)
        ).scalar()
    types = {**TYPES, **{f"varchar({n})": f"character varying({n})" for n in range(1, 5000)}}
    assert [tuple(row) for row in found] == [
        (column.name, types[column.type], column.comment) for column in table.columns
    ]
    assert comment == table.purpose


def test_every_code_is_in_g_dictionary(fresh: Database) -> None:
    with fresh.engine.connect() as connection:
        rows = connection.exec_driver_sql("select type, code, name from idb.g_dictionary").all()
    found: dict[str, dict[int, str]] = {}
    for enumeration, code, name in rows:
        found.setdefault(enumeration, {})[code] = name
    assert found == catalogue().enumerations


def test_g_timecode_is_filled_on_demand(database: Database) -> None:
    with database.engine.begin() as connection:
        for _ in range(2):
            connection.exec_driver_sql("select idb.gsysinittimecode('2024-02-28', '2024-03-01')")
        rows = connection.exec_driver_sql(
            "select id, tcyear, tcmonth, tcday, tchour, tcminute from idb.g_timecode order by id"
        ).all()
    assert len(rows) == 2 * 288
    assert rows[0] == (1709078400, 2024, 2, 28, 0, 0)
    assert rows[-1] == (1709078400 + (2 * 288 - 1) * 300, 2024, 2, 29, 23, 55)
