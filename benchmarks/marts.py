"""One changed day in the marts, after ten days of history and after all of them; and a full refresh."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import sqlalchemy as sa

from benchmarks.databases import fresh
from benchmarks.loader import load
from benchmarks.measure import Figure, pairs, seconds
from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.close import close_lost
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import dirty_days, ranges
from icon_assets.instance import DBT, DBT_PROJECT, environment
from icon_assets.marts.dbt_cli import prepare_dbt
from icon_assets.marts.window import close_window, open_window
from icon_assets.server import EmbeddedServer
from icon_assets.settings import Settings

_PAIRS = 5
_FEW_DAYS = 10
_LIMIT = 1.3
# What a marts run builds: staging views and seeds are made when the code changes.
_BUILD = ("build", "--exclude-resource-type", "unit_test")
_OF_THE_CODE = ("--exclude", "path:models/staging", "resource_type:seed")
# A chain of that day with an attempt; a late result for it changes the day, and nothing else.
_LATE_RESULT = """
    select
        c.chainguid, c.sessid, c.campaignid, c.groupid, c.callinglistid, c.ocsid, c.lastseq + 1 as seq,
        0 as state, h.callattid, 9 as agentresult, extract(epoch from c.terminated)::bigint * 1000 as ts
    from idb.go_chain as c
    inner join lateral (
        select callattid from idb.go_chainrec_hist
        where chainguid = c.chainguid and ocsid = c.ocsid and callattid is not null
        order by seq limit 1
    ) as h on true
    where c.terminated::date = :day
    order by c.chainguid
    limit 1 offset :number
"""


def figures(server: EmbeddedServer, landing: str, var: Path) -> list[Figure]:
    """The same day changes in both histories; `seconds_…` are medians of the builds that make the ratios."""
    with fresh(server, var) as short, fresh(server, var) as long:
        few, all_days = _Marts(short, var), _Marts(long, var)
        with _first_days(landing, var) as first:
            few.load(first)
        all_days.load(landing)
        day, days = few.last_day(), all_days.days()
        taken: dict[str, list[float]] = {"few": [], "all": []}

        def rate(name: str, marts: _Marts) -> float:
            taken[name].append(marts.build_after_a_late_result(day))
            return 1 / taken[name][-1]

        def after_all() -> float:
            return rate("all", all_days)

        def after_few() -> float:
            return rate("few", few)

        after_all(), after_few()  # both caches are warm from here on
        taken = {"few": [], "all": []}
        ratios = pairs(after_all, after_few, _PAIRS)
        notes: dict[str, float | int | str] = {
            "days": days,
            "seconds_after_few": round(sorted(taken["few"])[_PAIRS // 2], 1),
            "seconds_after_all": round(sorted(taken["all"])[_PAIRS // 2], 1),
            "full_refresh_seconds": round(all_days.build("--full-refresh"), 1),
        }
    name = f"marts, a changed day: after {_FEW_DAYS} days / after all"
    return [Figure(name, ratios, bar=round(1 / _LIMIT, 2), notes=notes)]


class _Marts:
    """One database with its marts, built as a run builds them."""

    def __init__(self, database: Database, var: Path) -> None:
        self._database = database
        self._settings = replace(Settings.from_env(), var=var)
        self._environment = {**os.environ, **environment(self._settings, database)}
        self._landing = var / f"bench-marts-{database.name}"
        self._numbers = itertools.count()
        prepare_dbt(self._settings, database.builder, environment(self._settings, database))

    def load(self, landing: str) -> None:
        """Everything that is there, into the marts."""
        load(self._database, landing)
        self._finalize()
        self.build()

    def build_after_a_late_result(self, day: date) -> float:
        """Seconds of the build after an agent's result came late for a chain of that day."""
        self._late_result(day)
        load(self._database, str(self._landing))
        self._finalize()
        return self.build()

    def build(self, *arguments: str) -> float:
        """Seconds that dbt takes for what waits."""
        window = open_window(self._database.builder)
        command: list[str | Path] = [
            DBT,
            "--quiet",
            *_BUILD,
            *_OF_THE_CODE,
            *arguments,
            "--project-dir",
            DBT_PROJECT,
        ]
        taken = seconds(lambda: subprocess.run(command, env=self._environment, check=True))
        close_window(self._database.builder, window)
        return taken

    def days(self) -> int:
        """How many days of termination the marts hold."""
        return int(self._one("select count(distinct final_day) from marts.fct_chain"))

    def last_day(self) -> date:
        """The newest of them."""
        return date.fromisoformat(self._one("select max(final_day) from marts.fct_chain"))

    def _one(self, query: str) -> str:
        with self._database.engine.connect() as connection:
            return str(connection.execute(sa.text(query)).scalar_one())

    def _finalize(self) -> None:
        close_lost(self._database.finalizer)
        for entity, days in dirty_days(self._database.engine).items():
            for first, last in ranges(days):
                finalize(self._database.finalizer, entity, first, last)

    def _late_result(self, day: date) -> None:
        number = next(self._numbers)
        with self._database.engine.connect() as connection:
            query = connection.execute(sa.text(_LATE_RESULT), {"day": day, "number": number})
            event = dict(query.mappings().one())
        header = {
            "type": "batch",
            "contract": "ocs-events/1",
            "batch": f"late/{number}",
            "source": "ocs",
            "dbid": event.pop("ocsid"),
            "release": "8.1.5",
            "events": 1,
        }
        self._landing.mkdir(parents=True, exist_ok=True)
        lines = [msgspec.json.encode(line) for line in (header, {"type": "chain", **event})]
        (self._landing / f"{number}.jsonl").write_bytes(b"\n".join([*lines, b""]))


@contextmanager
def _first_days(landing: str, var: Path) -> Iterator[str]:
    """A landing zone with the batches of the first days only."""
    zone, folder = Landing(landing), var / "bench-first-days"
    sent: dict[Path, date] = {}
    for file in zone.list():
        with zone.open(file) as batch:
            if batch.header.sent is not None:
                sent[Path(landing) / file.path] = date.fromtimestamp(batch.header.sent / 1000)
    days = sorted({day for path, day in sent.items() if "config" not in str(path)})[:_FEW_DAYS]
    folder.mkdir(parents=True, exist_ok=True)
    for path, day in sent.items():
        if day <= days[-1]:
            shutil.copy(path, folder / f"{path.parent.name}-{path.name}")
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder)
