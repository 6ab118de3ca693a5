"""Runs killed in the loader, the finalizer and dbt, as whole processes; two at once; then all is as ever."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from icon_assets.database import Database
from tests.batches import DAY, T0, campaign, chain, write
from tests.databases import served_url
from tests.dbt.test_increments import kept
from tests.faults.conftest import EVERY_STEP
from tests.faults.proxy import Link, Moment, Proxy
from tests.orchestration.test_refresh import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def proxy(template: Database) -> Iterator[Proxy]:
    proxy = Proxy(template.conninfo["host"], template.conninfo["port"])
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def project(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory, proxy: Proxy
) -> Project:
    """It reaches its database through the proxy, and so does its dbt."""
    project = Project(tmp_path_factory.mktemp("var"), tmp_path_factory.mktemp("landing"), new_database())
    through = Database({**project.database.conninfo, **proxy.conninfo}, {})
    project.environment["ICON_DATABASE_URL"] = f"{served_url(through)}?sslmode=disable&gssencmode=disable"
    for n in range(3):
        start = T0 + n * DAY
        lines = [*campaign(f"S{n}", 1, 2, 0, start=start), *chain(f"C{n}", 1, 2, 3, 0, start=start)]
        write(project.landing, f"{n}", lines)
    return project


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    return bool(stat := _stat(pid)) and stat.rpartition(")")[2].split()[0] != "Z"


# The tests below are one story, in this order: each run costs seconds.
@pytest.mark.threat("R1")
@pytest.mark.parametrize(
    "step",
    [
        "insert into ops.batch",
        "insert into ops.final_day",
        r".*model\.icon_marts\.fct_contact_attempt.*create",
    ],
    ids=["loader", "finalizer", "dbt"],
)
def test_a_run_is_killed(project: Project, proxy: Proxy, step: str) -> None:
    """SIGKILL to the whole run. Its dbt must not work on: the next one would meet it in its tables."""
    assert killed(project, proxy, step, Moment.DURING), proxy.steps[-5:]


def killed(project: Project, proxy: Proxy, step: int | str, moment: Moment) -> bool:
    """Runs `process`, which is killed at a step with all that it started; whether it came so far."""
    left: set[int] = set()
    asked: list[int] = []

    def kill(link: Link) -> None:
        left.update(descendants(run.pid))
        run.kill()
        asked.append(len(proxy.steps))
        link.drop()

    proxy.arm(step, moment, kill)
    run = project.start("process")
    _, said = run.communicate()
    if not proxy.struck:
        assert run.returncode == 0, said
        return False
    assert run.returncode == -9
    deadline = time.monotonic() + 60
    while any(map(is_alive, left)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(proxy.steps) - asked[0] < 20, "a build of all marts has hundreds"
    return True


@pytest.mark.threat("R15", "R26")
def test_the_next_two_at_once_complete_it(project: Project) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(project.process) for _ in range(2)]
    assert [run.result().returncode for run in runs] == [0, 0], [run.result().stderr for run in runs]
    assert project.one("select count(*) from ops.batch") == 3
    assert project.one("select count(*) from marts.fct_chain where not is_open") == 3
    assert project.one("select count(*) from marts.fct_contact_attempt") == 3
    assert project.one("select count(*) from ops.marts_window") == 0
    assert project.process().stdout.startswith("Nothing new.")


SWAP = r".*model\.icon_marts\.{}\".*delete from"


def strikes() -> Iterator[tuple[int | str, Moment]]:
    """Where a build of changed days dies: as a mart's days are swapped; or at each fortieth step."""
    yield SWAP.format("fct_contact_attempt"), Moment.AFTER
    if EVERY_STEP:
        yield from ((SWAP.format("fct_chain"), moment) for moment in Moment)
        yield from ((step, list(Moment)[step // 40 % 3]) for step in itertools.count(40, 40))


@pytest.mark.threat("R1")
def test_a_run_is_killed_in_the_swap_of_a_mart(project: Project, proxy: Proxy) -> None:
    """Readers see the days of a mart as they were or as they are now; the next run builds the same window."""
    query = "select count(*) from marts.fct_contact_attempt"
    for number, (step, moment) in enumerate(strikes()):
        attempts = project.one(query)
        write(project.landing, f"more-{number}", chain(f"M{number}", 1, 2, 3, 0))
        if not killed(project, proxy, step, moment):
            break
        assert project.one(query) in (attempts, attempts + 1), proxy.struck
        proxy.disarm()
        done = project.process()
        assert done.returncode == 0, done.stderr
        assert project.one(query) == attempts + 1, (step, moment)
        assert project.process().stdout.startswith("Nothing new.")


def test_the_marts_are_those_of_a_full_refresh(project: Project) -> None:
    built = kept(project.database)
    with project.database.engine.begin() as connection:
        connection.execute(sa.text("comment on schema marts is 'For analysts. [dbt older]'"))
    done = project.process()
    assert done.returncode == 0, done.stderr
    assert kept(project.database) == built
