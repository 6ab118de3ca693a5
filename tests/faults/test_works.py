"""Every work, and what seldom comes to it, killed at the first, second, third ... step until it is done.

After each the database is as before or as after, where the work is one transaction; then it runs again, and
all is as if nothing had been. And each failpoint of the code is one that these works come by.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from icon_assets.database import Database
from icon_assets.finalize.days import finalized_since
from icon_assets.idb.locks import connected
from icon_assets.ingest import quarantine
from icon_assets.marts.window import due
from tests.databases import drop, served_url
from tests.faults import world
from tests.faults.conftest import Copy, Course, steps
from tests.faults.failpoints import failpoints, passed, watched
from tests.faults.proxy import Proxy
from tests.faults.test_crashes import killed, settled
from tests.faults.work import WORK, Worker


@dataclass(frozen=True)
class Case:
    """A work: the database that is ready for it, where it looks, and whether it is one transaction."""

    ready: Database
    where: str
    is_one: bool = True


@pytest.fixture(scope="session")
def cases(
    template: Database, copy: Copy, course: Course, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    """Each work with a database that is ready for it."""
    landing, empty = str(course.landing), str(tmp_path_factory.mktemp("empty"))
    odd = tmp_path_factory.mktemp("odd")
    shutil.copytree(course.landing, odd, dirs_exist_ok=True)
    world.write_oddities(odd)

    def after(database: Database, work: str, where: str = landing) -> Database:
        done = copy(database)
        WORK[work](done, where)
        return done

    finished = after(course.late, "finish")
    built = after(finished, "build")
    purged = after(built, "purge")
    odd_loaded = after(purged, "load oddities", str(odd))
    tampered = copy(finished)
    with tampered.engine.begin() as connection:
        connection.execute(sa.text("update final.go_chain set state = 9"))
    cti, uncalled = copy(template), copy(template)
    for database, names in ((cti, ["2-calls"]), (uncalled, ["1-ocs", "3-objects"])):
        some = tmp_path_factory.mktemp("some")
        for name in names:
            world.WRITE[name](some)
        WORK["load"](database, str(some))
    WORK["finish"](uncalled, landing)
    url = served_url(cti)
    lost = after(uncalled, "lose calls", url)
    return {
        "load": Case(template, landing, is_one=False),
        "load oddities": Case(purged, str(odd), is_one=False),
        "load in a race": Case(template, landing, is_one=False),
        "finish": Case(course.late, landing, is_one=False),
        "finish oddities": Case(odd_loaded, str(odd), is_one=False),
        "build": Case(finished, landing),
        "purge": Case(built, landing),
        "look back": Case(tampered, landing),
        "forget": Case(built, empty),
        "mend": Case(course.late, landing),
        "lose calls": Case(uncalled, url),
        "take calls": Case(lost, url, is_one=False),
    }


def everything(database: Database) -> world.State:
    """All that the database holds, and what each stage notes for itself."""
    found = settled(database)
    with database.engine.connect() as connection:
        for table in ("marts_day", "purged_chain", "purged_key", "cti_database", "set_aside"):
            rows = connection.execute(sa.text(f"select to_jsonb(t) from ops.{table} as t")).scalars()
            found[table] = sorted(
                repr({name: value for name, value in row.items() if not name.endswith(("_at", "_id"))})
                for row in rows
            )
        counts = """
            select
                (select count(*) from ops.quarantine where replayed_by is null),
                (select count(*) from ops.landing_file),
                (select count(*) from ops.marts_run where finished_at is not null)
        """
        found["counts"] = tuple(connection.execute(sa.text(counts)).one())
    return found


STRIDES = {
    "load oddities": 53,
    "load in a race": 61,
    "finish oddities": 19,
    "build": 3,
    "purge": 11,
    "look back": 7,
    "forget": 1,
    "mend": 9,
    "lose calls": 2,
    "take calls": 13,
}


@pytest.mark.threat("R1", "R3", "R13")
@pytest.mark.parametrize("work", STRIDES)
def test_a_work_killed_at_any_step(
    proxy: Proxy, worker: Worker, cases: dict[str, Case], copy: Copy, work: str
) -> None:
    case = cases[work]
    done = copy(case.ready)
    WORK[work](done, case.where)
    before, after = everything(case.ready), everything(done)
    assert before != after
    struck = 0
    for step, moment in steps(STRIDES[work]):
        database = copy(case.ready)
        if not killed(proxy, worker, work, database, case.where)(step, moment):
            break
        struck += 1
        if case.is_one:
            assert everything(database) in (before, after), proxy.struck
        WORK[work](database, case.where)
        assert everything(database) == after, proxy.struck
        drop(database)
    assert struck >= 3


def look(database: Database) -> None:
    """What changes nothing, in a session that may not."""
    reader = Database({**database.conninfo, "options": "-c default_transaction_read_only=on"}, {})
    assert due(reader.engine) in (True, False)
    assert finalized_since(reader.engine, "chain", world.LONG_AGO)
    quarantine.entries(reader.engine)
    quarantine.raw_lines(reader.engine, [1])
    with reader.engine.connect() as connection:
        quarantine.last_week(connection)
    with reader.connect() as plain:
        connected(plain, "usename", ["nobody"])
    reader.dispose()


def test_every_failpoint_of_the_code_is_struck(cases: dict[str, Case], copy: Copy) -> None:
    """Whoever adds a statement, a COPY, a begin or a commit has to have a work come by it."""
    with watched() as lines:
        for work, case in cases.items():
            WORK[work](copy(case.ready), case.where)
        look(cases["build"].ready)
    points = failpoints()
    assert len(points) > 150
    assert [str(point) for point in points if not passed(point, lines)] == []
