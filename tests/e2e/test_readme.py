"""What the README and the tour tell a newcomer to type works as it stands there."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from icon_assets.database import open_database
from icon_assets.settings import Settings
from tests.processes import own_environment
from tests.report_page import ReportPage

ROOT = Path(__file__).parents[2]
# Run by .ci/run itself, or by test_dev.py.
MAKE_ELSEWHERE = {"dev", "install", "lint", "test", "ci-system", "test-system"}
pytestmark = pytest.mark.slow


def commands(document: str) -> list[list[str]]:
    """Every command of a document's shell blocks, as words; one may take several lines."""
    found, begun = [], ""
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(), re.DOTALL):
        for line in block.splitlines():
            begun += line + "\n"
            with contextlib.suppress(ValueError):  # a quotation that goes on
                found.append(shlex.split(begun))
                begun = ""
    assert not begun
    return found


def run(words: Sequence[str], var: Path) -> str:
    """Runs a command of the command line as in a fresh clone, but with its own `var`."""
    program, *arguments = (str(var / "landing") if word == "var/landing" else word for word in words)
    done = subprocess.run(
        [Path(sys.executable).with_name(Path(program).name), *arguments],
        cwd=ROOT,
        env=own_environment(ICON_VAR=str(var)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project's own files, with the demo's data in its embedded server."""
    var = tmp_path_factory.mktemp("readme")
    yield var
    run(["icon-assets", "db", "stop"], var)


def test_every_make_command_is_a_target_that_ci_runs() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for words in commands("README.md") if words[0] == "make"}
    assert named <= targets
    assert named == MAKE_ELSEWHERE | {"demo"}


def test_demo_shows_what_was_simulated(var: Path) -> None:
    shown = run(["icon-assets", "demo"], var)
    truth = json.loads((var / "demo" / "truth.json").read_text())
    database = open_database(Settings.from_env({"ICON_VAR": str(var)}))
    with psycopg.connect(database.url("analyst")) as connection:
        row = connection.execute(
            "select (select count(*) from marts.fct_chain where not is_open),"
            " (select count(*) from marts.fct_contact_attempt)"
        ).fetchone()
        marts = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        empty = [
            mart
            for (mart,) in marts
            if connection.execute(
                sql.SQL("select from marts.{} limit 1").format(sql.Identifier(mart))
            ).rowcount
            == 0
        ]
    assert row == (truth["chains"], truth["attempts"])
    assert "mart_campaign_day" in shown
    assert len(marts) > 30
    assert empty == []


def test_every_other_command_runs(var: Path) -> None:
    (var / "landing").mkdir(exist_ok=True)
    rest = [words for words in commands("README.md") if words[0] != "make"]
    printed = {" ".join(words): run(words, var) for words in rest}
    assert "Nothing new." in printed[".venv/bin/icon-assets process --landing var/landing"]
    with psycopg.connect(printed[".venv/bin/icon-assets url --role analyst"].strip()) as connection:
        assert connection.execute("select count(*) > 0 from marts.mart_campaign_day").fetchone() == (True,)
    page = Path(printed[".venv/bin/icon-assets docs"].split()[-1])
    assert "mart_campaign_day" in page.read_text()
    report = ReportPage(Path(printed[".venv/bin/icon-assets report"].strip()).read_text())
    assert [row["Campaign"] for row in report.tables["All campaigns"]["Campaigns of the report"]] == [
        "Arrears",
        "Contract renewal",
    ]


def test_the_tour_ends_with_an_answer_for_each_kind_of_people(var: Path) -> None:
    """After the demo, which it begins with; what it shows is what was simulated."""
    tour = [words for words in commands("docs/tour.md") if words[0] != "make"]
    assert [words[1] for words in tour] == [
        *("status", "psql", "quarantine", "psql", "report", "docs", "psql", "psql", "psql", "db")
    ]
    truth = json.loads((var / "demo" / "truth.json").read_text())
    status, ledger, bad, reach, report, docs, rates, calls, notices = (run(words, var) for words in tour[:-1])
    assert status.startswith("All is well.")
    assert "ocs" in ledger
    assert "not_json" in bad
    assert all(name in reach for name in ("Arrears", "Contract renewal"))
    assert "<html" in Path(report.strip()).read_text()
    assert Path(docs.strip()).exists()
    abandoned = sum(int(line.split("|")[1]) for line in rates.splitlines() if line.startswith(" 20"))
    assert abandoned == truth["abandoned_tsr"]
    assert len(calls.splitlines()) == 1 + abandoned, "each call behind the number"
    assert notices.count(".jsonl") >= 2, "each notice with its file"
