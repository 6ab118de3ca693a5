"""dbt builds while batches commit, and dies on the way: one window each, and the marts of a full refresh."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from icon_assets.instance import DBT, DBT_PROJECT, environment
from icon_assets.marts.window import close_window, due, open_window
from icon_assets.simulator.run import simulate
from tests.dbt.conftest import Marts
from tests.dbt.test_increments import kept

pytestmark = pytest.mark.slow


def start(marts: Marts) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            DBT,
            "--quiet",
            "build",
            "--exclude-resource-type",
            "unit_test",
            "test",
            "--project-dir",
            DBT_PROJECT,
        ],
        env={**os.environ, **environment(marts.settings, marts.database)},
    )


def wait(dbt: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    while not until():
        assert dbt.poll() is None, "dbt ended before"
        time.sleep(0.02)


def built(marts: Marts, mart: str) -> int:
    """What changes when a mart is built: its table's number, or that of its newest row."""
    [(found,)] = marts.rows(
        f"select coalesce((select max(xmin::text::bigint) from marts.{mart}), 0)"
        if marts.rows(f"select to_regclass('marts.{mart}')") != [(None,)]
        else "select 0"
    )
    return int(str(found))


@pytest.mark.threat("R26")
def test_a_build_takes_in_its_window_and_no_more(marts: Marts, tmp_path: Path) -> None:
    """The watermark is a batch, not a time: what commits meanwhile is of the next build."""
    simulate("callbacks", 5, str(tmp_path))
    files = sorted(tmp_path.rglob("*.jsonl.gz"))
    marts.load(files[: len(files) // 2])
    window = open_window(marts.database.builder)
    dbt = start(marts)
    wait(dbt, lambda: built(marts, "fct_chain") > 0)
    marts.load(files[len(files) // 2 :])
    assert dbt.wait() == 0
    close_window(marts.database.builder, window)
    [(through, newest)] = marts.rows(
        "select max(r.through_batch), (select max(batch_id) from ops.batch) from ops.marts_run as r"
    )
    assert window.through_batch == through < newest  # type: ignore[operator]
    assert due(marts.database.builder)
    days = marts.rows("select distinct final_day from marts.fct_chain where final_day is not null")
    assert {day for (day,) in days} <= set(window.days["chain"])
    marts.is_built = True


@pytest.mark.threat("R1")
def test_a_build_that_is_killed_is_made_up_for_by_the_next(marts: Marts) -> None:
    """SIGKILL between two marts: some are newer than others, until the same window is built again."""
    first = open_window(marts.database.builder)
    before = built(marts, "fct_contact_attempt")
    dbt = start(marts)
    wait(dbt, lambda: built(marts, "fct_contact_attempt") > before)
    dbt.kill()
    dbt.wait()
    again = open_window(marts.database.builder)
    assert again.days == first.days != {}
    marts.build(tested=False)
    incremental = kept(marts.database)
    marts.build("--full-refresh", tested=False)
    assert kept(marts.database) == incremental
