"""`icon-assets quarantine`: the lines that could not be loaded; their text; mended ones loaded again."""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from icon_assets.commands.shown import JSON, print_json
from icon_assets.contract.reasons import Reason
from icon_assets.database import open_database
from icon_assets.errors import UserError
from icon_assets.ingest import quarantine
from icon_assets.ingest.deployment import read_deployment
from icon_assets.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Lines that could not be loaded: see, mend and replay them.")


@app.command("list")
def list_(
    batch: Annotated[int | None, typer.Option(help="Only of this batch (its batch_id).")] = None,
    reason: Annotated[Reason | None, typer.Option(help="Only with this reason.", metavar="REASON")] = None,
    json: JSON = False,
) -> None:
    """List what waits, without the lines' text, and what each reason means."""
    found = quarantine.entries(open_database(Settings.from_env()).operator, batch_id=batch, reason=reason)
    if json:
        print_json([{**asdict(entry), "meaning": entry.meaning} for entry in found])
        return
    table = Table("id", "batch_id", "batch", "line", "type", "reason", "detail", "since (UTC)")
    for entry in found:
        since = f"{entry.quarantined_at:%Y-%m-%d %H:%M}"
        cells = (entry.quarantine_id, entry.batch_id, entry.batch, entry.line, entry.type or "")
        table.add_row(*map(str, cells), entry.reason, entry.detail or "", since)
    # No markup: a batch's name may hold brackets.
    console = Console(markup=False, width=None if sys.stdout.isatty() else 200)
    console.print(table)
    for (code, meaning), lines in Counter((entry.reason, entry.meaning) for entry in found).most_common():
        console.print(f"{code}: {lines:,} lines. {meaning}")
    console.print(f"{len(found):,} lines wait.")


@app.command()
def show(
    ids: Annotated[list[int], typer.Argument(help="Ids as `list` shows them.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print the lines: customers' values.")] = False,
) -> None:
    """Show what is known of lines; with --raw the lines, as `ID TAB line`, which `replay` reads."""
    database = open_database(Settings.from_env())
    if raw:
        _print_raw(quarantine.raw_lines(database.secure_reader, ids))
        return
    for entry in quarantine.entries(database.operator, replayed=True):
        if entry.quarantine_id in ids:
            replayed = f"as batch {entry.replayed_by} by {entry.replayed_who}" if entry.replayed_by else "no"
            typer.echo(
                f"{entry.quarantine_id}: line {entry.line} of batch {entry.batch_id} ({entry.batch}), type "
                f"{entry.type or 'unknown'}\n  {entry.reason}: {entry.meaning} {entry.detail or ''}\n"
                f"  Replayed: {replayed}"
            )


def _print_raw(lines: dict[int, bytes]) -> None:
    for quarantine_id, line in sorted(lines.items()):
        if sys.stdout.isatty():
            # A line may hold escape sequences that a terminal obeys.
            line = ascii(line.decode(errors="backslashreplace")).encode()
        sys.stdout.buffer.write(b"%d\t%s\n" % (quarantine_id, line))


@app.command()
def replay(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="Mended lines as `show --raw` prints them; - for stdin.")
    ],
) -> None:
    """Load mended lines as a new batch, linked to the rows that they mend."""
    settings = Settings.from_env()
    mended = dict(_mended(line) for line in file.read().split(b"\n") if line.strip())
    loaded = quarantine.replay(
        open_database(settings).loader,
        mended,
        getpass.getuser(),
        deployment=read_deployment(settings.deployment),
    )
    for batch in loaded:
        typer.echo(
            f"Batch {batch.batch_id}: {batch.new:,} new, {batch.known:,} known, {batch.filtered:,} filtered, "
            f"{batch.quarantined:,} in quarantine again."
        )
    typer.echo("icon-assets dev brings them into the marts while it runs; else icon-assets process.")


def _mended(line: bytes) -> tuple[int, bytes]:
    number, tab, text = line.partition(b"\t")
    if not tab or not number.isdigit():
        raise UserError("Each line must be ID TAB EVENT, as icon-assets quarantine show --raw prints it.")
    return int(number), text
