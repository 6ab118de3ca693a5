"""Imports point one way, as docs/architecture.md says: the library knows nothing of who runs it."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import icon_assets

PACKAGE = Path(icon_assets.__file__).parent
# Each stage may import those before it, and what belongs to no stage; that is library, like the first four.
STAGES = ("contract", "idb", "ingest", "finalize", "orchestration", "definitions", "commands", "cli")
WHO_RUN_IT = STAGES[4:]
# An OCS has sessions, a session chains, and each knows whose it is.
KNOW_ONE_ANOTHER = {f"icon_assets.simulator.{name}" for name in ("ocs", "session", "chain")}
MAY_KNOW_DAGSTER = {"orchestration", "definitions", "commands"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(path: Path) -> str:
    """The package of the first level, or the module, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("name", ["dagster", "dbt"])
def test_the_library_knows_neither_dagster_nor_dbt(name: str) -> None:
    knowing = {part(path) for path in FILES if name in {found.split(".")[0] for found in imported(path)}}
    assert knowing <= MAY_KNOW_DAGSTER


@pytest.mark.parametrize("name", sorted({part(path) for path in FILES}))
def test_a_part_imports_no_stage_after_it(name: str) -> None:
    after = STAGES[STAGES.index(name) + 1 :] if name in STAGES else WHO_RUN_IT
    later = {f"icon_assets.{stage}" for stage in after}
    assert {
        str(path.relative_to(PACKAGE)): found
        for path in FILES
        if part(path) == name
        for found in imported(path)
        if ".".join(found.split(".")[:2]) in later
    } == {}


def test_the_simulator_takes_nothing_from_what_is_tested_by_its_truth() -> None:
    ours = {
        found
        for path in FILES
        if part(path) == "simulator"
        for found in imported(path)
        if found.startswith("icon_assets")
    }
    assert {found for found in ours if not found.startswith("icon_assets.simulator")} == set()


def test_no_modules_import_in_a_circle() -> None:
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES}
    graph = {
        name: names.keys() & set(imported(path)) - (KNOW_ONE_ANOTHER if name in KNOW_ONE_ANOTHER else set())
        for name, path in names.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
