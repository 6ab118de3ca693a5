"""The rules that the data is measured by: each runs, says what to do, and tells nothing about customers."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from icon_assets.idb import quality
from icon_assets.idb.catalogue import catalogue
from icon_assets.idb.quality import RULES, Rule
from tests.batches import T0, campaign, chain, chain_call, connection, field, metric, record
from tests.loading import Loader

# Columns that hold what a customer is or said.
PERSONAL = {"contactinfo", "value", "valuerest", "oldvalue", "newvalue", "oldrest", "newrest", "endpointdn"}
SECRET = "+351900000001"


def break_everything(load: Loader) -> None:
    one, two = chain("A", 3, 3)
    load([connection(T0), one, two, record("X", 1), field("Y", 1, SECRET * 400), chain_call("Z", None)],
         first_dsseq=1, last_dsseq=6)  # fmt: skip
    load(
        [{**chain("A", 1, 2, 3, 9)[3], "ts": T0}, *campaign("S2", 2, 1, 1, start=T0)],
        first_dsseq=50,
        last_dsseq=60,
    )
    load([*chain("A", 2, sessid="S2"), *chain("B", 2, start=T0 + 7_200_000)], dbid=102)
    load([{**chain("D", 1, 2)[1], "callattid": "B-1"}, metric("records_total", 1, T0 + 7_200_000)])


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_a_rule_is_written_out_and_finds_nothing_in_an_empty_database(load: Loader, rule: Rule) -> None:
    assert rule.table in catalogue().tables
    assert rule.description.endswith(".")
    assert rule.advice.endswith(".")
    with load.database.engine.connect() as connected:
        assert quality.find(connected, rule) == quality.Found(0, [])


def test_what_is_broken_is_found_counted_and_named_by_keys_only(load: Loader) -> None:
    break_everything(load)
    with load.database.engine.connect() as connected:
        found = {name: quality.find(connected, rule, examples=1) for name, rule in RULES.items()}
    assert {name for name, broken in found.items() if not broken.count} == {"left_out"}
    for name, broken in found.items():
        assert len(broken.examples) <= 1
        assert SECRET not in repr(broken), name
        assert not any(PERSONAL & row.keys() for row in broken.examples), name


def test_transitions_name_states_of_the_catalogue(load: Loader) -> None:
    states = {
        machine: set(catalogue().enumerations[f"{machine.upper()}_STATE"])
        for machine in ("chain", "campaign")
    }
    for machine, before, after in load.rows("select machine, from_state, to_state from ops.transition"):
        assert {before, after} <= states[machine]
        assert before != after


def test_views_of_ops_show_no_personal_column(load: Loader) -> None:
    inspector = sa.inspect(load.database.engine)
    for view in inspector.get_view_names("ops"):
        names = {column["name"] for column in inspector.get_columns(view, "ops")}
        assert not PERSONAL & names, view
