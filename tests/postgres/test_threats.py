"""Rows of the threat list that need a landing zone and a database, and that no other test is about."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

import icon_assets
from icon_assets.commands import dev
from icon_assets.contract.landing import Landing
from icon_assets.contract.reasons import LandingError
from icon_assets.ingest.drain import backlog, drain
from icon_assets.instance import DBT_PROJECT, ROOT
from icon_assets.server import embedded
from tests import batches
from tests.batches import chain, field, obj, record, userdata
from tests.hanging import HangingFileSystem
from tests.loading import Loader

LINES = [*chain("A", 1, 2, 3, 0), record("A", 1)]
EVIL = (
    "'; drop table idb.go_chain; -- $(touch x) {{ env_var('PATH') }} <script>alert(1)</script>"
    ' \\N \\. \t \x01\x02 "\x7f'
)


@pytest.mark.threat("F7")
@pytest.mark.parametrize(("suffix", "packed"), [("jsonl", True), ("jsonl.gz", False), ("jsonl.zst", False)])
def test_the_bytes_say_what_a_file_is_not_its_name(load: Loader, suffix: str, packed: bool) -> None:
    text = batches.batch("b", LINES)
    (load.landing / f"b.{suffix}").write_bytes(gzip.compress(text) if packed else text)
    assert load.drain().new == len(LINES)


@pytest.mark.threat("F25")
def test_very_many_tiny_files(load: Loader) -> None:
    for number in range(200):
        batches.write(load.landing, f"{number:03}", chain(f"C{number}", 1))
    assert load.drain().new == 200
    assert not backlog(load.database.operator, Landing(str(load.landing)))


@pytest.mark.threat("F27", "F29", "R16")
def test_same_bytes_again_under_any_name_are_known(load: Loader) -> None:
    """So is a run that the orchestrator starts again, whatever it remembers of the first."""
    load(LINES, "b")
    before = load.tables()
    shutil.copy(load.landing / "b.jsonl.gz", load.landing / "b_retry.jsonl.gz")
    (load.landing / "b.jsonl.gz").touch()
    drained = load.drain()
    assert (drained.batches, drained.known_batches) == (0, 2)
    assert load.tables() == before


@pytest.mark.threat("F28")
def test_same_identity_with_other_content_is_refused(load: Loader) -> None:
    load(LINES, "b")
    before = load.tables()
    [refusal] = load(chain("B", 1), "b").refused
    assert refusal.reason == "other_content"
    assert load.tables() == before


@pytest.mark.threat("F32")
def test_a_later_batch_may_come_first(load: Loader) -> None:
    load(LINES[2:], "7", first_dsseq=3, last_dsseq=5)
    load(LINES[:2], "6", first_dsseq=1, last_dsseq=2)
    late = load.tables()
    load.clear()
    load(LINES[:2], "6", first_dsseq=1, last_dsseq=2)
    load(LINES[2:], "7", first_dsseq=3, last_dsseq=5)
    assert load.tables() == late


@pytest.mark.threat("F33")
def test_a_batch_that_never_comes_shows_as_a_hole(load: Loader) -> None:
    load([{**line, "dsseq": 1 + n} for n, line in enumerate(LINES[:2])], "6", first_dsseq=1, last_dsseq=2)
    load([{**line, "dsseq": 9 + n} for n, line in enumerate(LINES[2:])], "8", first_dsseq=9, last_dsseq=11)
    assert load.count("ops.sequence_hole") == 1


@pytest.mark.threat("F34")
def test_without_its_ledger_a_batch_is_known_by_its_lines(load: Loader) -> None:
    load(LINES, "b")
    before = load.tables()
    with load.database.connect() as connection:
        for table in ("quarantine", "landing_file", "dirty_day", "batch"):
            connection.execute(f"delete from ops.{table}")
    drained = load.drain()
    assert (drained.new, drained.known) == (0, len(LINES))
    assert load.tables() == before


@pytest.mark.threat("F40", "F41", "R21")
def test_clocks_and_inodes_of_files_decide_nothing(load: Loader) -> None:
    path = batches.write(load.landing, "b", LINES)
    os.utime(path, (4_000_000_000, 4_000_000_000))
    assert load.drain().new == len(LINES)
    path.unlink()
    path.write_bytes(batches.batch("c", chain("C", 1)))  # most file systems give it the same inode
    assert load.drain().new == 1
    # A clock that jumps ahead ends the wait of a cut file, and nothing else.
    (load.landing / "cut.jsonl").write_bytes(batches.batch("d", chain("D", 1))[:-9])
    assert load.drain().waiting == 1
    later = datetime.now(UTC) + timedelta(days=999)
    assert len(backlog(load.database.operator, Landing(str(load.landing)), now=later).expired) == 1


@pytest.mark.threat("R27")
def test_storage_that_hangs_holds_up_its_own_files_only(load: Loader, hanging: HangingFileSystem) -> None:
    """It is asked again later; what could not be asked yet is asked at the next drain."""
    engine, landing = load.database.loader, Landing("hanging://zone")
    guids = (*(f"{number}-hang" for number in range(6)), "good")
    for guid in guids:
        hanging.pipe_file(f"/zone/{guid}.jsonl", batches.batch(guid, chain(guid, 1)))
    assert 1 <= drain(engine, landing).waiting <= 3  # a loader that met one leaves its others alone
    while backlog(engine, landing):
        drain(engine, landing)
    assert load.rows(
        "select status, reason, detail, count(*) from ops.landing_file group by 1, 2, 3 order by 1"
    ) == [("loaded", None, None, 1), ("waiting", "stalled", "0 s", 6)]
    hanging.answers.set()
    assert not backlog(engine, landing)
    later = datetime.now(UTC) + timedelta(minutes=15)
    assert len(backlog(engine, landing, now=later).ready) == 6


@pytest.mark.threat("R27")
def test_a_list_that_hangs_is_an_error_that_says_so(hanging: HangingFileSystem) -> None:
    with pytest.raises(LandingError, match=r"Landing zone hanging://list: no answer for 0 s"):
        list(Landing("hanging://list").list())


@pytest.mark.threat("S1", "J24", "J31", "J33")
def test_values_are_data_byte_for_byte(load: Loader) -> None:
    load.config(batches.tracked(8001, 1))
    load([*chain("A", 1), field("A", 1, EVIL), record("A", 1, contactinfo=EVIL[:128])])
    load.tserver(userdata("C1", 1, "=cmd|'/c calc'!A1", keyname=EVIL))
    load.config({**obj("agent", dbid=7, employeeid="E"), "name": EVIL})
    assert load.one("select newvalue from idb.go_fieldhist") == EVIL
    assert load.one("select contactinfo from idb.go_record") == EVIL[:128]
    assert load.one("select keyname, value from idb.g_userdata_history") == (EVIL, "=cmd|'/c calc'!A1")
    assert load.count("idb.go_chain") == 1


@pytest.mark.threat("S2", "J23", "F36")
def test_names_are_data(load: Loader) -> None:
    name = "';drop/**/table/**/idb.go_chain;--{{1/0}}<b>%s%(x)s:x"
    key = 'x"; drop table idb.go_chain; --'
    (load.landing / "b.jsonl").write_bytes(batches.batch(name, [{**chain("A", 1)[0], key: 1}]))
    assert load.drain().new == 1
    assert load.one("select batch, unknown_fields from ops.batch") == (name, {f"chain.{key}": 1})
    assert load.drain().batches == 0


SOURCES = [path for path in Path(icon_assets.__file__).parent.rglob("*.py") if "simulator" not in path.parts]


@pytest.mark.threat("S12")
def test_nothing_that_comes_in_is_run() -> None:
    runs_code = re.compile(
        r"\b(pickle|marshal|shelve|eval\(|exec\(|yaml\.(unsafe_|full_)?load\((?!.*SafeLoader))"
    )
    assert [path.name for path in SOURCES if runs_code.search(path.read_text())] == []


@pytest.mark.threat("S7")
def test_servers_listen_on_loopback() -> None:
    assert (dev.HOST, embedded.HOST) == ("127.0.0.1", "127.0.0.1")


@pytest.mark.threat("S20")
def test_no_tool_reports_home() -> None:
    assert yaml.safe_load((ROOT / "dagster.yaml").read_text())["telemetry"] == {"enabled": False}
    flags = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())["flags"]
    assert flags["send_anonymous_usage_stats"] is False
