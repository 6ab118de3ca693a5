"""Takes every figure and prints them as a table; the same as JSON in var/bench.json."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import finalize, ingest
from benchmarks.databases import running_server
from benchmarks.measure import Figure
from icon_assets.settings import Settings
from icon_assets.simulator import simulate


def main() -> None:
    """Runs on the real campaign where ICON_BANK_TOOL is set, on simulated data otherwise."""
    var = Settings.from_env().var
    var.mkdir(parents=True, exist_ok=True)
    landing = ingest.bank_batches(var)
    if landing is None:
        landing = str(var / "bench-simulated")
        if not (var / "bench-simulated" / "truth.json").exists():
            simulate("benchmark", 1, landing)
    figures: list[Figure] = []
    with running_server(var) as server:
        figures.append(ingest.against_copy(server, landing, var))
        figures += ingest.against_rivals(server, landing, var)
        figures += finalize.figures(server, landing, var)
    (var / "bench.json").write_text(json.dumps([figure.as_dict() for figure in figures], indent=1))
    _show(figures)
    sys.exit(any(figure.bar is not None and figure.ratio < figure.bar for figure in figures))


def _show(figures: list[Figure]) -> None:
    table = Table("figure", "ratio", "pairs", "bar", "notes")
    for figure in figures:
        notes = ", ".join(f"{name} {value:,}" for name, value in figure.notes.items())
        spread = " ".join(f"{ratio:.2f}" for ratio in sorted(figure.ratios))
        table.add_row(figure.name, f"{figure.ratio:.2f}", spread, str(figure.bar or ""), notes)
    Console().print(table)


main()
