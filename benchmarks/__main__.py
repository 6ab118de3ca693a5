"""Takes the figures and prints them as a table; the same as JSON in var/bench.json.

python -m benchmarks [GROUP ...] takes some groups only, and leaves the others in var/bench.json as they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import finalize, ingest, marts, pace, rivals, whole
from benchmarks.databases import running_server
from benchmarks.landings import bank_batches, simulated
from benchmarks.measure import Figure, say
from icon_assets.server import EmbeddedServer
from icon_assets.settings import Settings

Group = Callable[[EmbeddedServer, Path, Path], list[Figure]]


def _ingest(server: EmbeddedServer, landing: Path, var: Path) -> list[Figure]:
    days = simulated(var)
    found = ingest.against_copy(server, "simulated days", days, var)
    if landing != days:
        found += ingest.against_copy(server, "the real campaign", landing, var)
    return found


def _full(server: EmbeddedServer, landing: Path, var: Path) -> list[Figure]:
    return [ingest.when_full(server, landing.name.removeprefix("bench-"), landing, var)]


GROUPS: dict[str, Group] = {
    "ingest": _ingest,
    "full": _full,
    "memory": lambda server, _, var: ingest.memory(server, var),
    "pace": pace.figures,
    "rivals": rivals.figures,
    "finalize": lambda server, landing, var: finalize.figures(server, str(landing), var),
    "marts": lambda server, landing, var: marts.figures(server, str(landing), var),
    "whole": lambda _, landing, var: whole.figures(landing, var),
}


def main(names: list[str]) -> None:
    """Runs on the real campaign where ICON_BANK_TOOL is set, on simulated days otherwise."""
    if unknown := set(names) - GROUPS.keys():
        sys.exit(
            f"There is no group {', '.join(sorted(unknown))}. Name some of {', '.join(GROUPS)}, or none."
        )
    var = Settings.from_env().var
    var.mkdir(parents=True, exist_ok=True)
    landing = bank_batches(var) or simulated(var)
    report = var / "bench.json"
    taken = json.loads(report.read_text()) if names and report.exists() else {}
    met = True
    for name in names or GROUPS:
        say(name)
        with running_server(var) as server:
            figures = GROUPS[name](server, landing, var)
        taken[name] = [figure.as_dict() for figure in figures]
        report.write_text(json.dumps(taken, indent=1))
        _show(figures)
        met &= all(figure.is_met for figure in figures)
    sys.exit(not met)


def _show(figures: list[Figure]) -> None:
    table = Table("figure", "ratio", "pairs", "bar", "notes")
    for figure in figures:
        notes = ", ".join(f"{name} {value:,}" for name, value in figure.notes.items())
        spread = " ".join(f"{ratio:.2f}" for ratio in sorted(figure.ratios)[:10])
        mark = "" if figure.is_met else " (missed)"
        table.add_row(figure.name, f"{figure.ratio:.2f}", spread, f"{figure.bar or ''}{mark}", notes)
    Console(width=160).print(table)


main(sys.argv[1:])
