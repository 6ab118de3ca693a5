"""Who may read what: customers' values the operator alone, the analyst the marts; none may write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from icon_assets.database import Database, set_roles
from icon_assets.finalize.months import make_months
from icon_assets.idb.roles import ALL_SCHEMAS, SECRETS

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
def monitor(built: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(built.url("monitor"), autocommit=True) as connection:
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


def test_the_operator_reads_every_schema(built: Database) -> None:
    found = relations(built)
    assert {schema for schema, _ in found} == set(ALL_SCHEMAS)
    with psycopg.connect(built.url("operator"), autocommit=True) as connection:
        for schema, name in found:
            connection.execute(f"select * from {schema}.{name} limit 0")


@pytest.mark.threat("S4", "S5")
def test_the_monitor_reads_all_but_secrets(built: Database, monitor: psycopg.Connection) -> None:
    """Each table but those of SECRETS whole; of these every other column, and none where all is secret."""
    for schema, name in relations(built):
        if schema == "marts_staging":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                monitor.execute(f"select 1 from {schema}.{name}")
        elif (secret := SECRETS.get(f"{schema}.{name}")) is None:
            monitor.execute(f"select * from {schema}.{name} limit 0")
        else:
            for column in secret or ("*",):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    monitor.execute(f"select {column} from {schema}.{name}")
            if secret:
                monitor.execute(f"select count(*) from {schema}.{name}")


@pytest.mark.threat("S4", "S5")
def test_no_partition_is_a_way_round(built: Database, monitor: psycopg.Connection) -> None:
    make_months(built.engine, "chain", [date(2025, 11, 1)])
    set_roles(built)
    monitor.execute("select chainguid from final.go_record")
    for column in ("contactinfo", "chainguid"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            monitor.execute(f"select {column} from final.go_record_202511")


def test_every_column_of_these_names_is_a_secret(built: Database) -> None:
    """A table that is added with a customer's number in it must be thought of here."""
    with built.connect() as connection:
        found = connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
            " where column_name = any(%s) and table_schema = any(%s)",
            [["contactinfo", "endpointdn", "raw"], ["idb", "final", "ops"]],
        ).fetchall()
    assert found
    assert [(table, column) for table, column in found if column not in SECRETS.get(table, ())] == []


@pytest.mark.threat("S5")
def test_a_token_is_keyed_and_the_key_is_hidden(built: Database, monitor: psycopg.Connection) -> None:
    with built.connect() as connection:
        query = "select ops.contact_token('+1555'), encode(sha256('+1555'), 'hex'), ops.contact_token(null)"
        token, plain, none = connection.execute(query).fetchone() or ()
    assert (len(token), token != plain, none) == (64, True, None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        monitor.execute("select ops.contact_token('+1555')")


@pytest.mark.threat("S8")
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


@pytest.mark.threat("S8", "S10")
@pytest.mark.parametrize("role", ["monitor", "analyst", "operator"])
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
def test_none_writes(built: Database, role: str, statement: str) -> None:
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


@pytest.mark.threat("S17")
@pytest.mark.parametrize("role", ["monitor", "analyst", "operator"])
@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to program 'true'",
        "copy pg_temp.x from '/etc/passwd'",
        "select pg_read_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select * from pg_authid",
    ],
)
def test_no_reader_reaches_the_server_itself(built: Database, role: str, statement: str) -> None:
    with psycopg.connect(built.url(role), autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
            connection.execute(statement)


@pytest.mark.threat("S18")
def test_nobody_comes_in_without_a_password(built: Database) -> None:
    for user in (built.conninfo["user"], f"{built.name}_analyst", f"{built.name}_monitor"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**{**built.conninfo, "user": user, "password": "wrong"})


@pytest.mark.threat("S11")
def test_no_function_has_more_rights_than_its_caller(built: Database) -> None:
    query = "select proname from pg_proc where prosecdef and pronamespace::regnamespace::text = any(%s)"
    with built.connect() as connection:
        assert connection.execute(query, [[*ALL_SCHEMAS, "public"]]).fetchall() == []
