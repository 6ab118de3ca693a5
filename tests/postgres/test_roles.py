"""Who may do what: each stage its work, people what they may read; customers' values one role alone."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from icon_assets import database as databases
from icon_assets.database import Database
from icon_assets.finalize.months import make_months
from icon_assets.idb.catalogue import catalogue
from icon_assets.idb.roles import (
    ALL_SCHEMAS,
    CHAIN_TABLES,
    CURRENT,
    DAGSTER,
    HISTORIES,
    LOGINS,
    READERS,
    ROLES,
    SECRETS,
)
from icon_assets.idb.schema import FINAL_TABLES

SECURE = [
    *(f"idb.{name}" for name in ("go_secure_fields", "go_sec_fieldhist", "g_secure_userdata_history")),
    *(f"final.{name}" for name in ("go_secure_fields", "go_sec_fieldhist")),
    "ops.quarantine",
]
STAGES = ("loader", "finalizer", "builder", "housekeeper")


@pytest.fixture(scope="module")
def built(template: Database) -> Iterator[Database]:
    """Set up by a user without a superuser's rights; then dbt has made a relation in each of its schemas."""
    with template.connect("postgres", autocommit=True) as connection:
        connection.execute("create role keeper login password 'k' createrole createdb")
    conninfo = {**template.conninfo, "user": "keeper", "password": "k", "dbname": "guarded"}
    database = Database(conninfo, template.passwords)
    databases.set_up(database)
    with connect(database, "builder") as connection:
        for schema in ("marts_staging", "marts_intermediate", "marts"):
            connection.execute(f"create table {schema}.made as select 1 as x")
            connection.execute(f"create view {schema}.seen as select * from {schema}.made")
    yield database
    database.dispose()


def connect(database: Database, role: str) -> psycopg.Connection:
    return psycopg.connect(**database.login(role), autocommit=True)  # type: ignore[arg-type]


@pytest.fixture
def operator(built: Database) -> Iterator[psycopg.Connection]:
    with connect(built, "operator") as connection:
        yield connection


@pytest.fixture
def analyst(built: Database) -> Iterator[psycopg.Connection]:
    with connect(built, "analyst") as connection:
        yield connection


def relations(database: Database) -> list[tuple[str, str]]:
    with database.connect() as connection:
        return connection.execute(
            "select relnamespace::regnamespace::text, relname from pg_class"
            " where relnamespace::regnamespace::text = any(%s) and relkind in ('r', 'v', 'm', 'p')",
            [[*ALL_SCHEMAS]],
        ).fetchall()


# What each login must not do. The rights that it needs are proved by all tests that load, finalize and build.
DENIED = {
    "loader": """
        drop table idb.go_chain
        alter table idb.go_chain add x integer
        create table idb.own (x integer)
        create schema own
        truncate idb.go_chain
        update idb.go_chainrec_hist set seq = 1
        delete from idb.go_chainrec_hist
        delete from idb.go_chain
        insert into idb.g_dictionary (type, code, name) values ('x', 1, 'x')
        update ops.batch set path = ''
        delete from ops.batch
        delete from ops.quarantine
        select from final.go_campaign
        insert into final.go_chain (final_day) values ('2020-01-01')
        delete from final.go_chain
        update ops.final_day set version = 1
        select from ops.token_key
        select from marts.made
        select final.make_month('go_chain', '2020-01-01')
        select final.collect('chain', '{2020-01-01}')
        select final.swap('go_chain', '{2020-01-01}')
    """,
    "finalizer": """
        insert into idb.go_chainrec_hist (seq) values (1)
        update idb.go_chainrec_hist set seq = 1
        delete from idb.go_campaignhistory
        delete from idb.g_call
        insert into ops.batch (path) values ('')
        delete from ops.dirty_day
        select raw from ops.quarantine
        select from ops.token_key
        create table final.own (x integer)
        drop table final.go_chain
        truncate final.go_chain
        insert into final.go_chain (final_day) values ('2020-01-01')
        update final.go_chain set state = 1
        delete from final.go_chain
        insert into final.go_sec_fieldhist (final_day) values ('2020-01-01')
        update ops.marts_day set version = 1
        select from marts.made
    """,
    "builder": """
        insert into idb.go_chain (chainguid) values ('x')
        update idb.go_chain set state = 1
        delete from idb.go_chain
        delete from final.go_chain
        drop view ops.open_chain
        create table idb.own (x integer)
        create schema own
        update ops.final_day set version = 1
        update ops.batch set path = ''
        select raw from ops.quarantine
        select final.make_month('go_chain', '2020-01-01')
        select final.collect('chain', '{2020-01-01}')
        select final.swap('go_chain', '{2020-01-01}')
    """,
    "housekeeper": """
        delete from ops.batch
        delete from ops.quarantine
        delete from ops.synthetic_close
        delete from ops.purged_chain
        update ops.dirty_day set finalized_at = null
        update ops.landing_file set status = 'ignored'
        select from idb.go_chain
        delete from final.go_chain
        select from marts.made
        select final.make_month('go_chain', '2020-01-01')
        select final.collect('chain', '{2020-01-01}')
        select final.swap('go_chain', '{2020-01-01}')
    """,
}
BY_ALL = """
    set role guarded_owner
    set session authorization guarded_owner
    create role own
    alter role guarded_analyst superuser
    create table public.own (x integer)
    select * from pg_authid
"""


@pytest.mark.threat("S9")
@pytest.mark.parametrize(
    ("stage", "statement"),
    [
        pytest.param(stage, statement.strip(), id=f"{stage}-{statement.strip()}")
        for stage in STAGES
        for statement in (DENIED[stage] + BY_ALL).strip().splitlines()
        if statement.strip()
    ],
)
def test_no_stage_does_more_than_its_work(built: Database, stage: str, statement: str) -> None:
    with connect(built, stage) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.threat("S9")
def test_no_login_owns_a_table_or_could(built: Database) -> None:
    """Nor does the user that set it all up."""
    with built.connect() as connection:
        owners = connection.execute(
            "select distinct n.nspname, r.rolname from pg_class as c"
            " inner join pg_namespace as n on n.oid = c.relnamespace"
            " inner join pg_roles as r on r.oid in (c.relowner, n.nspowner) where n.nspname = any(%s)",
            [[*ALL_SCHEMAS]],
        ).fetchall()
        assert {*owners} == {(schema, f"guarded_{r.name}") for r in ROLES for schema in r.owns} - {
            ("public", "guarded_dagster")
        }
        attributes = connection.execute(
            "select rolname, rolcanlogin, rolsuper or rolcreaterole or rolcreatedb or rolreplication"
            " or rolbypassrls from pg_roles where rolname like 'guarded\\_%'"
        ).fetchall()
    assert {*attributes} == {(f"guarded_{role.name}", role.may_log_in, False) for role in ROLES}


@pytest.mark.threat("S9")
@pytest.mark.parametrize("owner", ["owner", "marts_owner"])
def test_an_owner_cannot_log_in(built: Database, owner: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**{**built.conninfo, "user": f"guarded_{owner}", "password": ""})  # type: ignore[arg-type]


@pytest.mark.threat("S9")
def test_dagster_has_its_own_database_and_no_other(built: Database) -> None:
    with connect(built, "dagster") as connection:
        connection.execute("create table public.runs (x integer)")
    others = [{**built.login(role), "dbname": built.dagster_name} for role in (*STAGES, *READERS)]
    for conninfo in ({**built.login("dagster"), "dbname": built.name}, *others):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(**conninfo)  # type: ignore[arg-type]


def test_the_names_in_the_roles_are_all_there_are() -> None:
    """A table that is added must be thought of: whether its rows change, or only grow in number."""
    unwritten = {"idb.g_dictionary", "idb.g_prov_control"}
    assert {*HISTORIES, *CURRENT} == {f"idb.{name}" for name in catalogue().tables} - unwritten
    assert tuple(CHAIN_TABLES.split()) == FINAL_TABLES["chain"]


def test_what_is_ours_is_handed_over(template: Database) -> None:
    """After a restore, or from before there were roles, all may belong to whoever sets up."""
    with template.connect("postgres", autocommit=True) as connection:
        connection.execute("create database left_to_us template template_icon")
    database = Database({**template.conninfo, "dbname": "left_to_us"}, template.passwords)
    with database.connect() as connection:
        connection.execute("alter schema idb owner to postgres")
        connection.execute("alter table idb.go_chain owner to postgres")
    databases.set_up(database)
    with database.connect() as connection:
        owners = connection.execute(
            "select distinct relowner::regrole::text from pg_class"
            " where relnamespace in ('idb'::regnamespace, 'ops'::regnamespace)"
            " union select proowner::regrole::text from pg_proc where pronamespace = 'idb'::regnamespace"
        )
        assert owners.fetchall() == [("left_to_us_owner",)]
    with connect(database, "loader") as connection:
        connection.execute("update idb.go_chain set state = state")


def test_the_secure_reader_reads_every_schema(built: Database) -> None:
    found = relations(built)
    assert {schema for schema, _ in found} == set(ALL_SCHEMAS)
    with connect(built, "secure_reader") as connection:
        for schema, name in found:
            connection.execute(f"select * from {schema}.{name} limit 0")


@pytest.mark.threat("S4", "S5")
def test_the_operator_reads_all_but_secrets(built: Database, operator: psycopg.Connection) -> None:
    """Each table but those of SECRETS whole; of these every other column, and none where all is secret."""
    for schema, name in relations(built):
        if schema == "marts_staging":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                operator.execute(f"select 1 from {schema}.{name}")
        elif (secret := SECRETS.get(f"{schema}.{name}")) is None:
            operator.execute(f"select * from {schema}.{name} limit 0")
        else:
            for column in secret or ("*",):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    operator.execute(f"select {column} from {schema}.{name}")
            if secret:
                operator.execute(f"select count(*) from {schema}.{name}")


@pytest.mark.threat("S4", "S5")
def test_one_role_for_people_reads_secrets(built: Database) -> None:
    """Of the stages those whose work it is: dbt masks what it reads, and has the key of tokens."""
    reads: dict[str, set[str]] = {role: set() for role in LOGINS}
    for role, (table, columns) in itertools.product(LOGINS, SECRETS.items()):
        if role == DAGSTER:
            continue
        with connect(built, role) as connection:
            for column in columns or ("*",):
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"select {column} from {table} limit 0".encode())
                    reads[role].add(table)
    idb_and_final = {table for table in SECRETS if not table.startswith("ops.")}
    assert reads == {
        "secure_reader": {*SECRETS},
        "operator": set(),
        "analyst": set(),
        "housekeeper": set(),
        "dagster": set(),
        "builder": {*idb_and_final, "ops.token_key"},
        "finalizer": idb_and_final,
        "loader": {*idb_and_final, "ops.quarantine"},
    }


@pytest.mark.threat("S4", "S5")
def test_no_partition_is_a_way_round(built: Database, operator: psycopg.Connection) -> None:
    make_months(built.finalizer, "chain", [date(2025, 11, 1)])
    databases.set_up(built)
    operator.execute("select chainguid from final.go_record")
    for column in ("contactinfo", "chainguid"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute(f"select {column} from final.go_record_202511")


def test_every_column_of_these_names_is_a_secret(built: Database) -> None:
    """A table that is added with a customer's number in it must be thought of here."""
    with built.connect() as connection:
        found = connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
            " where column_name = any(%s) and table_schema = any(%s)",
            [
                ["contactinfo", "endpointdn", "raw", "oldrest", "newrest", "valuerest"],
                ["idb", "final", "ops"],
            ],
        ).fetchall()
    assert found
    named = [(re.sub(r"_\d{6}$", "", table), column) for table, column in found]  # months as their table
    assert [(table, column) for table, column in named if column not in SECRETS.get(table, ())] == []


@pytest.mark.threat("S5")
def test_a_token_is_keyed_and_the_key_is_hidden(built: Database, operator: psycopg.Connection) -> None:
    with built.connect() as connection:
        query = "select ops.contact_token('+1555'), encode(sha256('+1555'), 'hex'), ops.contact_token(null)"
        token, plain, none = connection.execute(query).fetchone() or ()
    assert (len(token), token != plain, none) == (64, True, None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        operator.execute("select ops.contact_token('+1555')")


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
@pytest.mark.parametrize("role", READERS)
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
    with connect(built, role) as connection:
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
    databases.set_up(built)
    with (
        psycopg.connect(analyst) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select raw from ops.quarantine")


@pytest.mark.threat("S17")
@pytest.mark.parametrize("role", [*STAGES, *READERS])
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
def test_no_login_reaches_the_server_itself(built: Database, role: str, statement: str) -> None:
    with connect(built, role) as connection:
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
            connection.execute(statement)


@pytest.mark.threat("S18")
def test_nobody_comes_in_without_a_password(built: Database) -> None:
    for user in (built.conninfo["user"], *(f"{built.name}_{role}" for role in LOGINS)):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**{**built.conninfo, "user": user, "password": "wrong"})


@pytest.mark.threat("S11")
def test_three_functions_have_more_rights_than_their_caller(built: Database) -> None:
    """And a fixed path; only the finalizer may call them, and they take names for names."""
    query = (
        "select p.oid::regprocedure::text, p.proowner::regrole::text, p.proconfig, array("
        "select a.grantee::regrole::text from aclexplode(p.proacl) as a order by 1) from pg_proc as p"
        " where p.prosecdef and p.pronamespace::regnamespace::text = any(%s)"
    )
    with built.connect() as connection:
        found = connection.execute(query, [[*ALL_SCHEMAS, "public"]]).fetchall()
    path, callers = "search_path=pg_catalog, pg_temp", ["guarded_finalizer", "guarded_owner"]
    assert sorted(found) == [
        (function, "guarded_owner", [path], callers)
        for function in (
            "final.collect(text,date[])", "final.make_month(text,date)", "final.swap(text,date[])",
        )
    ]  # fmt: skip
    evil = "go_chain); drop table idb.go_chain; --"
    with connect(built, "finalizer") as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("select final.make_month(%s, date '2020-01-01')", [evil])
        with pytest.raises(psycopg.errors.CaseNotFound):
            connection.execute(f"{COLLECT}; select final.swap('{evil}', '{{}}')".encode())


COLLECT = "select final.collect('chain', '{2020-01-01}')"
SWAP = "select final.swap('go_chain', '{2020-01-01}')"


@pytest.mark.threat("S11")
@pytest.mark.parametrize(
    "statements",
    [
        f"{COLLECT}; insert into ended (final_day) values ('2020-01-01')",
        f"{COLLECT}; update ended set ended = now()",
        f"{COLLECT}; drop table ended",
        f"{COLLECT}; alter table ended rename to other",
        f"create temporary table ended (final_day date); {SWAP}",
        f"create temporary view ended as select date '2020-01-01' as final_day; {SWAP}",
        SWAP,
    ],
)
def test_what_has_ended_is_not_for_the_finalizer_to_say(built: Database, statements: str) -> None:
    """It may leave out of a day what is too long; it cannot put a row of its own into final."""
    with connect(built, "finalizer") as connection:
        connection.execute(f"begin; {COLLECT}; delete from ended; {SWAP}; rollback".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statements.encode())


@pytest.mark.threat("S10")
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_stands_on_a_stages_path(built: Database, stage: str) -> None:
    with connect(built, stage) as connection:
        assert connection.execute("select current_schemas(false)").fetchone() == ([],)


def test_the_operator_reads_no_text_of_secure_fields_but_keys(operator: psycopg.Connection) -> None:
    """A column that is added to these tables must be thought of."""
    found = operator.execute(
        "select distinct attname from pg_attribute where attrelid::regclass::text = any(%s) and attnum > 0"
        " and atttypid = 'varchar'::regtype and has_column_privilege(attrelid, attnum, 'select')"
        " and attname not like 'gsys%%'",
        [SECURE],
    )
    assert {*found.fetchall()} == {("chainguid",), ("callattid",)}
