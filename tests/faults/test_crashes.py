"""SIGKILL and lost connections at the first, second, third ... step until the work completes.

After each, the database holds nothing or everything of a batch or a day, and a second run brings it to where
an undisturbed one comes. ICON_EVERY_STEP=1 tries every step; without it a sample is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa

from icon_assets.database import Database
from icon_assets.ingest.retries import LoadError
from tests.databases import drop
from tests.faults import world
from tests.faults.conftest import Copy, Course, steps
from tests.faults.proxy import Moment, Proxy, error, kill
from tests.faults.proxy import drop as lose
from tests.faults.work import Worker, build, finish, load, load_until_done

Through = Callable[[Database], Database]


def test_the_steps_are_all_there_is(
    proxy: Proxy, through: Through, course: Course, copy: Copy, template: Database
) -> None:
    """Each file of SQL of the loader, each COPY, begin and commit, each swap and window is a step."""
    database = copy(template)
    load(through(database), str(course.landing))
    loading = proxy.steps
    sql = {" ".join(f.read_text().split())[:60] for f in (files("icon_assets.ingest") / "sql").iterdir()}
    assert {text for text in sql if not any(step.startswith(text) for step in loading)} == set()
    for beginning in ("BEGIN", "COMMIT"):
        assert sum(step.startswith(beginning) for step in loading) >= len(world.WRITE)
    assert sum(step.startswith("copy stage_") for step in loading) >= 10
    proxy.disarm()
    finish(through(copy(course.late)), str(course.landing))
    swap = [step for step in proxy.steps if step.startswith("select final.swap(")]
    assert len(swap) >= 9
    assert "COMMIT" in proxy.steps[proxy.steps.index(swap[-1]) :]
    proxy.disarm()
    build(through(copy(course.late)), str(course.landing))
    for statement in (
        "insert into ops.marts_window",
        "insert into ops.marts_run",
        "insert into ops.marts_day",
    ):
        assert sum(step.startswith(statement) for step in proxy.steps) == 1
    assert proxy.steps.count("COMMIT") == 2


def killed(
    proxy: Proxy, worker: Worker, work: str, database: Database, landing: Path | str
) -> Callable[..., bool]:
    """Runs the work in a process that is killed at a step; says whether it came so far."""

    def run(step: int | str, moment: Moment) -> bool:
        pid = worker.start(work, {**database.conninfo, **proxy.conninfo}, str(landing))
        proxy.arm(step, moment, kill(pid))
        worker.go()
        assert worker.wait() == (-9 if proxy.struck is not None else 0)
        return proxy.struck is not None

    return run


_AT_WORK = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
"""


def settled(database: Database) -> world.State:
    """The state once the server has seen that its client is gone."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.execute(sa.text(_AT_WORK)).scalar_one():
            time.sleep(0.01)
    return world.state(database.engine)


def days_are_whole(found: world.State, course: Course) -> bool:
    """Whether each entity of final, ledger and all, is as it was or as it will be."""
    chain = [t for t in found if t.startswith(("final.go_chain", "final.go_rec", "final.go_f"))]
    campaign = [t for t in found if t.startswith("final.go_camp")]
    return all(
        any(
            {t: found[t] for t in tables} == {t: whole[t] for t in tables}
            for whole in (course.before, course.after)
        )
        for tables in (chain, campaign)
    )


@pytest.mark.threat("R1", "R3", "R13")
def test_a_loader_killed_at_any_step(
    proxy: Proxy, worker: Worker, course: Course, copy: Copy, template: Database
) -> None:
    struck = 0
    for step, moment in steps(37):
        database = copy(template)
        if not killed(proxy, worker, "load", database, course.landing)(step, moment):
            break
        struck += 1
        assert settled(database) in course.loaded, proxy.struck
        load(database, str(course.landing))
        assert world.state(database.engine) == course.loaded[-1], proxy.struck
        drop(database)
    assert struck >= 5


@pytest.mark.threat("R1", "R3")
def test_a_finalizer_killed_at_any_step(proxy: Proxy, worker: Worker, course: Course, copy: Copy) -> None:
    struck = 0
    for step, moment in steps(13):
        database = copy(course.late)
        if not killed(proxy, worker, "finish", database, course.landing)(step, moment):
            break
        struck += 1
        assert days_are_whole(settled(database), course), proxy.struck
        finish(database, str(course.landing))
        assert world.state(database.engine) == course.after, proxy.struck
        drop(database)
    assert struck >= 3


# What the loader meets and outlives by itself (R4, R8-R12), at any step.
TRANSIENT = ["08006", "40P01", "40001", "53300", "55P03", "57014", "57P01", "57P03", "25006"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without a pause."""
    monkeypatch.setattr("icon_assets.ingest.retries.time.sleep", lambda seconds: None)


@pytest.mark.threat("R4", "R5")
def test_a_loader_whose_connection_is_lost_at_any_step(
    proxy: Proxy, through: Through, course: Course, copy: Copy, template: Database, hasty: None
) -> None:
    struck = 0
    for step, moment in steps(41):
        database = copy(template)
        proxy.arm(step, moment, lose)
        load_until_done(through(database), str(course.landing))
        if proxy.struck is None:
            break
        struck += 1
        assert settled(database) == course.loaded[-1], (proxy.struck, moment)
        drop(database)
    assert struck >= 5


@pytest.mark.threat("R5")
@pytest.mark.parametrize("moment", Moment)
def test_a_connection_lost_during_commit(
    proxy: Proxy,
    through: Through,
    course: Course,
    copy: Copy,
    template: Database,
    hasty: None,
    moment: Moment,
) -> None:
    """The loader cannot know whether the batch is in; it asks the ledger, and nothing is there twice."""
    database = copy(template)
    proxy.arm("commit", moment, lose)
    load(through(database), str(course.landing))
    assert proxy.struck == "COMMIT"
    assert settled(database) == course.loaded[-1]


@pytest.mark.threat("R8", "R9", "R10", "R11", "R12")
@pytest.mark.parametrize("sqlstate", TRANSIENT)
def test_a_fault_that_goes_away_is_tried_again(
    proxy: Proxy, through: Through, course: Course, copy: Copy, template: Database, hasty: None, sqlstate: str
) -> None:
    database = copy(template)
    proxy.arm("select pg_advisory_xact_lock", Moment.BEFORE, error(sqlstate))
    load(through(database), str(course.landing))
    assert proxy.struck
    assert settled(database) == course.loaded[-1]


@pytest.mark.threat("R6", "R32")
@pytest.mark.parametrize("sqlstate", ["53100", "53200", "53400", "42501", "XX001"])
def test_a_fault_that_stays_stops_the_load_and_the_file_stays(
    proxy: Proxy,
    through: Through,
    course: Course,
    copy: Copy,
    template: Database,
    landing: Path,
    sqlstate: str,
) -> None:
    """Disk full, memory or temp_file_limit exhausted, a right taken away, a damaged page."""
    database = copy(template)
    world.WRITE["1-ocs"](landing)
    proxy.arm("insert into ops.batch", Moment.BEFORE, error(sqlstate))
    with pytest.raises(LoadError, match=rf"^'1-ocs\.jsonl\.gz': \w+, SQLSTATE {sqlstate}$"):
        load(through(database), str(landing))
    assert settled(database) == course.loaded[0]
    load(database, str(landing))
    assert world.state(database.engine) == course.loaded[1]


@pytest.mark.threat("R5", "R25")
def test_a_finalizer_whose_connection_is_lost_at_any_step(
    proxy: Proxy, through: Through, course: Course, copy: Copy
) -> None:
    struck = 0
    for step, moment in steps(15):
        database = copy(course.late)
        proxy.arm(step, moment, lose)
        try:
            finish(through(database), str(course.landing))
        except sa.exc.DBAPIError:
            assert days_are_whole(settled(database), course), proxy.struck
            finish(database, str(course.landing))
        if proxy.struck is None:
            break
        struck += 1
        assert settled(database) == course.after, proxy.struck
        drop(database)
    assert struck >= 3
