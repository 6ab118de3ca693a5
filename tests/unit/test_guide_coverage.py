"""docs/guide_coverage.md names every statement of the guide, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| G(\d+) \| (.+) \| (.+) \| (.+) \|$", (ROOT / "docs/guide_coverage.md").read_text(), re.MULTILINE
)


def test_every_statement_has_one_row() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 47))


def test_every_place_exists() -> None:
    for number, _, places, _ in ROWS:
        named = re.findall(r"`([^`]+)`", places)
        assert named, number
        for place in named:
            assert (ROOT / place).is_file(), f"G{number}: {place}"


def test_every_test_exists() -> None:
    for number, _, _, tests in ROWS:
        named = re.findall(r"`([^`]+)::(\w+)`", tests)
        assert named, number
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(), f"G{number}: {path}::{test}"
