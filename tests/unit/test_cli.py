"""The command line as a user meets it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def run(tmp_path: Path):
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("ICON_")}
        return subprocess.run(
            [sys.executable, "-c", "from icon_assets.cli import main; main()", *arguments],
            env={**plain, "ICON_VAR": str(tmp_path / "var"), "NO_COLOR": "1", **environment},
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
    assert run("url").stdout.startswith("postgresql://icon_operator:")
    assert run("url", "--role", "analyst").stdout.startswith("postgresql://icon_analyst:")
    assert run("db", "stop").stdout == "Stopped.\n"
    assert run("db", "stop").stdout == "It did not run.\n"
    assert run("db", "status").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["db", "start"], {"ICON_FIRST_DAY": "soon"}, "ICON_FIRST_DAY is 'soon'"),
        (["db", "start"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "cannot be reached"),
        (["db", "start"], {"ICON_DATABASE_URL": "postgresql://u:sec ret@:x/"}, "cannot be read"),
        (["db", "start"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1"}, "names no database"),
        (["db", "stop"], {"ICON_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "not ours to stop"),
    ],
)
def test_what_a_user_can_mend_comes_without_a_traceback(run, arguments, environment, said) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
