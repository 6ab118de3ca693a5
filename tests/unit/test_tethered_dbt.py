"""dbt ends with the run that started it, however that ends; a stand-in sleeps in its place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from icon_assets.marts.dbt_cli import TETHERED_DBT

_RUN = """
import subprocess, sys
dbt = subprocess.Popen(sys.argv[1:])
print(dbt.pid, flush=True)
dbt.wait()
"""


def program(name: str) -> str:
    found = shutil.which(name)
    assert found
    return found


@pytest.mark.threat("R1")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="of Linux")
def test_it_is_killed_with_its_run() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN, TETHERED_DBT, "60"],
        env={**os.environ, "ICON_DBT": program("sleep")},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout
        dbt = Path(f"/proc/{run.stdout.readline().strip()}")
        deadline = time.monotonic() + 20
        while b"sleep" not in (dbt / "cmdline").read_bytes().split(b"\0")[0]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        run.kill()
    while dbt.exists() and ") Z " not in (dbt / "stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_its_exit_code_and_arguments_pass() -> None:
    for path in (os.environ["PATH"], "/nowhere"):  # with setpriv, and without
        done = subprocess.run(
            [TETHERED_DBT, "-c", 'echo "$0"; exit 3', "two words"],
            env={"ICON_DBT": program("sh"), "PATH": path},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (3, "two words\n", "")
