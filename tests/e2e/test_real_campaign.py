"""The real campaign of ICON_BANK_TOOL goes through `icon-assets process`, and the marts show its truth."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database
from tests.databases import served_url
from tests.e2e.truth import shown
from tests.tables import fingerprints

TOOL = os.environ.get("ICON_BANK_TOOL")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TOOL, reason="ICON_BANK_TOOL does not name the tool that makes the real campaign"),
]
SCHEMAS = ("idb", "final", "marts")


def batches(out: Path, *options: str) -> Path:
    """Has the tool write its batches and their truth to `out`."""
    subprocess.run([sys.executable, str(TOOL), str(out), *options], check=True, capture_output=True)
    return out


def process(landing: Path, database: Database, var: Path) -> str:
    """Runs `icon-assets process` as a user does; returns what it printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("icon-assets"), "process"],
        env={
            **os.environ,
            "ICON_LANDING_URL": str(landing),
            "ICON_DATABASE_URL": served_url(database),
            "ICON_VAR": str(var),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def truth(landing: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((landing / "truth.json").read_text())
    del told["events"]
    return told


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample spread over the two and a half years: every fortieth customer."""
    folder = tmp_path_factory.mktemp("spread")
    with gzip.open(Path(str(TOOL)).parents[1] / "data" / "bank_marketing.csv.gz", "rt") as whole:
        rows = list(csv.reader(whole))
    with gzip.open(folder / "sample.csv.gz", "wt", newline="") as sample:
        csv.writer(sample).writerows([rows[0], *rows[1::40]])
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


def test_reverse_order_leaves_the_same_rows(
    spread: Path, spread_database: Database, database: Database, tmp_path: Path
) -> None:
    landing = tmp_path / "reversed"
    landing.mkdir()
    files = sorted(spread.rglob("*.jsonl.gz"), reverse=True)
    for number, file in enumerate(files):
        shutil.copyfile(file, landing / f"{number:06d}.jsonl.gz")
    process(landing, database, tmp_path / "var")
    forward = fingerprints(spread_database.engine, SCHEMAS)
    backward = fingerprints(database.engine, SCHEMAS)
    assert {table for table in forward if forward[table] != backward.get(table)} == set()
    assert forward.keys() == backward.keys()
