"""The threat table: which rows of threats.csv the tests prove, printed at the end of a run.

A test names rows in the mark `threat`, at the start of a parameter's id (`F3-zstd`), or at the end of its
name (`..._f13`, `..._j15_j16`).
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

_LIST = Path(__file__).with_name("threats.csv")
_IN_ID = re.compile(r"(?:^|-)([FJERS]\d+)(?=-|$)")
_AT_END = re.compile(r"_([fjers]\d+)(?=_|$)")


def threats() -> dict[str, tuple[str, str]]:
    """What each id is, and the outcome wanted."""
    with _LIST.open(newline="") as file:
        return {row["id"]: (row["threat"], row["outcome"]) for row in csv.DictReader(file)}


def named(item: pytest.Item) -> set[str]:
    """The ids that a test says it proves."""
    marked = {id_ for mark in item.iter_markers("threat") for id_ in mark.args}
    name, _, parameters = item.name.partition("[")
    in_id = {found[1] for found in _IN_ID.finditer(parameters.rstrip("]"))}
    return (marked | in_id | {found[1].upper() for found in _AT_END.finditer(name)}) & threats().keys()


def is_whole(config: pytest.Config) -> bool:
    """Whether all tests were asked for."""
    return bool(config.args == config.getini("testpaths"))


class ThreatTable:
    """Collects the outcome of each test by the ids that it names."""

    def __init__(self) -> None:
        self._named: dict[str, set[str]] = {}
        self._seen: dict[str, list[bool]] = defaultdict(list)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Before anything is left out. In the whole suite each row has a test."""
        self._named = {item.nodeid: ids for item in items if (ids := named(item))}
        if is_whole(config) and (missing := threats().keys() - self._tested()):
            raise pytest.UsageError(f"No test names these rows of {_LIST.name}: {', '.join(sorted(missing))}")

    def _tested(self) -> set[str]:
        return {id_ for ids in self._named.values() for id_ in ids}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once it was called, or failed before that."""
        if report.when == "call" or report.failed:
            for id_ in self._named.get(report.nodeid, ()):
                self._seen[id_].append(report.passed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line an id: only the whole suite can say that a row has no test."""
        if not self._seen:
            return
        terminalreporter.section("threats")
        tested = self._tested()
        counts = {"PASSED": 0, "FAILED": 0, "NOT RUN": 0, "NOT TESTED": 0}
        for id_, (threat, outcome) in threats().items():
            seen = self._seen.get(id_)
            said = (
                ("PASSED" if all(seen) else "FAILED")
                if seen
                else "NOT RUN"
                if id_ in tested
                else "NOT TESTED"
            )
            counts[said] += 1
            if seen or is_whole(terminalreporter.config):
                tests = f"{len(seen)} tests" if seen else ""
                terminalreporter.write_line(f"{id_:4} {threat:45} {outcome:24} {said:10} {tests}")
        terminalreporter.write_line(", ".join(f"{count} {said}" for said, count in counts.items()))
