"""`icon-assets simulate`: the simulator on the command line."""

from __future__ import annotations

from typing import Any

import fsspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from icon_assets.commands.shown import JSON, print_json
from icon_assets.errors import UserError
from icon_assets.simulator import times
from icon_assets.simulator.run import simulate as run
from icon_assets.simulator.scenario import Scenario, scenarios


def simulate(
    scenario: str = typer.Option("demo", help="The scenario, by name."),
    seed: int = typer.Option(1, help="The same seed gives the same events."),
    out: str | None = typer.Option(
        None, help="Where the batches and truth.json go: a folder or an fsspec URL."
    ),
    list_: bool = typer.Option(False, "--list", help="List the scenarios and end."),
    json: JSON = False,
) -> None:
    """Write the event batches of a simulated contact centre, and the truth that reports must show."""
    if list_:
        if json:
            print_json({name: plan.about for name, plan in scenarios().items()})
        else:
            Console().print(_table())
        return
    if out is None:
        raise UserError("Where to? Name a folder or an fsspec URL: --out URL.")
    if scenario not in scenarios():
        raise UserError(
            f"There is no scenario {scenario!r}. See which there are: icon-assets simulate --list"
        )
    if _taken(out):
        raise UserError(f"{out} holds a simulation already. Name another folder, or empty it.")
    truth = _run(scenario, scenarios()[scenario], seed, out)
    done = {"events": sum(truth["events"].values())}
    done |= {name: truth[name] for name in ("batches", "chains", "attempts")}
    path = f"{out.rstrip('/')}/truth.json"
    if json:
        print_json({**done, "truth": path})
        return
    typer.echo(
        f"{done['events']:,} events in {done['batches']:,} batches: {done['chains']:,} chains, "
        f"{done['attempts']:,} attempts. The truth is in {path}."
    )


def _taken(out: str) -> bool:
    try:
        files, root = fsspec.core.url_to_fs(out)
    except (ImportError, ValueError):
        raise UserError(f"{out} is no folder, nor a URL whose fsspec driver is installed.") from None
    return bool(files.exists(f"{root.rstrip('/')}/truth.json"))


def _run(name: str, plan: Scenario, seed: int, out: str) -> dict[str, Any]:
    begin = times.midnight(plan.start)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(name, total=plan.days * times.DAY, events=0)

        def show(now: int, events: int) -> None:
            bars.update(
                task, completed=now - begin, events=events, description=f"{name}, {times.utc_day(now)}"
            )

        return run(plan, seed, out, show)


def _table() -> Table:
    table = Table("scenario", "what happens", box=None, pad_edge=False)
    for name, plan in scenarios().items():
        table.add_row(name, plan.about)
    return table
