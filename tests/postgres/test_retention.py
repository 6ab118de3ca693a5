"""What ops forgets when it is old, and what it never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from icon_assets.contract.landing import Landing
from icon_assets.contract.reasons import LandingError
from icon_assets.database import Database
from icon_assets.ingest.drain import backlog, drain
from icon_assets.marts.window import close_window, due, open_window
from icon_assets.retention import Trimmed, trim
from tests.batches import chain, write
from tests.finals import TODAY, Site

LATER = datetime.now(UTC) + timedelta(days=1)  # all that a test does is older
EARLIER = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture
def site(database: Database, landing: Path) -> Site:
    return Site(database, landing)


def trimmed(site: Site, before: datetime) -> Trimmed:
    return trim(site.database.housekeeper, Landing(str(site.landing)), before)


def paths(site: Site) -> list[str]:
    return [path for (path,) in site.rows("select path from ops.landing_file order by 1")]


def test_files_that_are_gone_are_forgotten_and_the_ledger_is_not(site: Site) -> None:
    for guid in ("A", "B"):
        site.load(*chain(guid, 1, 2, 0))
    site.landing.joinpath("batch-0001.jsonl.gz").unlink()
    assert trimmed(site, EARLIER).files == 0  # it may come back, and need not be read again
    assert trimmed(site, LATER).files == 1
    assert paths(site) == ["batch-0002.jsonl.gz"]
    assert site.rows("select path from ops.batch order by 1") == [
        ("batch-0001.jsonl.gz",), ("batch-0002.jsonl.gz",),
    ]  # fmt: skip
    write(site.landing, "batch-0001", chain("A", 1, 2, 0))
    again = drain(site.engine, Landing(str(site.landing)))
    assert (again.batches, again.known_batches) == (0, 1)


def test_a_refused_file_that_was_removed_is_forgotten_at_once(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0))
    refused = write(site.landing, "other", chain("B", 1, 2, 0), batch="batch-0001")
    assert len(drain(site.engine, Landing(str(site.landing))).refused) == 1
    assert trimmed(site, EARLIER).files == 0
    refused.unlink()
    assert trimmed(site, EARLIER).files == 1
    assert paths(site) == ["batch-0001.jsonl.gz"]


def test_a_landing_zone_that_is_not_there_forgets_nothing(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0))
    with pytest.raises(LandingError):
        trim(site.database.housekeeper, Landing(str(site.landing / "nowhere")), LATER)
    assert not backlog(site.engine, Landing(str(site.landing)))


def test_old_marks_fold_to_one_a_day_and_reason(site: Site) -> None:
    for guid in ("A", "B", "C"):
        site.load(*chain(guid, 1, 2, 0))
        if guid != "C":
            site.finalize()
    site.run("update ops.dirty_day set marked_at = date '2025-12-31' + dirty_id::integer")
    assert trimmed(site, EARLIER).marks == 0
    assert trimmed(site, LATER).marks == 1
    columns = "day, reason, objects, marked_at::date::text, finalized_at is null"
    assert site.rows(f"select {columns} from ops.dirty_day order by marked_at") == [
        (TODAY, "ended", 2, "2026-01-01", False),
        (TODAY, "ended", 1, "2026-01-03", True),  # it waits
    ]
    assert trimmed(site, LATER).marks == 0


def test_builds_are_forgotten_but_for_the_newest_finished(site: Site) -> None:
    for guid in ("A", "B"):
        site.load(*chain(guid, 1, 2, 0))
        close_window(site.engine, open_window(site.engine))
    open_window(site.engine)
    assert trimmed(site, EARLIER).builds == 0
    assert trimmed(site, LATER).builds == 1
    assert site.rows("select through_batch, finished_at is null from ops.marts_run order by 1, 2") == [
        (2, False), (2, True),
    ]  # fmt: skip
    assert not due(site.engine)
