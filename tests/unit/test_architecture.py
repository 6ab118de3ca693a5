"""Imports point one way, as docs/architecture.md says: the library knows nothing of who runs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import icon_assets

PACKAGE = Path(icon_assets.__file__).parent
# Each stage may import those before it, and what belongs to no stage.
STAGES = ("contract", "idb", "ingest", "finalize", "orchestration")
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


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_none_after_it(stage: str) -> None:
    later = tuple(f"icon_assets.{name}" for name in STAGES[STAGES.index(stage) + 1 :])
    assert {
        str(path.relative_to(PACKAGE)): found
        for path in FILES
        if part(path) == stage
        for found in imported(path)
        if found.startswith(later)
    } == {}
