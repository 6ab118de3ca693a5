"""Any course of deliveries, faults, finalizations and purges leaves what the model says, after every step.

A few examples in the suite; ICON_EVERY_STEP=1 tries some thousand steps.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.purge import purge
from icon_assets.ingest.drain import backlog
from icon_assets.marts.window import close_window, open_window
from tests import batches
from tests.batches import DAY, T0
from tests.databases import drop
from tests.faults.conftest import EVERY_STEP, Copy
from tests.faults.proxy import Moment, Proxy, kill
from tests.faults.work import Worker, finish_dirty, load
from tests.model.idb import TABLES, Line, Model, Rows

OCSS = (101, 102)
OPEN, SECURE, LATER = 8001, 8002, 8003  # the last is configured some time, as open


def chain_line(guid: str, seq: int, state: int, day: int, result: int | None, elsewhere: bool) -> Line:
    line = batches.chain(guid, state, start=T0 + day * DAY, sessid="S9" if elsewhere else f"S-{guid}")[0]
    return {**line, "seq": seq, "ts": line["ts"] + 1000 * seq, "agentresult": result}


def campaign_line(ocs: int, guid: str, seq: int, state: int, day: int) -> Line:
    line = batches.campaign(f"S-{guid}", state, start=T0 + day * DAY)[0]
    return {**line, "seq": seq, "ts": line["ts"] + 1000 * seq}


# Few objects and few values, so that lines meet: as duplicates, conflicts, late ones, and in any order.
guids, days = st.sampled_from("AB"), st.integers(0, 2)
lines = st.one_of(
    st.builds(
        chain_line,
        guids,
        st.integers(1, 5),
        st.sampled_from((0, 0, 1, 2, 3)),
        days,
        st.sampled_from((None, None, 33)),
        st.sampled_from((False,) * 9 + (True,)),
    ),
    st.builds(batches.record, guids, st.integers(1, 3), callresult=st.sampled_from((28, 33))),
    st.builds(
        batches.field,
        guids,
        st.integers(1, 3),
        st.sampled_from(("x", "y", None)),
        fieldid=st.sampled_from((OPEN, SECURE, LATER)),
    ),
    st.none(),
)


def life(guid: str, day: int, states: list[int]) -> list[Line]:
    """A whole one: start, attempts, end, and that of its session."""
    session = batches.campaign(f"S-{guid}", 1, 0, start=T0 + day * DAY)
    return [
        *(chain_line(guid, seq, state, day, None, False) for seq, state in enumerate(states, 1)),
        *session,
    ]


attempts = st.lists(st.sampled_from((1, 2, 3)), min_size=1, max_size=3)
lives = st.builds(life, guids, days, attempts.map(lambda states: [*states, 0]))
contents = st.one_of(
    st.lists(lines, max_size=6),
    lives,
    st.tuples(lives, st.lists(lines, max_size=3)).map(lambda parts: [*parts[0], *parts[1]]),
)
UNREADABLE = {"type": "nonsense", "ts": T0}


class Course(RuleBasedStateMachine):
    """What may happen to one project, its database reached through a proxy when something is to die."""

    def __init__(self, template: Database, copy: Copy, proxy: Proxy, worker: Worker, landing: Path) -> None:
        super().__init__()
        self.database, self.proxy, self.worker = copy(template), proxy, worker
        self.landing = landing / self.database.name
        self.landing.mkdir()
        self.model = Model()
        self.batches: dict[str, tuple[int, list[Line | None]]] = {}
        self.waiting: set[str] = set()
        self.numbers = count(1)

    def teardown(self) -> None:
        drop(self.database)

    @initialize()
    def begin(self) -> None:
        """Two fields are configured; a chain has ended, and another is under way two days later."""
        self._configure({OPEN: 1, SECURE: 2})
        self.deliver([(OCSS[0], [*life("A", 0, [1, 2, 0]), chain_line("B", 1, 1, 2, None, False)], "a")])

    def _configure(self, attributes: dict[int, int]) -> None:
        name = f"config-{next(self.numbers)}"
        objects = [batches.tracked(fieldid, attribute) for fieldid, attribute in attributes.items()]
        batches.write(self.landing, name, objects, source="config", dbid=batches.CONFIG)
        load(self.database, str(self.landing))
        self.model.ledger[name] = (len(objects), len(objects), 0, 0)
        self.model.open_fields |= {fieldid for fieldid, attribute in attributes.items() if attribute == 1}

    def _write(
        self, ocs: int, content: list[Line | None], first: str, name: str = "", cut: bool = False
    ) -> str:
        """A file whose name decides its place in the order of loading."""
        path = f"{first}{next(self.numbers):03}"
        name = name or path
        text = batches.batch(name, [line or UNREADABLE for line in content], dbid=ocs)
        (self.landing / f"{path}.jsonl").write_bytes(text[:-9] if cut else text)
        if not cut:
            self.batches.setdefault(name, (ocs, content))
        return path

    def _of(self, ocs: int, content: list[Line | None]) -> list[Line | None]:
        """A session is one OCS's: of the other one its chains know it, and nothing more."""
        return [line for line in content if ocs == OCSS[0] or line is None or line["type"] != "campaign"]

    @rule(
        deliveries=st.lists(
            st.tuples(st.sampled_from(OCSS), contents, st.sampled_from("abc")), min_size=1, max_size=3
        )
    )
    def deliver(self, deliveries: list[tuple[int, list[Line | None], str]]) -> None:
        """One or several batches, which load in the order of their names."""
        self._deliver(deliveries)
        load(self.database, str(self.landing))

    @rule(
        deliveries=st.lists(
            st.tuples(st.sampled_from(OCSS), contents, st.sampled_from("abc")), min_size=1, max_size=2
        ),
        step=st.integers(1, 150),
        moment=st.sampled_from(Moment),
    )
    def deliver_to_a_loader_that_is_killed(self, deliveries: Any, step: int, moment: Moment) -> None:
        self._deliver(deliveries)
        self._killed("load", step, moment)
        load(self.database, str(self.landing))

    def _deliver(self, deliveries: list[tuple[int, list[Line | None], str]]) -> None:
        written = {self._write(ocs, self._of(ocs, content), first): ocs for ocs, content, first in deliveries}
        for path in sorted(written):
            self.model.load(path, *self.batches[path])

    def _killed(self, work: str, step: int, moment: Moment) -> None:
        conninfo = {**self.database.conninfo, **self.proxy.conninfo}
        pid = self.worker.start(work, conninfo, str(self.landing))
        self.proxy.arm(step, moment, kill(pid))
        self.worker.go()
        assert self.worker.wait() == (-9 if self.proxy.struck is not None else 0)
        self.proxy.disarm()

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """The same batch under another name of its file: known, byte for byte."""
        name = data.draw(st.sampled_from(sorted(self.batches)))
        self._write(*self.batches[name], "d", name)
        load(self.database, str(self.landing))

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def deliver_the_same_lines_in_another_batch(self, data: st.DataObject) -> None:
        """In another order: known, line by line."""
        ocs, content = self.batches[data.draw(st.sampled_from(sorted(self.batches)))]
        self.deliver([(ocs, data.draw(st.permutations(content)), "g")])

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), content=contents)
    def deliver_other_content_under_a_known_name(
        self, data: st.DataObject, content: list[Line | None]
    ) -> None:
        name = data.draw(st.sampled_from(sorted(self.batches)))
        ocs, _ = self.batches[name]
        self._write(ocs, [*self._of(ocs, content), None, None, None], "e", name)
        load(self.database, str(self.landing))

    @rule(content=contents, ocs=st.sampled_from(OCSS))
    def deliver_in_two_pieces(self, content: list[Line | None], ocs: int) -> None:
        """Cut, the file waits and leaves nothing; whole, it loads."""
        content = [*self._of(ocs, content), None]
        path = self._write(ocs, content, "f", cut=True)
        load(self.database, str(self.landing))
        self.check_idb_and_ledger()
        text = batches.batch(path, [line or UNREADABLE for line in content], dbid=ocs)
        (self.landing / f"{path}.jsonl").write_bytes(text)
        self.batches[path] = (ocs, content)
        load(self.database, str(self.landing))
        self.model.load(path, ocs, content)

    @precondition(lambda self: LATER not in self.model.open_fields and not self.model.purged)
    @rule()
    def configure_a_field_late(self) -> None:
        self._configure({LATER: 1})

    @rule()
    def finalize(self) -> None:
        finish_dirty(self.database, "")
        self.model.finalize()

    @rule(step=st.integers(1, 120), moment=st.sampled_from(Moment))
    def finalize_and_be_killed(self, step: int, moment: Moment) -> None:
        self._killed("finish dirty", step, moment)
        self.finalize()

    @rule(keep_days=st.integers(0, 1))
    def purge(self, keep_days: int) -> None:
        """After everything is final and, as if dbt had run, in the marts."""
        self.finalize()
        close_window(self.database.engine, open_window(self.database.engine))
        purge(self.database.engine, keep_days)
        self.model.purge(keep_days)

    @invariant()
    def check_idb_and_ledger(self) -> None:
        for table, rows in self.model.idb().items():
            assert self._rows(f"select {TABLES[table.removeprefix('idb.')]} from {table}") == rows, table
        ledger = self._rows("select batch, events, new, known, quarantined from ops.batch")
        assert ledger == Counter((name, *counts) for name, counts in self.model.ledger.items())
        waits = "select batch, line, reason from ops.quarantine inner join ops.batch using (batch_id)"
        assert self._rows(waits) == self.model.quarantine

    @invariant()
    def check_final(self) -> None:
        for table, columns in TABLES.items():
            found = self._rows(f"select final_day, {columns} from final.{table}")
            assert found == self.model.final.get(f"final.{table}", Counter()), table

    @invariant()
    def check_that_nothing_waits(self) -> None:
        assert not backlog(self.database.engine, Landing(str(self.landing)))

    def _rows(self, query: str) -> Rows:
        with self.database.engine.connect() as connection:
            return Counter(tuple(row) for row in connection.execute(sa.text(query)))


@pytest.mark.threat("E4", "E5", "E9", "E24", "F30")
def test_any_course_leaves_what_the_model_says(
    template: Database, copy: Copy, proxy: Proxy, worker: Worker, landing: Path
) -> None:
    run_state_machine_as_test(
        lambda: Course(template, copy, proxy, worker, landing),
        settings=settings(
            max_examples=300 if EVERY_STEP else 6,
            stateful_step_count=30 if EVERY_STEP else 12,
            deadline=None,
            derandomize=not EVERY_STEP,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
        ),
    )
