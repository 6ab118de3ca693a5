"""Quarantine as a place to work: listed without values, mended, replayed under a new identity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from icon_assets.cli import app
from icon_assets.commands import quarantine as commands
from icon_assets.contract.landing import Landing
from icon_assets.contract.reasons import Reason
from icon_assets.database import Database
from icon_assets.errors import UserError
from icon_assets.ingest.drain import drain
from icon_assets.ingest.quarantine import Storm, entries, last_week, raw_lines, replay
from tests.batches import chain, record, write
from tests.tables import fingerprints

PHONE = "+4479460001234567"


def spoilt(guid: str) -> dict[str, object]:
    """A record line whose number was sent as a string."""
    return record(guid, 1, contactinfo=PHONE, attempt="one")


@pytest.fixture
def engine(database: Database, landing: Path) -> sa.Engine:
    write(landing, "a-good", [*chain("A", 0, 2, 0), record("A", 1)])
    drain(database.loader, Landing(str(landing)))  # first: a drain loads two files at once
    write(landing, "bad", [*chain("B", 0, 2, 0), spoilt("B"), *chain("A", 5)])
    drain(database.loader, Landing(str(landing)))
    return database.engine


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, database: Database):
    """Runs `icon-assets quarantine` in this process, on the test's database."""
    monkeypatch.setattr(commands, "open_database", lambda settings: database)
    monkeypatch.setattr(commands.getpass, "getuser", lambda: "ana")

    def run(*arguments: str, text: bytes | None = None):
        return CliRunner().invoke(app, ["quarantine", *arguments], input=text)

    return run


def mended(line: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode()


def test_each_line_waits_with_its_reason_and_no_value(engine: sa.Engine) -> None:
    found = entries(engine)
    assert [(entry.batch, entry.line, entry.type, entry.reason) for entry in found] == [
        ("bad", 5, "record", Reason.WRONG_TYPE),
        ("bad", 6, "chain", Reason.CONFLICT),
    ]
    assert [entry.reason for entry in entries(engine, reason=Reason.CONFLICT)] == ["conflict"]
    assert entries(engine, batch_id=0) == []
    assert PHONE not in repr(found)
    assert json.loads(raw_lines(engine, [found[0].quarantine_id])[found[0].quarantine_id]) == spoilt("B")


@pytest.mark.threat("S15", "J8", "E3")
def test_a_mended_line_is_a_new_batch_linked_to_the_old_row(
    engine: sa.Engine, new_database, landing: Path
) -> None:
    bad, conflict = entries(engine)
    texts = raw_lines(engine, [bad.quarantine_id])
    [loaded] = replay(engine, {bad.quarantine_id: mended(texts[bad.quarantine_id], attempt=1)}, "ana")
    assert (loaded.new, loaded.known, loaded.quarantined) == (1, 0, 0)
    assert [entry.quarantine_id for entry in entries(engine)] == [conflict.quarantine_id]
    old = next(e for e in entries(engine, replayed=True) if e.quarantine_id == bad.quarantine_id)
    assert (old.replayed_by, old.replayed_who) == (loaded.batch_id, "ana")
    with engine.connect() as connection:
        ledger = connection.execute(
            sa.text("select batch, source, dbid, events, path from ops.batch where batch_id = :id"),
            {"id": loaded.batch_id},
        ).one()
    assert ledger.batch.startswith(f"quarantine/{bad.batch_id}/")
    assert ledger[1:] == ("ocs", 101, 1, "quarantine")
    # As if the line had been right from the start.
    other = new_database()
    write(landing, "bad", [*chain("B", 0, 2, 0), record("B", 1, contactinfo=PHONE, attempt=1)])
    drain(other.engine, Landing(str(landing)))
    assert fingerprints(engine, ["idb"]) == fingerprints(other.engine, ["idb"])


def test_a_line_that_is_bad_again_waits_again(engine: sa.Engine) -> None:
    bad, conflict = entries(engine)
    texts = raw_lines(engine, [bad.quarantine_id, conflict.quarantine_id])
    [loaded] = replay(engine, texts, "ana")
    assert (loaded.new, loaded.quarantined) == (0, 2)
    again = entries(engine)
    assert [(entry.batch_id, entry.line, entry.reason) for entry in again] == [
        (loaded.batch_id, 2, "wrong_type"),
        (loaded.batch_id, 3, "conflict"),
    ]
    [loaded] = replay(engine, {again[0].quarantine_id: mended(texts[bad.quarantine_id], attempt=1)}, "ana")
    assert loaded.new == 1


def test_lines_of_two_batches_are_two_batches(engine: sa.Engine, landing: Path) -> None:
    write(landing, "worse", [spoilt("C")], dbid=102)
    drain(engine, Landing(str(landing)))
    texts = raw_lines(engine, [entry.quarantine_id for entry in entries(engine, reason=Reason.WRONG_TYPE)])
    loaded = replay(engine, {number: mended(text, attempt=1) for number, text in texts.items()}, "ana")
    assert [batch.new for batch in loaded] == [1, 1]
    with engine.connect() as connection:
        ocsids = connection.execute(sa.text("select ocsid from idb.go_record where chainguid in ('B', 'C')"))
        assert sorted(ocsids.scalars()) == [101, 102]


@pytest.mark.parametrize(
    ("number", "text", "said"),
    [
        (0, b" ", "blank"),
        (0, b"{}\n{}", "more than one line"),
        (0, b"{}" + b"\0" * 16, "are no batch: A block of NUL bytes"),
        (10**9, b"{}", "no quarantined line 1000000000"),
    ],
)
def test_what_cannot_be_replayed_is_said(engine: sa.Engine, number: int, text: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        replay(engine, {number or entries(engine)[0].quarantine_id: text}, "ana")


def test_a_line_is_replayed_once(engine: sa.Engine) -> None:
    bad = entries(engine)[0]
    good = mended(raw_lines(engine, [bad.quarantine_id])[bad.quarantine_id], attempt=1)
    replay(engine, {bad.quarantine_id: good}, "ana")
    with pytest.raises(UserError, match="was replayed before"):
        replay(engine, {bad.quarantine_id: good}, "ana")


def storms(engine: sa.Engine) -> list[Storm]:
    with engine.connect() as connection:
        return last_week(connection).storms


@pytest.mark.threat("R34")
def test_a_storm_is_a_batch_with_more_than_a_fifth_in_quarantine(engine: sa.Engine, landing: Path) -> None:
    [storm] = storms(engine)
    with engine.connect() as connection:
        week = last_week(connection)
    assert (week.events, week.lines, week.is_calm) == (9, 2, False)
    assert (storm.batch, storm.events, storm.quarantined) == ("bad", 5, 2)
    assert storm.reasons == "conflict, wrong_type"
    write(landing, "c-limit", [spoilt("D"), *chain("D", 0, 2, 3, 0)])
    write(landing, "c-all-bad", [spoilt("E")] * 50)
    drained = drain(engine, Landing(str(landing)))
    assert drained.quarantined == 51
    assert [storm.batch for storm in storms(engine)] == ["c-all-bad", "bad"]
    waiting = [entry.quarantine_id for entry in entries(engine, batch_id=storm.batch_id)]
    replay(engine, dict.fromkeys(waiting, b"still bad"), "ana")
    assert [storm.batch[:10] for storm in storms(engine)] == ["quarantine", "c-all-bad"]
    with engine.begin() as connection:
        connection.execute(sa.text("update ops.quarantine set quarantined_at = now() - interval '8 days'"))
    assert storms(engine) == []


def test_the_command_lists_shows_and_replays(shell, engine: sa.Engine) -> None:
    bad = entries(engine)[0]
    listed = shell("list")
    assert listed.exit_code == 0
    assert "2 lines wait." in listed.stdout
    assert "`attempt`" in listed.stdout
    assert "conflict: 1 lines. A line of the same key" in listed.stdout
    told = json.loads(shell("list", "--json").stdout)
    assert [(line["line"], line["reason"], line["replayed_by"]) for line in told] == [
        (5, "wrong_type", None),
        (6, "conflict", None),
    ]
    assert told[0]["meaning"] == Reason.WRONG_TYPE.text
    shown = shell("show", str(bad.quarantine_id))
    assert "wrong_type: A field has another JSON type" in shown.stdout
    raw = shell("show", "--raw", str(bad.quarantine_id))
    number, _, text = raw.stdout_bytes.partition(b"\t")
    assert (int(number), json.loads(text)) == (bad.quarantine_id, spoilt("B"))
    for said in (listed.output, shown.output, repr(told)):
        assert PHONE not in said
    done = shell("replay", "-", text=b"%s\t%s" % (number, mended(text, attempt=1)))
    assert "1 new, 0 known, 0 filtered, 0 in quarantine again" in done.stdout
    assert "by ana" in shell("show", str(bad.quarantine_id)).stdout
    assert "1 lines wait." in shell("list", "--reason", "conflict").stdout
    assert isinstance(shell("replay", "-", text=b"x").exception, UserError)
