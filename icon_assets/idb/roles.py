"""The database roles that people read with, and what each may see."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from icon_assets.errors import UserError
from icon_assets.files import locked, write_private
from icon_assets.idb.migrate import head

MART_SCHEMAS = ("marts",)
ALL_SCHEMAS = ("idb", "final", "ops", "marts_staging", "marts_intermediate", "marts")

# Customers' numbers and protected values, and the key of their tokens: by table the columns, or all of them.
SECRETS: dict[str, tuple[str, ...]] = {
    **{
        f"{schema}.{table}": columns
        for schema in ("idb", "final")
        for table, columns in {
            "go_record": ("contactinfo",),
            "go_record_hist": ("contactinfo",),
            "go_secure_fields": (),
            "go_sec_fieldhist": (),
        }.items()
    },
    "idb.g_secure_userdata_history": (),
    "idb.g_party": ("endpointdn",),
    "idb.g_party_history": ("endpointdn",),
    "ops.quarantine": ("raw",),
    "ops.token_key": (),
}


@dataclass(frozen=True)
class Role:
    """A role that may log in and read schemas: all of `reads`, and of `guarded` all but SECRETS."""

    name: str
    reads: tuple[str, ...]
    guarded: tuple[str, ...] = ()

    def of(self, database: str) -> str:
        """Its name on the server: two databases of one server have roles of their own."""
        return f"{database}_{self.name}"

    def fingerprint(self, password: str) -> str:
        """Kept as the role's comment: says in one look whether the server has it as we mean it."""
        meant = f"{self!r} {SECRETS if self.guarded else ''} {head()} {password}"
        return "icon-assets " + hashlib.sha256(meant.encode()).hexdigest()


# Not marts_staging for the monitor: its views read the tables of idb with their owner's rights.
ROLES = (
    Role("operator", ALL_SCHEMAS),
    Role("analyst", MART_SCHEMAS),
    Role("monitor", ("marts_intermediate", "marts"), guarded=("idb", "final", "ops")),
)


def passwords(var: Path) -> dict[str, str]:
    """The roles' passwords, by role; made at first use and kept in a file that only its owner reads."""
    path = var / "passwords.json"
    if (known := _read(path)).keys() >= {role.name for role in ROLES}:
        return known
    with locked(var / "passwords.lock"):
        known = _read(path)
        fresh = {role.name: secrets.token_urlsafe(32) for role in ROLES}
        write_private(path, json.dumps({**fresh, **known}, indent=2) + "\n")
    return {**fresh, **known}


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise UserError(f"{path} belongs to another user. Run icon-assets as that user.") from error


def are_current(connection: psycopg.Connection, database: str, passwords: Mapping[str, str]) -> bool:
    """Whether the server has every role, with its password and rights."""
    wanted = {role.of(database): role.fingerprint(passwords[role.name]) for role in ROLES}
    found = connection.execute(
        "select rolname, shobj_description(oid, 'pg_authid') from pg_roles where rolname = any(%s)",
        [[*wanted]],
    )
    return dict(found.fetchall()) == wanted


def apply(connection: psycopg.Connection, database: str, passwords: Mapping[str, str]) -> None:
    """Makes the roles and their rights what ROLES says, in the transaction of `connection`."""
    try:
        for role in ROLES:
            _make(connection, role, role.of(database), passwords[role.name])
            _grant(connection, role, database)
    except psycopg.errors.InsufficientPrivilege as error:
        raise UserError(
            "The user of ICON_DATABASE_URL may not make the roles that read the database "
            f"({error.diag.message_primary}). Let an administrator run: "
            f"alter role {connection.info.user} createrole"
        ) from error


def _make(connection: psycopg.Connection, role: Role, name: str, password: str) -> None:
    found = connection.execute("select from pg_roles where rolname = %s", [name])
    exists = found.fetchone() is not None
    for statement in (
        "alter role {role} login password {password}"
        if exists
        else "create role {role} login password {password}",
        "alter role {role} set default_transaction_read_only = on",
        "alter role {role} set timezone = 'UTC'",
        "comment on role {role} is {fingerprint}",
    ):
        connection.execute(
            sql.SQL(statement).format(
                role=sql.Identifier(name),
                password=sql.Literal(password),
                fingerprint=sql.Literal(role.fingerprint(password)),
            )
        )


def _grant(connection: psycopg.Connection, role: Role, database: str) -> None:
    name = sql.Identifier(role.of(database))
    connection.execute(sql.SQL("grant connect on database {} to {}").format(sql.Identifier(database), name))
    for schema in ALL_SCHEMAS:
        verb, preposition = ("grant", "to") if schema in role.reads else ("revoke", "from")
        for what in (
            "{verb} usage on schema {schema}",
            "{verb} select on all tables in schema {schema}",
            "alter default privileges in schema {schema} {verb} select on tables",
        ):
            connection.execute(
                sql.SQL(what + " {preposition} {role}").format(
                    verb=sql.SQL(verb),
                    preposition=sql.SQL(preposition),
                    schema=sql.Identifier(schema),
                    role=name,
                )
            )
    for schema in role.guarded:
        _grant_guarded(connection, schema, name)


# Not the partitions of final, through which a secret column could be read that is hidden in their parent.
_COLUMNS = """
    select c.relname, array_agg(a.attname::text)
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
    group by c.relname
"""


def _grant_guarded(connection: psycopg.Connection, schema: str, role: sql.Identifier) -> None:
    connection.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), role))
    for table, columns in connection.execute(_COLUMNS, [schema]).fetchall():
        hidden = SECRETS.get(f"{schema}.{table}")
        if hidden == ():
            continue
        shown = sql.SQL(", ").join(sql.Identifier(c) for c in columns if c not in (hidden or ()))
        what = sql.SQL("select ({})").format(shown) if hidden else sql.SQL("select")
        connection.execute(sql.SQL("grant {} on {} to {}").format(what, sql.Identifier(schema, table), role))
