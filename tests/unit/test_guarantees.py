"""Each fault that docs/guarantees.md promises something under names tests, and they are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from icon_assets.instance import ROOT

TESTS = ROOT / "tests"
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = sorted(set(re.findall(r"`((?!icon_assets)(?:\w+/)+\w+\.py(?:::\w+)?)`", TEXT)))


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_is_there(named: str) -> None:
    path, _, function = named.removeprefix("tests/").partition("::")
    assert not function or function in functions(TESTS / path)
    assert (TESTS / path).is_file()


def test_each_fault_names_a_test() -> None:
    table = TEXT[TEXT.index("| fault |") : TEXT.index("## Not promised")]
    faults = [line for line in table.splitlines()[2:] if line.startswith("|")]
    assert len(faults) > 30
    assert [fault for fault in faults if not re.search(r"\| `\w+/test_\w+\.py.*` \|$", fault)] == []
