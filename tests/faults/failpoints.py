"""The failpoints, listed from the code: each place where the program asks the server for something.

They need no word in the program. The proxy strikes before, during and after each of them, because each is a
step; what this list adds is that none is left out: a place that no work of the crash tests comes by is seen.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import icon_assets

PACKAGE = Path(icon_assets.__file__).parent
# Ingest, finalize, the swap of the marts, and what cleans up after them.
_PARTS = ("ingest/*.py", "finalize/*.py", "marts/window.py", "retention.py", "idb/locks.py")
_ASKING = {"execute", "exec_driver_sql", "executemany", "copy", "begin", "commit", "transaction"}


@dataclass(frozen=True, order=True)
class Failpoint:
    """The `number`-th statement, COPY, begin or commit of a function. lines: where it stands."""

    function: str
    number: int
    lines: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.function} {self.number}"


def failpoints() -> list[Failpoint]:
    """All of them, by name."""
    found: list[Failpoint] = []
    for path in sorted(path for part in _PARTS for path in PACKAGE.glob(part)):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        for name, function in _functions(tree, module):
            calls = [node for node in _own(function) if isinstance(node, ast.Call) and _asks(node)]
            calls.sort(key=lambda call: (call.lineno, call.col_offset))
            found += [
                Failpoint(name, number, (call.lineno, call.end_lineno or call.lineno))
                for number, call in enumerate(calls, 1)
            ]
    return found


def _asks(call: ast.Call) -> bool:
    """`connection.execute(...)`, or `execute(...)` where a function is handed that method."""
    called = call.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in _ASKING


def _functions(tree: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{within}.{node.name}"
            if isinstance(node, ast.FunctionDef):
                yield name, node
            yield from _functions(node, name)
        else:
            yield from _functions(node, within)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """What a function does itself, without the functions within it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _own(node)


@contextmanager
def watched() -> Iterator[set[tuple[str, int]]]:
    """The lines (module, number) of the program that run meanwhile, in any thread."""
    seen: set[tuple[str, int]] = set()
    modules: dict[str, str] = {}
    for part in _PARTS:
        for path in PACKAGE.glob(part):
            modules[str(path)] = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        module = modules.get(frame.f_code.co_filename)
        if module is None:
            return None
        if event == "line":
            seen.add((module, frame.f_lineno))
        return trace

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        yield seen
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]


def passed(point: Failpoint, lines: set[tuple[str, int]]) -> bool:
    """Whether the program came by."""
    return any(
        point.function.startswith(f"{module}.") and point.lines[0] <= line <= point.lines[1]
        for module, line in lines
    )
