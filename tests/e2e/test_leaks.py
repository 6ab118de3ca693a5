"""Customers' values stay where they belong: canaries go in, and everything that a run leaves is searched."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from icon_assets.database import Database, open_database
from icon_assets.idb import roles
from icon_assets.settings import Settings
from tests import batches
from tests.batches import call, campaign, chain, field, party, record, userdata, write
from tests.processes import ICON_ASSETS, own_environment

T0_MONTH = "202511"
pytestmark = [pytest.mark.slow, pytest.mark.threat("S4", "S5", "S6", "S16", "J32", "E25", "E26")]

# Numbers and values that nothing else contains.
PHONE, BAD_PHONE, OTHER_PHONE, HEADER_PHONE, DIALLED = (f"+1555014{n}337" for n in range(2221, 2226))
SECRET, OLD_SECRET, BAD_SECRET, OTHER_SECRET, PIN, UNKNOWN = (f"canary-{n}-of-secure" for n in range(6))
PHONES = (PHONE, BAD_PHONE, OTHER_PHONE, HEADER_PHONE, DIALLED)
CANARIES = (*PHONES, SECRET, OLD_SECRET, BAD_SECRET, OTHER_SECRET, PIN, UNKNOWN)

# What may hold them: what the vendor's tables are for, and the lines in quarantine.
ALLOWED = {
    *(f"{schema}.{table}" for schema in ("idb", "final") for table in (
        "go_record", "go_record_hist", "go_secure_fields", "go_sec_fieldhist",
    )),
    "idb.g_secure_userdata_history",
    "idb.g_party",
    "idb.g_party_history",
    "ops.quarantine",
}  # fmt: skip


def fill(landing: Path) -> None:
    """Good lines, bad lines, conflicts, and a file that is refused whole."""
    landing.mkdir(parents=True)
    bad_field = field("A", 2, BAD_SECRET, fieldid=8002)
    write(
        landing,
        "objects",
        [batches.tracked(8002, 2), batches.obj("campaign", dbid=1)],
        source="config",
        dbid=batches.CONFIG,
    )
    write(
        landing,
        "outbound",
        [
            *campaign("S1", 1, 2, 3, 0, dialmode=1),
            *chain("A", 1, 2, 3, 0, cpdresult=33),
            record("A", 1, contactinfo=PHONE),
            record("A", 1, contactinfo=OTHER_PHONE),
            record("A", 2, contactinfo=BAD_PHONE, attempt="\x1b[31m" + BAD_PHONE),
            record("A", 3, contactinfo=BAD_PHONE, tzname=BAD_PHONE * 20),
            field("A", 1, SECRET, fieldid=8002, oldvalue=OLD_SECRET),
            field("A", 1, OTHER_SECRET, fieldid=8002),
            field("A", 1, UNKNOWN, fieldid=9999),
            {**bad_field, "chainhistseq": BAD_SECRET},
            {**bad_field, "ts": BAD_SECRET},
        ],
    )
    write(
        landing,
        "calls",
        [
            call("C1", 1, calltype=3, irid="I1"),
            party("P1", 1, "dialing", endpointdn=f"sip:{DIALLED}@host", role="destination"),
            userdata("C1", 2, "A-1"),
            userdata("C1", 3, PIN, keyname="PIN", secure=True),
        ],
        source="tserver",
        dbid=batches.TSERVER,
    )
    (landing / "refused.jsonl").write_text(f'{{"type":"batch","contract":"{HEADER_PHONE}"}}\n')
    (landing / "broken.jsonl").write_text(f'{{"type":"batch","contract":"ocs-events/1","{HEADER_PHONE}":\n')


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Database, list[str]]]:
    """What two runs leave, the first of which fails in the database: files, databases, what was printed."""
    var = tmp_path_factory.mktemp("leaks") / "var"
    fill(var / "landing")
    said: list[str] = []

    def run(*arguments: str) -> int:
        done = subprocess.run(
            [*ICON_ASSETS, *arguments],
            env=own_environment(ICON_VAR=str(var)),
            capture_output=True,
            text=True,
        )
        said.append(done.stdout + done.stderr)
        return done.returncode

    database = open_database(Settings.from_env({"ICON_VAR": str(var)}))
    try:
        refusal = sql.SQL("alter table idb.go_record_hist add constraint no check (contactinfo <> {})")
        with database.connect() as connection:
            connection.execute(refusal.format(sql.Literal(PHONE)))
        assert run("process") == 1
        assert "CheckViolation, SQLSTATE 23514" in said[-1]
        with database.connect() as connection:
            connection.execute("alter table idb.go_record_hist drop constraint no")
        assert run("process") == 3, said[-1]
        assert run("docs") == 0
        assert run("report") == 0, said[-1]
        assert run("quarantine", "list") == 0
        assert run("quarantine", "list", "--json") == 0
        with database.connect() as connection:
            ids = [str(n) for (n,) in connection.execute("select quarantine_id from ops.quarantine")]
        assert len(ids) == 6
        assert run("quarantine", "show", *ids) == 0
        yield var, database, said
    finally:
        database.dispose()
        run("db", "stop")


def test_the_canaries_came_in(left: tuple[Path, Database, list[str]]) -> None:
    """Otherwise nothing could leak."""
    _, database, _ = left
    with database.connect() as connection:
        found = {
            canary
            for table in ALLOWED
            for (row,) in connection.execute(
                sql.SQL("select r::text || {} from {} as r").format(
                    sql.SQL("convert_from(raw, 'UTF8')" if table == "ops.quarantine" else "''"),
                    sql.Identifier(*table.split(".")),
                )
            )
            for canary in CANARIES
            if canary in row
        }
    assert found == {*CANARIES} - {HEADER_PHONE}


def test_nothing_printed_holds_them(left: tuple[Path, Database, list[str]]) -> None:
    assert [canary for canary in CANARIES if canary in "".join(left[2])] == []


def test_no_file_holds_them(left: tuple[Path, Database, list[str]]) -> None:
    """Logs of every program, dbt's artefacts, docs, report, Dagster's files; not landing zone and data."""
    var, database, _ = left
    files = [path for path in var.rglob("*") if path.is_file()]
    searched = [p for p in files if not p.is_relative_to(var / "landing") and "postgres/data" not in str(p)]
    assert {"process.log", "manifest.json", "run_results.json"} <= {path.name for path in searched}
    assert var / "pages" / "report" / "index.html" in searched
    secrets = [*CANARIES, database.conninfo["password"], *database.passwords.values()]
    found = [
        (str(path.relative_to(var)), secret)
        for path in searched
        for secret in secrets
        if secret.encode() in path.read_bytes()
    ]
    ours = {"postgres/password", "passwords.json"}
    assert [(path, secret) for path, secret in found if path not in ours] == []
    assert {path.stat().st_mode & 0o077 for path in searched if str(path.relative_to(var)) in ours} == {0}


def tables(connection: psycopg.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "select relnamespace::regnamespace::text, relname from pg_class"
        " where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        " and (relkind in ('r', 'm') or relkind = 'v' and relnamespace::regnamespace::text = 'marts')"
    ).fetchall()


def test_no_other_table_holds_them(left: tuple[Path, Database, list[str]]) -> None:
    """The marts, all of ops, and Dagster's own database: its events, metadata, run configuration."""
    _, database, _ = left
    secrets = [*CANARIES, database.conninfo["password"], *database.passwords.values()]
    found: list[tuple[str, str]] = []
    searched = 0
    for name in (database.name, database.dagster_name):
        with database.connect(name) as connection:
            for schema, table in tables(connection):
                for secret in secrets:
                    # bytea is shown in hexadecimal.
                    row = connection.execute(
                        sql.SQL("select count(*) from {} as r where r::text like any({})").format(
                            sql.Identifier(schema, table),
                            sql.Literal([f"%{secret}%", f"%{secret.encode().hex()}%"]),
                        )
                    ).fetchone()
                    searched += 1
                    if row != (0,):
                        found.append((f"{schema}.{table}", secret))
    assert searched > 1000
    partitions = {f"{table}_{T0_MONTH}": table for table in ALLOWED}
    assert {table for table, _ in found} - ALLOWED - partitions.keys() == set()


def test_analyst_and_operator_read_none_of_them(left: tuple[Path, Database, list[str]]) -> None:
    _, database, _ = left
    for role, table in itertools.product(("analyst", "operator"), ALLOWED):
        with (
            psycopg.connect(database.url(role)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"select * from {table}")


def test_no_argument_of_a_process_holds_a_password(left: tuple[Path, Database, list[str]]) -> None:
    """The server still runs; what is in argv every user of the machine can read."""
    _, database, _ = left
    argv = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not any(database.conninfo["password"].encode() in line for line in argv)
    assert set(roles.passwords(left[0])) >= {"secure_reader", "analyst", "operator"}
