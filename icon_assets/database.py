"""The project's database: found or started, brought up to date, and the ways to connect to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, urlencode

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from icon_assets.errors import UserError
from icon_assets.idb import grants, roles
from icon_assets.idb.migrate import SETUP_LOCK, head, upgrade
from icon_assets.server import EmbeddedServer
from icon_assets.settings import Settings

NAME = "icon"  # of the database in the embedded server
OLDEST_SERVER = 15
_MAIN_PARAMETERS = ("host", "port", "user", "password", "dbname")


@dataclass(frozen=True)
class Database:
    """A database that is up to date, and an engine for each stage, with the rights of that stage alone.

    `conninfo` is libpq's parameters of the login that sets it up: nothing else is done with its rights.
    """

    conninfo: Mapping[str, str] = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the database on its server."""
        return self.conninfo["dbname"]

    @property
    def dagster_name(self) -> str:
        """Name of the database that holds Dagster's own tables."""
        return f"{self.name}_dagster"

    @property
    def prefix(self) -> str:
        """What the names of its roles begin with."""
        return self.name

    @property
    def place(self) -> str:
        """Where it is, to show: host, port and name."""
        return f"{self.conninfo['host']}:{self.conninfo['port']}/{self.name}"

    @cached_property
    def engine(self) -> sa.Engine:
        """Of the login that sets up: for migrations, and for tests that look around."""
        return self._engine(self.conninfo)

    @cached_property
    def loader(self) -> sa.Engine:
        """Writes idb, and the ledger and quarantine of ops."""
        return self._engine(self.login("loader"))

    @cached_property
    def finalizer(self) -> sa.Engine:
        """Reads idb, writes final."""
        return self._engine(self.login("finalizer"))

    @cached_property
    def builder(self) -> sa.Engine:
        """Makes the marts; dbt connects with the same role."""
        return self._engine(self.login("builder"))

    @cached_property
    def housekeeper(self) -> sa.Engine:
        """Forgets what ops need not keep."""
        return self._engine(self.login("housekeeper"))

    @cached_property
    def secure_reader(self) -> sa.Engine:
        """Reads everything, customers' values too: for people who asked for them."""
        return self._engine(self.login("secure_reader"))

    @cached_property
    def operator(self) -> sa.Engine:
        """Reads all but customers' values: for whatever only looks."""
        return self._engine(self.login("operator"))

    def dispose(self) -> None:
        """Closes the idle connections of all engines."""
        for value in vars(self).values():
            if isinstance(value, sa.Engine):
                value.dispose()

    def _engine(self, conninfo: Mapping[str, str]) -> sa.Engine:
        options = f"{conninfo.get('options', '')} -c timezone=UTC".strip()
        return sa.create_engine(
            _url(conninfo, "postgresql+psycopg"),
            connect_args={"application_name": "icon-assets", "options": options},
            pool_pre_ping=True,
            hide_parameters=True,  # an error must not carry a customer's values into a log
        )

    def login(self, role: str) -> dict[str, str]:
        """Parameters of libpq for a role that may log in, to the database that it is for."""
        return {
            **self.conninfo,
            "dbname": self.dagster_name if role == roles.DAGSTER else self.name,
            "user": roles.server_name(self.prefix, role),
            "password": self.passwords[role],
        }

    def url(self, role: str) -> str:
        """The libpq URL of a role that reads: `operator`, `analyst` or `secure_reader`."""
        if role not in roles.READERS:
            raise UserError(f"There is no role {role!r}. Choose one of {', '.join(roles.READERS)}.")
        return _url(self.login(role), "postgresql")

    @property
    def dagster_url(self) -> str:
        """URL of Dagster's storage; it names psycopg2, the driver that dagster-postgres is written for."""
        return _url(self.login(roles.DAGSTER), "postgresql+psycopg2")

    def connect(self, name: str = "", *, autocommit: bool = False) -> psycopg.Connection:
        """A connection of the login that sets up, to the database or to another one of its server."""
        conninfo = {**self.conninfo, "dbname": name or self.name, "application_name": "icon-assets"}
        conninfo["client_encoding"] = (
            "utf8"  # a server's database `postgres` may have none: text would be bytes
        )
        return psycopg.connect(make_conninfo(**conninfo), autocommit=autocommit)

    def environment(self) -> dict[str, str]:
        """What dagster.yaml and dbt's profiles.yml read, for the environment of child processes.

        Never an argument of theirs, which every user of the machine could read. What else the URL said
        (sslmode, say) goes in the variables that libpq reads itself.
        """
        builder = self.login("builder")
        variables = {option.keyword.decode(): option.envvar for option in psycopg.pq.Conninfo.get_defaults()}
        return {
            **{
                variable.decode(): value
                for name, value in self.conninfo.items()
                if name not in _MAIN_PARAMETERS and (variable := variables[name])
            },
            "ICON_PG_HOST": self.conninfo["host"],
            "ICON_PG_PORT": self.conninfo["port"],
            "ICON_PG_USER": builder["user"],
            "ICON_PG_PASSWORD": builder["password"],
            "ICON_PG_DBNAME": self.name,
            "ICON_DAGSTER_URL": self.dagster_url,
        }


def embedded_server(settings: Settings) -> EmbeddedServer:
    """The server that is used where ICON_DATABASE_URL is unset."""
    return EmbeddedServer(settings.var / "postgres")


def find_database(settings: Settings) -> Database:
    """The database of `settings` in whatever state it is, if there; its embedded server started."""
    if settings.database_url:
        conninfo = _served(settings.database_url)
    else:
        conninfo = {**embedded_server(settings).start(), "dbname": NAME}
    return Database(conninfo, roles.passwords(settings.var))


def open_database(settings: Settings) -> Database:
    """The database of `settings`: its embedded server started, its schema and roles brought up to date."""
    database = find_database(settings)
    if not is_current(database):
        set_up(database)
    return database


def is_current(database: Database) -> bool:
    """Whether nothing is left to set up; two small queries."""
    try:
        with database.connect() as connection:
            _check_server(connection)
            migrated = connection.execute(
                "select to_regclass('ops.alembic_version') is not null"
                " and exists (select from pg_database where datname = %s)",
                [database.dagster_name],
            ).fetchone() == (True,)
            return (
                migrated
                and connection.execute("select version_num from ops.alembic_version").fetchone() == (head(),)
                and grants.Grants(database.prefix, database.passwords).are_current(connection)
            )
    except psycopg.OperationalError as error:
        if _exists(database, database.name):
            raise _unreachable(error) from error
        return False


def set_up(database: Database) -> None:
    """Makes the two databases, the roles, the schema and all rights, or what is missing of them."""
    for name in (database.name, database.dagster_name):
        create_database(database, name)
    roles_of = grants.Grants(database.prefix, database.passwords)
    with _alone(database) as connection:
        roles_of.make(connection)
    upgrade(database.engine, roles_of.name(roles.OWNER))
    database.engine.dispose()
    with _alone(database) as connection, database.connect(database.dagster_name) as beside:
        roles_of.hand_over(beside, roles.DAGSTER)
        roles_of.grant(connection)


@contextmanager
def _alone(database: Database) -> Iterator[psycopg.Connection]:
    """A connection that no other process changes schema or roles beside."""
    with database.connect() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [SETUP_LOCK])
        yield connection


def create_database(database: Database, name: str) -> None:
    """Makes the database `name` on the server of `database`, unless it is there."""
    if _exists(database, name):
        return
    try:
        with database.connect("postgres", autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(name))
            )
            # Made by us, so ours to close: who may connect is said role by role.
            connection.execute(
                sql.SQL("revoke connect, temporary on database {} from public").format(sql.Identifier(name))
            )
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        pass  # another process was quicker
    except psycopg.Error as error:
        raise UserError(
            f"The server has no database {name!r}, and it could not be made: {error}. "
            f"Let an administrator run: create database {name} owner {database.conninfo['user']}"
        ) from error


def _served(url: str) -> dict[str, str]:
    """The parameters of a URL, with libpq's defaults for what it leaves out."""
    given = conninfo_to_dict(url)
    defaults = {
        option.keyword.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.val is not None and option.keyword.decode() in _MAIN_PARAMETERS
    }
    conninfo = {"host": "localhost", "password": "", **defaults, **{k: str(v) for k, v in given.items()}}
    if not given.get("dbname"):
        raise UserError(
            "ICON_DATABASE_URL names no database. Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    return conninfo


def _check_server(connection: psycopg.Connection) -> None:
    found = connection.info.server_version // 10_000
    if found < OLDEST_SERVER:
        raise UserError(
            f"The server of ICON_DATABASE_URL is PostgreSQL {found}; {OLDEST_SERVER} or later is needed. "
            "Upgrade it, or unset ICON_DATABASE_URL to use the embedded server."
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UserError(
            f"The database {connection.info.dbname!r} has the encoding {encoding}. Name another one in "
            "ICON_DATABASE_URL: one that does not exist yet is made with UTF8."
        )


def _exists(database: Database, name: str) -> bool:
    """Whether the server has the database, as any other database of it that lets us in can tell."""
    refusals = []
    for door in ("postgres", database.name):
        try:
            with database.connect(door) as connection:
                found = connection.execute("select from pg_database where datname = %s", [name])
                return found.fetchone() is not None
        except psycopg.OperationalError as error:
            refusals.append(error)
    raise _unreachable(refusals[-1]) from refusals[-1]


def _unreachable(error: psycopg.OperationalError) -> UserError:
    return UserError(
        f"The database cannot be reached: {' '.join(str(error).split())} Check ICON_DATABASE_URL and that "
        "its server runs; for the embedded server: icon-assets db status."
    )


def _url(conninfo: Mapping[str, str], scheme: str) -> str:
    main = {name: quote(conninfo[name], safe="") for name in _MAIN_PARAMETERS}
    # A socket's directory, a list of hosts or an IPv6 address cannot stand there for every program.
    plain = not set("/,:") & set(conninfo["host"])
    where = f"{main['host']}:{main['port']}" if plain else ""
    extra = {name: value for name, value in conninfo.items() if name not in _MAIN_PARAMETERS}
    if not plain:
        extra |= {"host": conninfo["host"], "port": conninfo["port"]}
    query = f"?{urlencode(extra, quote_via=quote)}" if extra else ""
    return f"{scheme}://{main['user']}:{main['password']}@{where}/{main['dbname']}{query}"
