"""Each asset check, passing and failing, over the real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.idb.quality import RULES, Rule
from icon_assets.idb.upkeep import neglected
from icon_assets.ingest.drain import drain
from tests.batches import batch, chain, write

FINAL_DAY = dg.AssetKey(["ops", "final_day"])


@pytest.fixture
def result(defs: dg.Definitions, instance: dg.DagsterInstance):  # type: ignore[no-untyped-def]
    """Evaluates one check, and returns what it says."""

    def evaluate(asset: str, name: str) -> dg.AssetCheckEvaluation:
        key = dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name)
        job = dg.define_asset_job("one", dg.AssetSelection.checks(key))
        checked = dg.Definitions(
            assets=defs.assets, asset_checks=defs.asset_checks, resources=defs.resources, jobs=[job]
        ).resolve_job_def("one")
        (evaluation,) = checked.execute_in_process(instance=instance).get_asset_check_evaluations()
        return evaluation

    return evaluate


def load(database: Database, landing: Path) -> None:
    drain(database.loader, Landing(str(landing)))


def execute(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text(statement))


ALL = [
    ("landing/event_batches", "files_whole"),
    ("landing/event_batches", "files_accepted"),
    ("ops/batch", "lines_accounted_for"),
    ("ops/batch", "quarantine_share"),
    ("ops/batch", "tables_vacuumed"),
    ("ops/final_day", "no_dirty_days"),
    ("ops/final_day", "yesterday_final"),
    ("ops/final_day", "no_failed_partition"),
    ("ops/final_day", "final_equals_idb"),
]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_each_rule_is_a_check_of_its_table(defs: dg.Definitions, rule: Rule) -> None:
    key = dg.AssetCheckKey(dg.AssetKey(["idb", rule.table]), rule.name)
    assert key in defs.resolve_asset_graph().asset_check_keys


def test_an_empty_database_breaks_no_rule(result) -> None:
    rule = next(iter(RULES.values()))
    assert result(f"idb/{rule.table}", rule.name).passed


def test_a_broken_rule_names_what_breaks_it(result, database: Database, landing: Path) -> None:
    write(landing, "one", [*chain("CH1", 1, 3, 0)])
    load(database, landing)
    found = result("idb/go_chainrec_hist", "chain_transition")
    assert not found.passed
    assert found.metadata["rows"].value == 1
    assert "CH1" in str(found.metadata["examples"].value)


@pytest.mark.parametrize(("asset", "name"), ALL)
def test_an_empty_database_passes(result, asset: str, name: str) -> None:
    assert result(asset, name).passed


def test_a_torn_file_waits_and_is_named(result, database: Database, landing: Path) -> None:
    lines = batch("torn", chain("A", 1, 2, 3, 0)).splitlines(keepends=True)
    (landing / "torn.jsonl").write_bytes(b"".join(lines[:-1]))
    load(database, landing)
    evaluation = result("landing/event_batches", "files_whole")
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert evaluation.metadata["rows"].records[0].data["path"] == "torn.jsonl"


def test_other_content_under_a_known_name_is_an_error(result, database: Database, landing: Path) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    load(database, landing)  # first: a drain loads two files at once
    write(landing, "b", chain("B", 1, 2, 3, 0), batch="a")
    load(database, landing)
    evaluation = result("landing/event_batches", "files_accepted")
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["rows"].records[0].data["path"] == "b.jsonl.gz"


@pytest.mark.threat("R34")
def test_many_bad_lines(result, database: Database, landing: Path) -> None:
    write(landing, "a", [*chain("A", 1, 2, 3, 0), {"type": "nonsense", "ts": 1}])
    load(database, landing)
    evaluation = result("ops/batch", "quarantine_share")
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert "storms" not in evaluation.metadata
    assert evaluation.metadata["quarantined"].value == 1
    assert evaluation.metadata["share"].value == 0.2
    assert result("ops/batch", "lines_accounted_for").passed
    execute(database, "delete from ops.quarantine")
    assert not result("ops/batch", "lines_accounted_for").passed


@pytest.mark.threat("R34")
def test_a_storm_is_an_error_that_names_its_batch(result, database: Database, landing: Path) -> None:
    write(landing, "good", [line for n in range(100) for line in chain(f"C{n}", 1, 2, 3, 0)])
    write(landing, "storm", [*chain("A", 1, 2, 3), {"type": "nonsense", "ts": 1}])
    load(database, landing)
    evaluation = result("ops/batch", "quarantine_share")
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["share"].value < 0.01
    [storm] = evaluation.metadata["storms"].records
    assert (storm.data["batch"], storm.data["reasons"]) == ("storm", "unknown_type")


@pytest.mark.threat("R31")
def test_a_table_that_nobody_vacuums(result, database: Database) -> None:
    """Rows that are dead and stay: autovacuum is off, or something old still needs them."""
    with database.connect(autocommit=True) as connection:
        connection.execute("alter table ops.dirty_day set (autovacuum_enabled = off)")
        connection.execute(
            "insert into ops.dirty_day (entity, day, reason, objects, finalized_at) "
            "select 'chain', '2025-11-22', 'call', 1, now() from generate_series(1, 20001)"
        )
        connection.execute("delete from ops.dirty_day")
        connection.execute("select pg_stat_force_next_flush()")
    evaluation = result("ops/batch", "tables_vacuumed")
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    [table] = evaluation.metadata["rows"].records
    assert (table.data["table"], table.data["dead_rows"]) == ("ops.dirty_day", 20001)
    with database.connect(autocommit=True) as connection:
        connection.execute("vacuum ops.dirty_day")
        connection.execute("select pg_stat_force_next_flush()")
    assert result("ops/batch", "tables_vacuumed").passed


@pytest.mark.threat("R31")
def test_transaction_numbers_of_long_ago(database: Database) -> None:
    with database.connect(autocommit=True) as connection:
        for _ in range(20):
            connection.execute("select pg_current_xact_id()")
        connection.execute("vacuum (freeze) ops.batch")
    with database.engine.connect() as connection:
        old = {table.table for table in neglected(connection, oldest=10) if table.aged}
        assert "idb.go_chain" in old
        assert "ops.batch" not in old
        assert neglected(connection) == []


def test_days_that_wait(result, database: Database, landing: Path) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    load(database, landing)
    assert not result("ops/final_day", "no_dirty_days").passed
    evaluation = result("ops/final_day", "yesterday_final")
    assert not evaluation.passed
    assert evaluation.metadata["chain"].value == "2025-11-22"


def test_days_that_a_run_failed_on(
    result, instance: dg.DagsterInstance, finalize_two_days: Callable[..., None]
) -> None:
    finalize_two_days(instance, fails=True)
    evaluation = result("ops/final_day", "no_failed_partition")
    assert not evaluation.passed
    assert evaluation.metadata["chain"].value == "2025-11-22 to 2025-11-23"
    finalize_two_days(instance)
    assert result("ops/final_day", "no_failed_partition").passed


def test_today_may_wait_until_the_night(result, database: Database, landing: Path) -> None:
    now = datetime.now(UTC)
    write(landing, "a", chain("A", 1, 2, 3, 0, start=int((now - timedelta(minutes=1)).timestamp() * 1000)))
    load(database, landing)
    if now.time() > datetime.min.replace(minute=2).time():
        assert result("ops/final_day", "yesterday_final").passed


def test_a_row_that_no_batch_changed(
    result, defs: dg.Definitions, instance: dg.DagsterInstance, database: Database, landing: Path
) -> None:
    write(landing, "a", chain("A", 1, 2, 3, 0))
    load(database, landing)
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance, asset_selection=[FINAL_DAY]).success
    assert result("ops/final_day", "final_equals_idb").passed
    execute(database, "update final.go_chain set state = 3")
    evaluation = result("ops/final_day", "final_equals_idb")
    assert not evaluation.passed
    assert evaluation.metadata["chain"].value == "2025-11-22"
    assert not result("ops/final_day", "no_dirty_days").passed
