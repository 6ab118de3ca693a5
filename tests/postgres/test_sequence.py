"""Runs of numbers: whatever the order and the gaps, as one who looks at all numbers at once finds them."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icon_assets.contract.events import Connection, Event, Metric
from icon_assets.database import Database
from icon_assets.ingest import sequence
from tests.batches import T0

Line = tuple[int | None, int, bool]  # number, seconds, whether it is a connection's
_FIRST, _LAST = 2**31 - 30, 2**31 - 1  # the highest of the contract: there is no number after the last
_LINES = st.lists(
    st.tuples(
        st.none() | st.integers(_FIRST, _LAST), st.integers(0, 50), st.sampled_from([False, False, True])
    )
)
_BATCHES = st.lists(
    st.tuples(_LINES, st.sampled_from([(None, None), (_FIRST, _LAST)])), min_size=1, max_size=4
)


def _event(dsseq: int | None, second: int, is_connection: bool) -> Event:
    ts = T0 + second * 1000
    if is_connection:
        return Connection(ts=ts, dsseq=dsseq, dsconn_type=1, state="connected")
    return Metric(ts=ts, dsseq=dsseq, metric=1, value=0)


def _expected(lines: list[Line], told: tuple[int | None, int | None]) -> list[tuple[int, int, int, int]]:
    """First and last number and second of each run."""
    seconds = [second for _, second, _ in lines]
    is_silent = any(number is None and not is_connection for number, _, is_connection in lines)
    numbered = sorted((number, second) for number, second, _ in lines if number is not None)
    if lines and told != (None, None) and (is_silent or not numbered):
        return [(*told, min(seconds), max(seconds))]  # type: ignore[list-item]
    places = {number: place for place, number in enumerate(sorted({number for number, _ in numbered}))}
    runs = itertools.groupby(numbered, key=lambda line: line[0] - places[line[0]])
    found = []
    for _, run in runs:
        numbers, times = zip(*run, strict=True)
        found.append((min(numbers), max(numbers), min(times), max(times)))
    return found


def _recorded(cursor: psycopg.Cursor[Any], batches: list[tuple[list[Line], Any]], chunk: int) -> Any:
    """What the batches leave in ops.sequence_run; every third is taken out again."""
    runs = sequence.Runs(cursor)
    for number, (lines, told) in enumerate(batches, 1):
        runs.begin(number)
        events = list(enumerate((_event(*line) for line in lines), 2))
        for start in range(0, len(events), chunk):
            runs.add(events[start : start + chunk])
        runs.end(*told)
        if number % 3 == 0:
            runs.discard()
    runs.flush()
    sequence.record_runs(cursor, {"batch_ids": [-number for number in range(1, len(batches) + 1)]})
    return cursor.execute(
        "select -batch_id, first_dsseq, last_dsseq, "
        "extract(epoch from first_ts)::integer - %(t0)s, extract(epoch from last_ts)::integer - %(t0)s "
        "from ops.sequence_run order by 1, 2",
        {"t0": T0 // 1000},
    ).fetchall()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=_BATCHES, chunk=st.integers(1, 5), flush=st.sampled_from([0, 3, 10_000]))
def test_runs_are_those_of_all_numbers_at_once(
    database: Database, batches: list[tuple[list[Line], Any]], chunk: int, flush: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, database.connect() as connection:
        patch.setattr(sequence, "_FLUSH_RUNS", flush)
        cursor = psycopg.ClientCursor(connection)
        cursor.execute("set timezone to UTC; set session_replication_role to replica")
        cursor.execute(sequence.CREATE)
        found = _recorded(cursor, batches, chunk)
        connection.rollback()
    assert found == [
        (number, *run)
        for number, (lines, told) in enumerate(batches, 1)
        if number % 3
        for run in _expected(lines, told)
    ]
