"""What `health` finds where a stage is not as it should be, and that it finds nothing where all is well."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.health import look
from icon_assets.health.findings import Finding, Level
from icon_assets.health.look import health
from icon_assets.ingest.drain import drain
from icon_assets.settings import Settings
from tests.batches import chain, write


@pytest.fixture
def settings(tmp_path: Path, landing: Path) -> Settings:
    return Settings(var=tmp_path, landing_url=str(landing))


def found(database: Database, settings: Settings, topic: str, **ahead: float) -> Finding:
    """The finding of one topic, as of so much later."""
    landing = Landing(settings.landing_url)
    at = health(database, settings, landing).at + timedelta(**ahead)
    (finding,) = (f for f in health(database, settings, landing, at).findings if f.topic == topic)
    return finding


def run(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_nothing_yet_is_well(database: Database, settings: Settings) -> None:
    told = health(database, settings, Landing(settings.landing_url))
    assert (told.attention, told.headline) == (0, "All is well.")
    topics = [finding.topic for finding in told.findings]
    assert topics == [
        "database",
        "disk",
        "landing",
        "quarantine",
        "days",
        "marts",
        "sources",
        "runs",
        "checks",
    ]
    assert all(finding.next for finding in told.findings if finding.level is not Level.OK)
    assert told.as_dict()["well"] is True


def test_files_that_wait_are_noted_and_refused_ones_need_somebody(database, settings, landing) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    assert found(database, settings, "landing").said == "Files: 1 ready."
    (landing / "cut.jsonl").write_text("")
    drain(database.loader, Landing(str(landing)))
    waits = found(database, settings, "landing")
    assert (waits.level, waits.said) == (Level.NOTE, "Files: 1 waiting (most: empty).")
    drain(database.loader, Landing(str(landing)), wait=timedelta(0))
    refused = found(database, settings, "landing")
    assert (refused.level, refused.said) == (Level.ATTENTION, "Files: 1 refused (most: empty).")
    assert "ops.landing_file" in refused.next


def test_a_landing_zone_that_is_gone_needs_somebody(database, settings, landing) -> None:
    landing.rmdir()
    gone = found(database, settings, "landing")
    assert gone.level is Level.ATTENTION
    assert "ICON_LANDING_URL" in gone.next


def test_quarantine_is_noted_and_a_share_of_it_needs_somebody(database, settings, landing) -> None:
    write(landing, "a", [*chain("A", *[1, 2] * 100, 0), {"type": "nonsense"}])
    drain(database.loader, Landing(str(landing)))
    few = found(database, settings, "quarantine")
    assert (few.level, few.said) == (Level.NOTE, "1 line (most: unknown_type), 0.50% of the week's.")
    write(landing, "b", [{"type": "nonsense", "n": n} for n in range(5)])
    drain(database.loader, Landing(str(landing)))
    many = found(database, settings, "quarantine")
    assert many.level is Level.ATTENTION
    assert "replay" in many.next


def test_a_dirty_day_is_a_refresh_s_to_do_for_an_hour(database, settings, landing) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    drain(database.loader, Landing(str(landing)))
    assert found(database, settings, "days").level is Level.NOTE
    late = found(database, settings, "days", hours=2)
    assert (late.level, late.said) == (Level.ATTENTION, "To be finalized: 1, the oldest for 2 h.")


def test_marts_that_stay_behind_need_somebody(database, settings, landing) -> None:
    assert found(database, settings, "marts").said == "Not built yet."
    run(
        database.engine,
        "insert into ops.marts_run (through_batch, finished_at) values (0, clock_timestamp())",
    )
    assert found(database, settings, "marts").level is Level.OK
    write(landing, "a", chain("A", 1, 2, 3, 0))
    drain(database.loader, Landing(str(landing)))
    assert found(database, settings, "marts").level is Level.NOTE
    assert found(database, settings, "marts", hours=2).level is Level.ATTENTION


def test_a_source_that_is_silent_for_a_day_is_noted(database, settings, landing) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    drain(database.loader, Landing(str(landing)))
    assert found(database, settings, "sources").level is Level.OK
    silent = found(database, settings, "sources", hours=25)
    assert silent.level is Level.NOTE
    assert silent.said.startswith("Silent for a day: ocs ")


@pytest.mark.parametrize(
    ("link", "completeness", "level", "said"),
    [
        ("down", "dark", Level.ATTENTION, "Lost: ocs 101."),
        ("up", "partial", Level.NOTE, "1 quarter hours with gaps"),
        ("up", "complete", Level.OK, "1 heard"),
    ],
)
def test_a_lost_link_needs_somebody_and_a_gap_is_noted(
    database, settings, landing, link, completeness, level, said
) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    drain(database.loader, Landing(str(landing)))
    run(
        database.builder,
        "create table marts.mart_data_completeness as select 'ocs' as source, 101 as source_dbid,"
        f" current_date as report_day, now() as slot_start, '{completeness}' as completeness,"
        f" '{link}' as link_state",
    )
    told = found(database, settings, "sources")
    assert told.level is level
    assert said in told.said


def test_a_disk_that_fills_needs_somebody(database, settings, monkeypatch) -> None:
    assert found(database, settings, "disk").level is Level.OK
    monkeypatch.setattr(look, "_DISK_SHARE_LOW", 1.0)  # no disk is wholly free
    assert found(database, settings, "disk").level is Level.ATTENTION
