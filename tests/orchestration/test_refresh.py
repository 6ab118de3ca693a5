"""The daemon's job and the command `process`, as a whole: from files to marts, and again, with dbt."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from icon_assets.database import Database
from icon_assets.marts.column_lineage import read_column_lineage
from icon_assets.settings import Settings
from tests.batches import DAY, T0, batch, chain, write
from tests.databases import Asked, served_url
from tests.processes import ICON_ASSETS, own_environment

pytestmark = pytest.mark.slow


class Project(Asked):
    """One database and landing zone, and `process` in a process of its own, as a user starts it."""

    def __init__(self, var: Path, landing: Path, database: Database) -> None:
        self.var, self.landing, self.database = var, landing, database
        self.environment = own_environment(
            ICON_VAR=str(var),
            ICON_LANDING_URL=str(landing),
            ICON_DATABASE_URL=served_url(database),
            NO_COLOR="1",
        )

    def process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.command("process", *arguments)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as started:
            out, err = started.communicate()
        return subprocess.CompletedProcess(arguments, started.returncode, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*ICON_ASSETS, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def builds(self) -> int:
        """How often dbt has built the marts."""
        return len(list((self.var / "dbt" / "builds").iterdir()))


@pytest.fixture(scope="module")
def project(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    landing = tmp_path_factory.mktemp("landing")
    return Project(tmp_path_factory.mktemp("var"), landing, new_database())


# The tests below are one story, in this order: each run of dbt costs seconds.
def test_first_files_reach_the_marts(project: Project) -> None:
    write(project.landing, "a", chain("A", 1, 2, 3, 0))
    write(project.landing, "b", chain("B", 1, 2, 3, 0, start=T0 + DAY))
    done = project.process()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Loaded 2 batches (8 new events, 0 known, 0 quarantined), finalized 2 days")
    assert "Building marts" in done.stderr
    assert project.one("select count(*) from marts.fct_chain where not is_open") == 2
    assert project.one("select count(*) from ops.marts_window") == 0


def test_its_columns_are_followed_back_to_what_was_loaded(project: Project) -> None:
    lineage = read_column_lineage(Settings(var=project.var, landing_url=str(project.landing)))
    ahead, seen = [("model.icon_marts.mart_campaign_day", "dials_made")], set()
    while ahead:
        seen.add(now := ahead.pop())
        ahead += {tuple(parent) for parent in lineage.get(now[0], {}).get(now[1], ())} - seen
    assert ("source.icon_marts.final.go_chainrec_hist", "cpdresult") in seen


def test_nothing_new_starts_no_dbt_and_says_so_at_once(project: Project) -> None:
    builds, began = project.builds, time.monotonic()
    done = project.process()
    assert (done.returncode, done.stdout) == (0, "Nothing new.\n")
    assert time.monotonic() - began < 15
    assert project.builds == builds


def test_late_data_reaches_the_marts_and_what_cannot_be_loaded_is_named(project: Project) -> None:
    write(project.landing, "late", chain("A", 1, 2, 3, 0, 0, callattid="A-1", agentresult=33)[-1:])
    write(project.landing, "a2", chain("X", 1, 2, 3, 0), batch="a")
    torn = batch("torn", chain("D", 1, 2, 3, 0)).splitlines(keepends=True)
    (project.landing / "torn.jsonl").write_bytes(b"".join(torn[:-1]))
    done = project.process()
    assert done.returncode == 3, done.stderr
    assert "finalized 1 day " in done.stdout
    assert done.stdout.rstrip().endswith("Files kept out: 1 waiting, 1 refused; see icon-assets status.")
    assert project.one("select count(*) from marts.fct_chain") == 2
    assert project.one("select agent_result_key from marts.fct_contact_attempt where chain_guid = 'A'") == 33
    assert project.process().stdout.startswith("Nothing new. Files kept out: 1 waiting, 1 refused")


def test_a_range_is_finalized_again_and_its_marts_follow(project: Project) -> None:
    with project.database.engine.begin() as connection:
        for table, column in (("final.go_chain", "chainguid"), ("marts.fct_chain", "chain_guid")):
            connection.execute(sa.text(f"delete from {table} where {column} = 'B'"))
    done = project.command("finalize", "--from", "2025-11-22", "--to", "2025-11-24")
    assert done.returncode == 0, done.stderr
    said = "Finalized 3 days (0 with other sessions than before, 1 with other chains); built the marts; "
    assert done.stdout.startswith(said)
    assert project.one("select count(*) from marts.fct_chain") == 2
    done = project.command("finalize", "--from", "2025-11-23")
    assert "Finalized 1 day (0 with" in done.stdout
    assert "0 with other chains); the marts hold them already; " in done.stdout
    done = project.command("finalize", "--from", "2025-11-23", "--to", "2025-11-22")
    assert (done.returncode, done.stdout) == (1, "")
    assert "The first day, 2025-11-23, is after the last, 2025-11-22. Swap --from and --to." in done.stderr


def test_a_landing_zone_that_is_not_there(project: Project) -> None:
    done = project.process("--landing", str(project.var / "nowhere"))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Landing zone")
    assert "Traceback" not in done.stderr


def test_other_code_makes_the_marts_anew(project: Project) -> None:
    with project.database.engine.begin() as connection:
        connection.execute(sa.text("comment on schema marts is 'For analysts. [dbt older]'"))
        connection.execute(sa.text("delete from marts.fct_chain where chain_guid = 'B'"))
    done = project.process()
    assert done.returncode == 0, done.stderr
    assert project.one("select count(*) from marts.fct_chain") == 2
    assert str(project.one("select obj_description('marts'::regnamespace)")).startswith("For analysts. [dbt ")
    assert project.process().stdout.startswith("Nothing new.")
