"""The real campaign of ICON_BANK_TOOL goes through `icon-assets process`, and the marts show its truth.

A sample of it in the suite; with ICON_EVERY_STEP=1 the whole, in a quarter of an hour.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import ENTITIES, dirty_days
from icon_assets.ingest.drain import drain
from tests.databases import served_url
from tests.e2e.truth import shown
from tests.processes import own_environment
from tests.tables import fingerprints

TOOL = os.environ.get("ICON_BANK_TOOL")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TOOL, reason="ICON_BANK_TOOL does not name the tool that makes the real campaign"),
]
SCHEMAS = ("idb", "final", "marts")
ONE_IN = 1 if os.environ.get("ICON_EVERY_STEP") else 40


def batches(out: Path, *options: str) -> Path:
    """Has the tool write its batches and their truth to `out`."""
    subprocess.run([sys.executable, str(TOOL), str(out), *options], check=True, capture_output=True)
    return out


class Commands:
    """`icon-assets` as a user runs it over a landing zone and a database, with more `settings`."""

    def __init__(self, landing: Path, database: Database, var: Path, **settings: str) -> None:
        self.environment = own_environment(
            ICON_LANDING_URL=str(landing),
            ICON_DATABASE_URL=served_url(database),
            ICON_VAR=str(var),
            **settings,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command; its output is to be read."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("icon-assets"), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        """Runs a command to its end; returns what it printed."""
        command = self.start(*arguments)
        said, _ = command.communicate()
        assert command.returncode == 0, said
        return said


def process(landing: Path, database: Database, var: Path, **settings: str) -> str:
    """Runs `icon-assets process`; returns what it printed."""
    return Commands(landing, database, var, **settings).run("process")


def truth(landing: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((landing / "truth.json").read_text())
    del told["events"]
    return told


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two and a half years with one customer in forty, or with all."""
    folder = tmp_path_factory.mktemp("spread")
    with gzip.open(Path(str(TOOL)).parents[1] / "data" / "bank_marketing.csv.gz", "rt") as whole:
        rows = list(csv.reader(whole))
    with gzip.open(folder / "sample.csv.gz", "wt", newline="") as sample:
        csv.writer(sample).writerows([rows[0], *rows[1::ONE_IN]])
    return batches(folder / "batches", "--data", str(folder / "sample.csv.gz"))


@pytest.fixture(scope="module")
def spread_database(
    spread: Path, new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory
) -> Database:
    database = new_database()
    process(spread, database, tmp_path_factory.mktemp("var"))
    return database


def test_first_3000_customers_show_their_truth(tmp_path: Path, database: Database) -> None:
    landing = batches(tmp_path / "batches", "--limit", "3000")
    process(landing, database, tmp_path / "var")
    assert shown(database.engine) == truth(landing)


def test_sample_spread_over_the_whole_shows_its_truth(spread: Path, spread_database: Database) -> None:
    assert shown(spread_database.engine) == truth(spread)


def test_processing_again_changes_nothing(spread: Path, spread_database: Database, tmp_path: Path) -> None:
    before = fingerprints(spread_database.engine, (*SCHEMAS, "ops"))
    assert "Nothing new" in process(spread, spread_database, tmp_path / "var")
    assert fingerprints(spread_database.engine, (*SCHEMAS, "ops")) == before


def in_reverse(files: Iterable[Path], landing: Path) -> None:
    """Copies the files so that the last is read first."""
    landing.mkdir()
    for number, file in enumerate(sorted(files, reverse=True)):
        shutil.copyfile(file, landing / f"{number:06d}.jsonl.gz")


def without_calls(spread: Path, landing: Path) -> Path:
    """The sample without its T-Server."""
    for source in ("ocs", "config"):
        shutil.copytree(spread / source, landing / source)
    return landing


def differing(one: Database, other: Database) -> set[str]:
    """Tables of two databases that have not the same rows."""
    first, second = (fingerprints(database.engine, SCHEMAS) for database in (one, other))
    return {table for table in first.keys() | second.keys() if first.get(table) != second.get(table)}


def unmatched(database: Database) -> dict[str, int]:
    """Attempts without a call, by reason."""
    query = "select match_status, sum(attempts)::int from marts.mart_unmatched_attempts group by 1"
    with database.engine.connect() as connection:
        return dict(connection.execute(sa.text(query)).tuples().all())


def test_reverse_order_leaves_the_same_rows(
    spread: Path, spread_database: Database, database: Database, tmp_path: Path
) -> None:
    in_reverse(spread.rglob("*.jsonl.gz"), tmp_path / "reversed")
    process(tmp_path / "reversed", database, tmp_path / "var")
    assert differing(spread_database, database) == set()
    assert unmatched(database) == {}


def test_calls_that_never_come_are_accounted_for_and_late_ones_in_reverse_make_it_good(
    spread: Path, spread_database: Database, database: Database, tmp_path: Path
) -> None:
    landing = without_calls(spread, tmp_path / "late")
    told = truth(spread)
    assert "0 quarantined" in process(landing, database, tmp_path / "var")
    with database.engine.connect() as connection:
        assert connection.scalar(sa.text("select count(*) from final.go_chain")) == told["chains"]
    assert unmatched(database) == {
        "call_pending": told["linked_by_chain_call"],
        "mode_hides_call": told["linked_by_user_data"],
    }
    in_reverse((spread / "tserver").iterdir(), landing / "tserver")
    process(landing, database, tmp_path / "var")
    assert differing(spread_database, database) == set()
    assert unmatched(database) == {}


def test_calls_of_another_database_are_matched_across(
    spread: Path,
    spread_database: Database,
    database: Database,
    new_database: Callable[[], Database],
    tmp_path: Path,
) -> None:
    cti = new_database()
    drain(cti.loader, Landing(str(spread / "tserver")))
    landing = without_calls(spread, tmp_path / "outbound")
    said = process(landing, database, tmp_path / "var", ICON_CTI_DATABASE_URL=cti.url("secure_reader"))
    assert "rows of calls, finalized" in said
    assert differing(spread_database, database) == set()
    assert unmatched(database) == {}


def span(database: Database) -> tuple[date, date]:
    """The first and the last day that anything ended on."""
    days = [day for days in dirty_days(database.operator).values() for day in days]
    return min(days), max(days)


def test_all_days_in_one_range_end_the_same(
    spread: Path, spread_database: Database, database: Database, tmp_path: Path
) -> None:
    drain(database.loader, Landing(str(spread)))
    first, last = span(database)
    range_ = ("--from", str(first), "--to", str(last))
    said = Commands(spread, database, tmp_path / "var").run("finalize", *range_)
    assert f"Finalized {(last - first).days + 1} days" in said
    assert "built the marts" in said
    assert differing(spread_database, database) == set()


def test_day_by_day_ends_the_same(
    spread: Path, spread_database: Database, database: Database, tmp_path: Path
) -> None:
    drain(database.loader, Landing(str(spread)))
    first, last = span(database)
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        for entity in ENTITIES:
            finalize(database.finalizer, entity, day, day)
    assert not any(dirty_days(database.operator).values())
    assert "built the marts" in process(spread, database, tmp_path / "var")
    assert differing(spread_database, database) == set()


def test_ranges_in_any_order_and_days_one_by_one_after_a_kill_end_the_same(
    spread: Path, spread_database: Database, database: Database, tmp_path: Path
) -> None:
    drain(database.loader, Landing(str(spread)))
    first, last = span(database)
    commands = Commands(spread, database, tmp_path / "var")
    killed = commands.start("finalize", "--from", str(first), "--to", str(last))
    final = sa.text("select count(*) from ops.final_day where entity = 'chain'")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(final):
            assert killed.poll() is None
            time.sleep(0.01)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        assert (
            0
            < connection.scalar(final)
            < connection.scalar(sa.text("select count(distinct terminated::date) from idb.go_chain"))
        )
    chosen = random.Random(7)
    cuts = sorted(
        {first, last, *(first + timedelta(chosen.randrange((last - first).days)) for _ in range(8))}
    )
    ranges = list(pairwise(cuts))  # each begins with the day on which another ends
    chosen.shuffle(ranges)
    for number, (start, end) in enumerate(ranges):
        step = (end - start).days if number % 2 else 1
        for day in range(0, (end - start).days + 1, step):
            for entity in ENTITIES:
                until = min(start + timedelta(day + step - 1), end)
                finalize(database.finalizer, entity, start + timedelta(day), until)
    assert not any(dirty_days(database.operator).values())
    commands.run("process")
    assert differing(spread_database, database) == set()
