"""Rules that no single model can keep: read from the project's files, without a database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from icon_assets.instance import DBT_PROJECT

MODELS = {path.stem: path for path in sorted((DBT_PROJECT / "models").rglob("*.sql"))}
SEEDS = {path.stem for path in (DBT_PROJECT / "seeds").glob("*.csv")}
MARTS = {
    name: path for name, path in MODELS.items() if "marts" in path.relative_to(DBT_PROJECT / "models").parts
}
GAUGES = (
    "total_records",
    "total_chains",
    "unprocessed_records",
    "unprocessed_chains",
    "busy_ports",
    "engaged_ports",
)
# A column of codes compared with a number.
CODE = r"\b\w*(?:result|mode|state|status|type|role)(?:_key)?\s*(?:=|<>|in \()\s*\(?(-?\d+)"
# Numbers that are no codes: 0 and 1, the unknown row, masks of the packed cause, times and sizes.
NUMBERS = {"0", "1", "-1"}


def refs(path: Path) -> set[str]:
    return set(re.findall(r"ref\('(\w+)'\)", path.read_text()))


def is_kept(name: str) -> bool:
    """Whether a run leaves the relation in place: only on such may a view stand that people read."""
    return name in SEEDS or "materialized='incremental'" in MODELS[name].read_text()


@pytest.mark.parametrize("path", MODELS.values(), ids=MODELS)
def test_gauges_are_never_added_up(path: Path) -> None:
    assert not re.search(rf"sum\(\s*(\w+\.)?({'|'.join(GAUGES)})\b", path.read_text())


@pytest.mark.parametrize("path", MODELS.values(), ids=MODELS)
def test_reports_ask_flags_not_codes(path: Path) -> None:
    codes = re.findall(CODE, path.read_text())
    assert set(codes) <= NUMBERS


@pytest.mark.parametrize("name", [n for n, p in MARTS.items() if "materialized='view'" in p.read_text()])
def test_views_stand_on_what_a_run_leaves_in_place(name: str) -> None:
    assert all(is_kept(ref) for ref in refs(MARTS[name]))


@pytest.mark.parametrize("name", MARTS)
def test_a_mart_is_described_beside_it(name: str) -> None:
    (model,) = yaml.safe_load(MARTS[name].with_suffix(".yml").read_text())["models"]
    assert model["name"] == name
    assert model["description"].strip()
    assert all(column["description"] == f"{{{{ doc('{column['name']}') }}}}" for column in model["columns"])


@pytest.mark.parametrize("name", [n for n, p in MARTS.items() if p.parent.name == "operations"])
def test_an_analyst_s_mart_says_how_fresh_and_complete_it_is(name: str) -> None:
    (model,) = yaml.safe_load(MARTS[name].with_suffix(".yml").read_text())["models"]
    assert {"data_through_ts", "completeness"} <= {column["name"] for column in model["columns"]}


def test_every_column_is_described_once() -> None:
    named = re.findall(r"{% docs (\w+) %}", (DBT_PROJECT / "docs" / "columns.md").read_text())
    assert len(named) == len(set(named))
    properties = "".join(path.read_text() for path in DBT_PROJECT.rglob("*.yml"))
    assert set(named) == set(re.findall(r"doc\('(\w+)'\)", properties))


def test_the_overview_names_what_there_is() -> None:
    """A measure of the table for analysts is a column, a link leads to a model."""
    overview = (DBT_PROJECT / "docs" / "overview.md").read_text()
    columns: set[str] = set()
    for path in MARTS.values():
        (model,) = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
        columns |= {column["name"] for column in model["columns"]}
    measures = overview.split("## The usual measures")[1].split("```sql")[0]
    assert set(re.findall(r"`(\w+)`", measures)) <= columns | set(MARTS)
    links = re.findall(r"\[(\w+)\]\(#!/model/model\.icon_marts\.(\w+)\)", overview)
    assert len(links) > 20
    assert all(shown == linked and linked in MARTS for shown, linked in links)


def test_no_packages() -> None:
    assert not [*DBT_PROJECT.glob("packages.yml"), *DBT_PROJECT.glob("dependencies.yml")]


def test_result_classes_are_those_of_the_seed() -> None:
    rows = (DBT_PROJECT / "seeds" / "enum_call_result.csv").read_text().splitlines()[1:]
    macro = (DBT_PROJECT / "macros" / "attempt_measures.sql").read_text()
    listed = re.search(r"return\(\[(.*?)\]\)", macro, re.DOTALL)
    assert listed
    assert {row.split(",")[2] for row in rows} == set(re.findall(r"'(\w+)'", listed[1]))
