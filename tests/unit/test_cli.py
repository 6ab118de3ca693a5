"""The command line as a user meets it: in a process of its own."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from icon_assets.cli import COMMANDS, load
from icon_assets.commands.failures import explained
from tests.processes import ICON_ASSETS, own_environment


@pytest.fixture
def run(tmp_path: Path):
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ICON_ASSETS, *arguments],
            env=own_environment(**{"ICON_VAR": str(tmp_path / "var"), "NO_COLOR": "1", **environment}),
            capture_output=True,
            text=True,
        )

    yield run
    run("db", "stop")


def test_start_url_status_stop(run) -> None:
    assert run("db", "status").returncode == 3
    started = run("db", "start")
    assert (started.returncode, started.stderr) == (0, "")
    assert "the schema is up to date" in started.stdout
    assert run("db", "status").returncode == 0
    assert json.loads(run("db", "status", "--json").stdout)["running"]
    told = run("status")
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0] == "All is well."
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 80
    assert json.loads(run("status", "--json").stdout)["well"] is True
    assert json.loads(run("url", "--json").stdout)["url"] == run("url").stdout.strip()
    assert run("url").stdout.startswith("postgresql://icon_operator:")
    assert run("url", "--role", "analyst").stdout.startswith("postgresql://icon_analyst:")
    asked = run("psql", "--csv", "-c", "select current_user, current_setting('transaction_read_only')")
    assert asked.stderr.startswith("There are no marts yet. Build them: icon-assets process")
    assert asked.stdout.split()[1].startswith("icon_analyst,"), asked
    assert run("psql", "--csv", "-c", "select 1 as a", "-c", "select 2 as b").stdout.split() == list("a1b2")
    refused = run("psql", "-c", "select count(*) from idb.go_record")
    assert "permission denied" in refused.stderr
    assert run("db", "stop").stdout == "Stopped.\n"
    assert run("db", "stop").stdout == "It did not run.\n"
    told = run("status")
    assert (told.returncode, told.stdout) == (1, "")
    assert "does not run. Start it: icon-assets db start" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["db", "start"], {"ICON_FIRST_DAY": "soon"}, "ICON_FIRST_DAY is 'soon'"),
        (["db", "start"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "cannot be reached"),
        (["db", "start"], {"ICON_DATABASE_URL": "postgresql://u:sec ret@:x/"}, "cannot be read"),
        (["db", "start"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1"}, "names no database"),
        (["db", "stop"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "not ours to stop"),
        (["status"], {}, "There is no database in"),
        (["status"], {"ICON_DATABASE_URL": "mysql://u:secret@h/x"}, "is not a PostgreSQL URL"),
        (["status"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "Connection refused"),
        (["dev"], {"ICON_VAR": "/proc/none"}, "Set ICON_VAR to a directory you may write"),
        (["demo"], {"ICON_VAR": "/dev/null"}, "A file stands where a directory should be"),
        (
            ["process"],
            {"ICON_DEPLOYMENT": "/nowhere"},
            "/nowhere, which cannot be used",
        ),
        (
            ["process"],
            {"ICON_LANDING_URL": "nosuch://x"},
            "whose driver (s3fs, gcsfs, adlfs, ...)",
        ),
        (["simulate", "--out", "nosuch://x"], {}, "whose fsspec driver is installed"),
        (["simulate", "--out", "/dev/null/x"], {}, "A file stands where a directory should be"),
    ],
)
def test_what_a_user_can_mend_comes_without_a_traceback(run, arguments, environment, said) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", ["finalize", "report"])
def test_a_day_that_is_none_is_said_as_such(run, command) -> None:
    done = run(command, "--from", "2026-31-11", COLUMNS="200")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'--from': '2026-31-11' is no day. Write it as 2000-01-31." in done.stderr


def test_a_taken_port_names_another(run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = run("dev", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be used: Address already in use. Choose another: --port." in done.stderr


def test_a_full_disk_is_named() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ICON_ASSETS, "simulate", "--list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode != 0
    assert "No space left on device. The disk is full." in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_database_refuses_is_explained_without_its_text() -> None:
    def of(state: str) -> str | None:
        return explained(psycopg.errors.lookup(state)("row (1, secret)"))

    assert "Its disk is full" in (of("53100") or "")
    assert "shutting down" in (of("57P01") or "")
    assert "secret" not in f"{of('53100')}{of('57P01')}"
    assert of("23505") is None, "a bug is shown whole"
    assert explained(OSError(errno.ENOENT, "gone")) is None


def test_the_list_of_commands_imports_none_of_them() -> None:
    """What costs time is imported by the command that needs it."""
    heavy = {"sqlalchemy", "psycopg", "dagster", "simpy", "fsspec", "yaml"}
    code = (
        "import sys\nfrom icon_assets.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n"), done.stdout[-200:]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_help_says(name: str) -> None:
    words = " ".join((load(name).help or "").split())
    assert words.startswith(COMMANDS[name][1].removesuffix(".")), "one of the two is out of date"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("st", ["status"]), ("db s", ["start", "stop", "status"]), ("url --role an", ["analyst"])],
)
def test_a_shell_completes(typed: str, offered: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from icon_assets.cli import app; app(prog_name='icon-assets')"],
        env={
            **os.environ,
            "_ICON_ASSETS_COMPLETE": "complete_bash",
            "COMP_WORDS": f"icon-assets {typed}",
            "COMP_CWORD": str(len(typed.split())),
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == offered
