"""Who may read what: the operator everything, the analyst the marts, and neither may write."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from icon_assets.database import Database, set_roles
from icon_assets.idb.roles import ALL_SCHEMAS

SECURE = [
    *(f"idb.{name}" for name in ("go_secure_fields", "go_sec_fieldhist", "g_secure_userdata_history")),
    *(f"final.{name}" for name in ("go_secure_fields", "go_sec_fieldhist")),
    "ops.quarantine",
]


@pytest.fixture
def built(database: Database) -> Database:
    """A database in which dbt has made a relation in each of its schemas, after the grants."""
    with database.connect() as connection:
        for schema in ("marts_staging", "marts_intermediate", "marts"):
            connection.execute(f"create table {schema}.made as select 1 as x")
            connection.execute(f"create view {schema}.seen as select * from {schema}.made")
    return database


@pytest.fixture
def operator(built: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(built.url("operator"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def analyst(built: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(built.url("analyst"), autocommit=True) as connection:
        yield connection


def relations(database: Database) -> list[tuple[str, str]]:
    with database.connect() as connection:
        return connection.execute(
            "select relnamespace::regnamespace::text, relname from pg_class"
            " where relnamespace::regnamespace::text = any(%s) and relkind in ('r', 'v', 'm', 'p')",
            [[*ALL_SCHEMAS]],
        ).fetchall()


def test_the_operator_reads_every_schema(built: Database, operator: psycopg.Connection) -> None:
    found = relations(built)
    assert {schema for schema, _ in found} == set(ALL_SCHEMAS)
    for schema, name in found:
        operator.execute(f"select * from {schema}.{name} limit 0")


def test_the_analyst_reads_marts_only(built: Database, analyst: psycopg.Connection) -> None:
    for schema, name in relations(built):
        if schema == "marts":
            analyst.execute(f"select * from {schema}.{name} limit 0")
            continue
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(f"select * from {schema}.{name} limit 0")


@pytest.mark.parametrize("table", SECURE)
def test_the_analyst_is_kept_from_secure_values(analyst: psycopg.Connection, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(f"select * from {table}")
    granted = analyst.execute(
        "select has_any_column_privilege(c.oid, 'select') from pg_class as c"
        " where c.oid in (select oid from pg_class where relname = %s)",
        [table.partition(".")[2]],
    ).fetchall()
    assert {may for (may,) in granted} == {False}


@pytest.mark.parametrize("role", ["operator", "analyst"])
@pytest.mark.parametrize(
    "statement",
    [
        "insert into marts.made values (2)",
        "update ops.batch set path = ''",
        "create table marts.own (x integer)",
        "create temporary table own (x integer)",
        "create table public.own (x integer)",
        "delete from idb.go_chain",
        "truncate final.go_chain",
        "drop table marts.made",
    ],
)
def test_neither_writes(built: Database, role: str, statement: str) -> None:
    with psycopg.connect(built.url(role), autocommit=True) as connection:
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)):
            connection.execute(statement)
        # Read-only sessions are a courtesy that anyone may leave; the rights are what holds.
        connection.execute("set default_transaction_read_only = off")
        if "temporary" not in statement:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_rights_given_by_hand_elsewhere_are_taken_back(built: Database) -> None:
    analyst = built.url("analyst")
    with built.connect() as connection:
        connection.execute(f"grant usage on schema ops to {built.name}_analyst")
        connection.execute(f"grant select on all tables in schema ops to {built.name}_analyst")
    set_roles(built)
    with (
        psycopg.connect(analyst) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select raw from ops.quarantine")
