"""What a load, or a day, costs follows what is new: keys are looked up, however much is stored."""

from __future__ import annotations

import re
from datetime import date, timedelta

import psycopg
import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.idb.schema import FINAL_TABLES
from icon_assets.ingest.ledger import Loaded, Source
from icon_assets.ingest.load import load as load_batch
from tests import batches
from tests.batches import DAY, T0, chain, chain_call, field, metric, record
from tests.loading import Events, Loader

STORED = 2_000  # chains
PER_CHAIN = 10  # lines


def events(first: int, chains: int) -> Events:
    """Everything that OCS tells of some chains."""
    return [
        line
        for number in range(first, first + chains)
        for guid in (f"G{number:05}",)
        for line in (
            *chain(guid, 1, 2, 3, 0, start=T0 + number),
            record(guid, 1),
            record(guid, 3, callresult=33),
            field(guid, 1, "x"),
            field(guid, 1, "y", fieldid=8002),
            chain_call(guid, f"C{guid}"),
            metric("dialing_time_ms", 4000, T0 + number, callattid=f"{guid}-1", callid=f"C{guid}"),
        )
    ]


@pytest.fixture
def stored(load: Loader) -> Loader:
    load.config(batches.tracked(8001, 1), batches.tracked(8002, 2))
    load(events(0, STORED))
    with load.database.connect(autocommit=True) as connection:
        connection.execute("analyze")
    return load


def plans(load: Loader, name: str, lines: Events) -> list[str]:
    """The plan of every statement of one load, as the server chose it."""
    batches.write(load.landing, name, lines)
    landing = Landing(str(load.landing))
    [file] = [file for file in landing.list() if file.path.startswith(name)]
    seen: list[str] = []
    with load.database.connect(autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
        connection.execute("load 'auto_explain'")
        connection.execute("set auto_explain.log_min_duration = 0")
        connection.execute("set auto_explain.log_level = notice")
        [outcome] = load_batch(connection, [Source(file.path, lambda: landing.open(file))]).outcomes
    assert isinstance(outcome, Loaded)
    assert len(seen) > 20
    return seen


def read_whole(plans: list[str]) -> set[str]:
    """The tables of idb that were read from end to end."""
    return {
        table for plan in plans for table in re.findall(r"Seq Scan on (go\w+|g_call\w*|g_party\w*)", plan)
    }


@pytest.mark.threat("R33")
@pytest.mark.parametrize("chains", [1, 200])
def test_no_table_is_read_whole_for_a_batch(stored: Loader, chains: int) -> None:
    assert read_whole(plans(stored, "new", events(STORED, chains))) == set()
    assert read_whole(plans(stored, "known", [*events(0, chains), *chain("Z", 1)])) == set()


def test_a_day_is_finalized_by_index_whatever_the_number_of_others(load: Loader) -> None:
    """Collected, compared and swapped: what it costs follows the day, not the history."""
    load.config(batches.tracked(8001, 1), batches.tracked(8002, 2))
    lines = events(0, STORED)
    load([{**line, "ts": line["ts"] + number // (10 * PER_CHAIN) * DAY} for number, line in enumerate(lines)])
    first = date(2025, 11, 22)
    finalize(load.database.finalizer, "chain", first, first + timedelta(STORED // 10))
    with load.database.connect(autocommit=True) as connection:
        connection.execute("analyze")
    late = chain("G01000", 1, 2, 3, 0, 0, start=T0 + 100 * DAY + 1000, agentresult=33)[4]
    load([late])
    options = (
        "-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 "
        "-c auto_explain.log_level=notice -c auto_explain.log_nested_statements=on"
    )
    explained = Database({**load.database.conninfo, "options": options}, {})
    seen: list[str] = []

    @sa.event.listens_for(explained.engine, "connect")
    def listen(connection: psycopg.Connection, _: object) -> None:
        connection.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))

    day = first + timedelta(100)
    (done,) = finalize(explained.engine, "chain", day, day)
    explained.dispose()
    assert (done.objects, done.changed) == (10, True)
    assert sum("insert into final." in plan for plan in seen) == len(FINAL_TABLES["chain"])
    whole = re.compile(r"Seq Scan on (?!ended)(?:gox?_\w+)")
    assert [found for plan in seen for found in whole.findall(plan)] == []
