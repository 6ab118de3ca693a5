"""Opening the database: what is made, by how many at once, and how others are told of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from icon_assets import database as databases
from icon_assets.database import Database, open_database
from icon_assets.errors import UserError
from icon_assets.idb import roles
from icon_assets.server import EmbeddedServer
from icon_assets.settings import Settings


def served(server: EmbeddedServer, tmp_path: Path, name: str, user: str = "", password: str = "") -> Settings:
    """Settings of somebody whose own PostgreSQL is the test's server."""
    at = server.conninfo()
    who = f"{user or at['user']}:{password or at['password']}"
    return Settings(
        var=tmp_path, landing_url="", database_url=f"postgresql://{who}@{at['host']}:{at['port']}/{name}"
    )


def names(database: Database) -> set[str]:
    with database.connect() as connection:
        return {name for (name,) in connection.execute("select datname from pg_database")}


def test_a_served_database_is_made_with_dagsters_beside_it(server: EmbeddedServer, tmp_path: Path) -> None:
    database = open_database(served(server, tmp_path, "own"))
    assert {"own", "own_dagster"} <= names(database)
    assert databases.is_current(database)
    for url in (database.dagster_url, database.engine.url):
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("select 1").scalar() == 1
        engine.dispose()
    database.dispose()


def test_a_database_that_an_administrator_made_stays_as_open_as_it_was(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        connection.execute("create role outsider login password 'x'")
        connection.execute("create database theirs")
    open_database(served(server, tmp_path, "theirs"))
    outsider = {**server.conninfo(), "user": "outsider", "password": "x"}
    psycopg.connect(**{**outsider, "dbname": "theirs"}).close()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**{**outsider, "dbname": "theirs_dagster"})


def test_many_that_open_a_new_one_at_once(server: EmbeddedServer, tmp_path: Path) -> None:
    settings = served(server, tmp_path, "at_once")
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_database(settings), range(4)))
    assert all(databases.is_current(database) for database in opened)
    assert len({database.url("analyst") for database in opened}) == 1
    for database in opened:
        psycopg.connect(database.url("analyst")).close()
        database.dispose()


def test_opening_again_is_cheap(server: EmbeddedServer, tmp_path: Path) -> None:
    settings = served(server, tmp_path, "again")
    open_database(settings)
    begun = time.monotonic()
    open_database(settings)
    assert time.monotonic() - begun < 0.5


def test_the_embedded_one(tmp_path: Path) -> None:
    settings = Settings.from_env({"ICON_VAR": str(tmp_path)})
    database = open_database(settings)
    try:
        assert {"icon", "icon_dagster"} <= names(database)
        databases.embedded_server(settings).stop()
        assert open_database(settings) == database  # started again
    finally:
        database.dispose()
        databases.embedded_server(settings).stop()


def test_a_password_that_another_machine_has_set_is_set_again(server: EmbeddedServer, tmp_path: Path) -> None:
    ours = served(server, tmp_path / "ours", "shared")
    open_database(ours)
    (tmp_path / "ours" / "passwords.json").unlink()
    psycopg.connect(open_database(ours).url("analyst")).close()


def test_passwords_in_use_elsewhere_are_left_alone(server: EmbeddedServer, tmp_path: Path) -> None:
    """A second ICON_VAR must not lock out the first, whose daemon runs."""
    first = open_database(served(server, tmp_path / "first", "two_homes"))
    with (
        psycopg.connect(**first.login("dagster")),  # type: ignore[arg-type]
        pytest.raises(UserError, match=r"in use \(two_homes_dagster\): another ICON_VAR"),
    ):
        open_database(served(server, tmp_path / "second", "two_homes"))
    psycopg.connect(**first.login("loader")).close()  # type: ignore[arg-type]
    second = open_database(served(server, tmp_path / "second", "two_homes"))
    psycopg.connect(**second.login("loader")).close()  # type: ignore[arg-type]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**first.login("loader"))  # type: ignore[arg-type]


def test_a_user_who_may_not_make_roles_is_told_what_to_run(server: EmbeddedServer, tmp_path: Path) -> None:
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        connection.execute("create role plain login password 'x' createdb")
    settings = served(server, tmp_path, "plain", "plain", "x")
    with pytest.raises(UserError, match="alter role plain createrole"):
        open_database(settings)
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        connection.execute("alter role plain createrole")
    database = open_database(settings)
    psycopg.connect(database.url("secure_reader")).close()
    database.dispose()


def test_a_user_who_may_not_make_databases_is_told_what_to_run(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        connection.execute("create role plainer login password 'x'")
    with pytest.raises(UserError, match="create database plainer owner plainer"):
        open_database(served(server, tmp_path, "plainer", "plainer", "x"))


def test_an_old_server_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "OLDEST_SERVER", 99)
    with pytest.raises(UserError, match="is PostgreSQL 18; 99 or later is needed"):
        databases.is_current(database)


def test_another_encoding_is_refused(server: EmbeddedServer, tmp_path: Path) -> None:
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        connection.execute(
            "create database latin template template0 encoding 'LATIN1' locale_provider libc locale 'C'"
        )
    with pytest.raises(UserError, match="has the encoding LATIN1"):
        open_database(served(server, tmp_path, "latin"))


@pytest.mark.threat("R28", "S6")
def test_a_wrong_password_is_told_without_showing_it(server: EmbeddedServer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="authentication failed") as raised:
        open_database(served(server, tmp_path, "any", "postgres", "hunter2"))
    assert "hunter2" not in str(raised.value)


def test_the_engine_speaks_utc(database: Database) -> None:
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("show timezone").scalar() == "UTC"
        assert connection.exec_driver_sql("show application_name").scalar() == "icon-assets"


@pytest.mark.threat("S6")
def test_nothing_shows_a_password(template: Database) -> None:
    shown = f"{template!r} {template.engine!r} {template.place}"
    assert template.conninfo["password"] not in shown
    assert template.passwords["analyst"] not in shown


@pytest.mark.parametrize(
    ("host", "port"),
    [("db.example", "5433"), ("/var/run/postgresql", "5433"), ("a,b", "5433,5434"), ("::1", "5433")],
)
def test_urls_say_all_that_the_given_one_said(host: str, port: str) -> None:
    conninfo = {
        "host": host,
        "port": port,
        "user": "me@here",
        "password": "p:/@%",
        "dbname": "icon",
        "sslmode": "require",
        "options": "-c work_mem=64MB",
    }
    database = Database(conninfo, {name: f"{name}:/@%" for name in roles.LOGINS})

    def login(role: str) -> dict[str, str]:
        return {**conninfo, "user": f"icon_{role}", "password": f"{role}:/@%"}

    assert psycopg.conninfo.conninfo_to_dict(database.url("analyst")) == login("analyst")
    dialect = sa.make_url(database.dagster_url)
    assert dialect.get_dialect().driver == "psycopg2"
    _, arguments = dialect.get_dialect()().create_connect_args(dialect)
    arguments = {name: str(value) for name, value in arguments.items()}
    assert {**login("dagster"), "dbname": "icon_dagster"} == arguments
    environment = database.environment()
    assert environment["PGSSLMODE"] == "require"
    assert environment["ICON_PG_PASSWORD"] == "builder:/@%"


def test_an_unknown_role_is_named(template: Database) -> None:
    with pytest.raises(UserError, match=r"no role 'auditor'. Choose one of secure_reader, operator, analyst"):
        template.url("auditor")


def test_a_database_name_is_quoted(server: EmbeddedServer, tmp_path: Path) -> None:
    database = open_database(served(server, tmp_path, "Ours-2024"))
    psycopg.connect(database.url("analyst")).close()
    assert "Ours-2024_dagster" in names(database)
    database.dispose()
    assert not databases.is_current(replace(database, conninfo={**database.conninfo, "dbname": "nothing"}))
