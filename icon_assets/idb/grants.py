"""Makes the roles of a database, what they own and what they may do, as `roles` says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from icon_assets.errors import UserError
from icon_assets.idb.locks import connected
from icon_assets.idb.roles import DAGSTER, LOGINS, ROLES, SECRETS, Role, password_digest, server_name

# Sequences of identity columns, indexes and types follow their tables.
_STRANGERS = """
    with meant as (select to_regrole(quote_ident(%(owner)s)) as owner)
    select format('alter schema %%I owner to %%s', n.nspname, m.owner)
    from pg_namespace as n
    inner join meant as m on n.nspowner <> m.owner
    where n.nspname = any(%(schemas)s)
    union all
    select format('alter table %%s owner to %%s', c.oid::regclass, m.owner)
    from pg_class as c
    inner join meant as m on c.relowner <> m.owner
    where
        c.relnamespace::regnamespace::text = any(%(schemas)s)
        and (
            c.relkind in ('r', 'p', 'v', 'm')
            or c.relkind = 'S' and not exists (
                select from pg_depend as d
                where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
            )
        )
    union all
    select format('alter function %%s owner to %%s', p.oid::regprocedure, m.owner)
    from pg_proc as p
    inner join meant as m on p.proowner <> m.owner
    where p.pronamespace::regnamespace::text = any(%(schemas)s)
"""
# Not the partitions of final, through which a secret column could be read that is hidden in their parent.
_COLUMNS = """
    select c.relname, array_agg(a.attname::text)
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
    group by c.relname
"""


@dataclass(frozen=True)
class Grants:
    """The roles whose names on the server begin with `prefix`."""

    prefix: str
    passwords: Mapping[str, str] = field(repr=False)

    def name(self, role: str) -> str:
        """Name of a role on the server."""
        return server_name(self.prefix, role)

    def are_current(self, connection: psycopg.Connection) -> bool:
        """Whether the server has every role, with its password and rights."""
        return self._fingerprints(connection) == {
            self.name(role.name): self._fingerprint(role) for role in ROLES
        }

    def make(self, connection: psycopg.Connection) -> None:
        """Makes the roles, and what migrations need: the owners own what is there already."""
        known = self._fingerprints(connection)
        self._refuse_other_passwords(connection, known)
        try:
            for role in ROLES:
                self._make(connection, role, is_new=self.name(role.name) not in known)
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "The user of ICON_DATABASE_URL may not make the project's roles "
                f"({error.diag.message_primary}). Let an administrator run: "
                f"alter role {connection.info.user} createrole"
            ) from error
        for role in (role for role in ROLES if role.name != DAGSTER):
            self.hand_over(connection, role.name)

    def hand_over(self, connection: psycopg.Connection, role: str) -> None:
        """Makes a role own its schemas of this database and all in them: after a restore they are ours."""
        (schemas,) = (found.owns for found in ROLES if found.name == role)
        values = {"schemas": [*schemas], "owner": self.name(role)}
        if found := connection.execute(_STRANGERS, values).fetchall():
            connection.execute("; ".join(statement for (statement,) in found).encode())

    def grant(self, connection: psycopg.Connection) -> None:
        """Gives the roles their rights; what they had beside them is taken back."""
        for owner in [role for role in ROLES if role.owns and role.name != DAGSTER]:
            self.hand_over(connection, owner.name)
            connection.execute(self._statement("set local role {role}", owner))
            others = [role for role in ROLES if role != owner]
            self._revoke(connection, owner.owns, others)
            for role in others:
                self._grant(connection, role, owner.owns)
            connection.execute("reset role")
        for role in ROLES:
            comment = sql.Literal(self._fingerprint(role))
            connection.execute(self._statement("comment on role {role} is {comment}", role, comment=comment))

    def _fingerprints(self, connection: psycopg.Connection) -> dict[str, str]:
        """Of the roles that are there; empty where none was given yet."""
        found = connection.execute(
            "select rolname, coalesce(shobj_description(oid, 'pg_authid'), '') from pg_roles"
            " where rolname = any(%s)",
            [[self.name(role.name) for role in ROLES]],
        )
        return dict(found.fetchall())

    def _refuse_other_passwords(self, connection: psycopg.Connection, known: Mapping[str, str]) -> None:
        """Whoever works with the passwords of another ICON_VAR could connect no more."""
        others = [
            self.name(name)
            for name in LOGINS
            if (words := known.get(self.name(name), "").split())
            and words[-1] != password_digest(self.passwords[name])
        ]
        if others and (in_use := connected(connection, "usename", others)):
            raise UserError(
                "The project's roles have other passwords than those in ICON_VAR/passwords.json, and are in "
                f"use ({', '.join(in_use)}): another ICON_VAR works with this database. "
                "Use that one or copy its passwords.json here, or end what runs there first."
            )

    def _fingerprint(self, role: Role) -> str:
        return role.fingerprint(self.passwords.get(role.name, ""))

    def _statement(self, text: str, role: Role, **values: sql.Composable) -> sql.Composed:
        return sql.SQL(text).format(role=sql.Identifier(self.name(role.name)), **values)

    def _make(self, connection: psycopg.Connection, role: Role, *, is_new: bool) -> None:
        if is_new:
            connection.execute(self._statement("create role {role}", role))
        acts_as = self.name(role.acts_as)
        database = connection.info.dbname
        values: dict[str, sql.Composable] = {
            "database": sql.Identifier(database if role.name != DAGSTER else f"{database}_dagster"),
            "acts_as": sql.Identifier(acts_as),
            "acts_as_name": sql.Literal(acts_as),
            "us": sql.Identifier(connection.info.user),
        }
        statements = ["alter role {role} reset all"]
        if role.may_log_in:
            # Hashed here: a statement may stand in the server's log.
            plain, name = self.passwords[role.name].encode(), self.name(role.name).encode()
            hashed = connection.pgconn.encrypt_password(plain, name, b"scram-sha-256")
            values["password"] = sql.Literal(hashed.decode())
            statements += [
                "alter role {role} login password {password}",
                "grant connect on database {database} to {role}",
            ]
        if role.owns:
            statements.append("grant {role} to {us}")  # whoever sets up acts as those that own
        if role.acts_as:
            statements += ["grant {acts_as} to {role}", "alter role {role} set role = {acts_as_name}"]
        statements += [f"grant {right} on database {{database}} to {{role}}" for right in role.of_database]
        statements += [f"alter role {{role}} set {name} = '{value}'" for name, value in role.settings]
        for statement in statements:
            connection.execute(self._statement(statement, role, **values))

    def _revoke(self, connection: psycopg.Connection, schemas: tuple[str, ...], roles: list[Role]) -> None:
        names = sql.SQL(", ").join(sql.Identifier(self.name(role.name)) for role in roles)
        for what in (
            "revoke all on schema {schemas} from {roles}",
            "revoke all on all tables in schema {schemas} from {roles}",
            "revoke all on all sequences in schema {schemas} from {roles}",
            "revoke all on all functions in schema {schemas} from {roles}",
            "alter default privileges in schema {schemas} revoke all on tables from {roles}",
        ):
            connection.execute(sql.SQL(what).format(schemas=_listed(schemas), roles=names))

    def _grant(self, connection: psycopg.Connection, role: Role, schemas: tuple[str, ...]) -> None:
        """What `role` may do in `schemas`, by their owner."""

        def give(what: str, names: Iterable[str]) -> None:
            if ours := [name for name in names if name.partition(".")[0] in schemas]:
                connection.execute(self._statement(f"{what} to {{role}}", role, names=_listed(ours)))

        rights = {"select": role.reads, **role.writes}
        named = [name for names in rights.values() for name in names]
        give("grant usage on schema {names}", sorted({n.partition(".")[0] for n in (*named, *role.guarded)}))
        for right, names in rights.items():
            whole = [name for name in names if "." not in name]
            give(f"grant {right} on all tables in schema {{names}}", whole)
            give(f"alter default privileges in schema {{names}} grant {right} on tables", whole)
            give(f"grant {right} on {{names}}", [name for name in names if "." in name])
        give("grant usage on sequence {names}", role.uses)
        # Everybody may call what does not say otherwise.
        give("revoke execute on function {names} from public; grant execute on function {names}", role.calls)
        for schema in role.guarded:
            if schema in schemas:
                self._grant_guarded(connection, role, schema)

    def _grant_guarded(self, connection: psycopg.Connection, role: Role, schema: str) -> None:
        for table, columns in connection.execute(_COLUMNS, [schema]).fetchall():
            hidden = SECRETS.get(f"{schema}.{table}")
            if hidden == ():
                continue
            shown = sql.SQL(", ").join(sql.Identifier(c) for c in columns if c not in (hidden or ()))
            what = sql.SQL("select ({})").format(shown) if hidden else sql.SQL("select")
            named = sql.Identifier(schema, table)
            connection.execute(self._statement("grant {what} on {on} to {role}", role, what=what, on=named))


def _listed(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*name.split(".")) for name in names)
