"""`icon-assets db`: the embedded server, or the schema of a served database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icon_assets.commands.shown import JSON, print_json
from icon_assets.database import NAME, embedded_server, find_database, open_database
from icon_assets.errors import UserError
from icon_assets.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Start, stop and look at the database.")

NOT_RUNNING = 3  # as pg_ctl and systemctl say it


@app.command()
def start() -> None:
    """Start the embedded server, unless ICON_DATABASE_URL names another, and bring the schema up to date."""
    database = open_database(Settings.from_env())
    typer.echo(f"PostgreSQL runs at {database.place}; the schema is up to date.")


@app.command()
def stop() -> None:
    """Stop the embedded server."""
    settings = Settings.from_env()
    if settings.database_url:
        raise UserError(
            "ICON_DATABASE_URL is set: that server is not ours to stop. Unset it to stop our own."
        )
    typer.echo("Stopped." if embedded_server(settings).stop() else "It did not run.")


@app.command()
def status(json: JSON = False) -> None:
    """Say whether the database can be reached; exit code 3 where it cannot."""
    settings = Settings.from_env()
    if settings.database_url:
        running, place = True, open_database(settings).place
        said = f"PostgreSQL runs at {place} (ICON_DATABASE_URL)."
    else:
        found = embedded_server(settings).status()
        running, place = found.running, f"127.0.0.1:{found.port}/{NAME}"
        said = f"The embedded server in {found.directory} runs at 127.0.0.1:{found.port}."
        if not running:
            said = found.down
    if json:
        print_json({"running": running, "place": place if running else None})
    else:
        typer.echo(said)
    if not running:
        raise typer.Exit(NOT_RUNNING)


@app.command("backup")
def back_up(
    file: Annotated[Path, typer.Argument(help="The file to write: data and ledger, customers' values too.")],
) -> None:
    """Save the database, as of this instant; loading may go on meanwhile."""
    from icon_assets.backup import back_up

    back_up(open_database(Settings.from_env()), file)
    typer.echo(f"Saved to {file} ({file.stat().st_size:,} bytes). It holds customers' values: guard it.")


@app.command()
def restore(
    file: Annotated[
        Path, typer.Argument(help="What `backup` has written.", exists=True, dir_okay=False, readable=True)
    ],
) -> None:
    """Bring a backup back; what was there is kept under another name. What came since is loaded again."""
    from icon_assets.backup import restore

    database = find_database(Settings.from_env())
    kept = restore(database, file)
    typer.echo(
        f"Restored to {database.place}. Files of the landing zone that it does not hold are loaded next: "
        "icon-assets process, or dev."
    )
    if kept:
        typer.echo(
            f"What was there before is kept; when you miss nothing of it: icon-assets db forget {kept}"
        )


@app.command()
def forget(kept: Annotated[str, typer.Argument(help="The name that `restore` said.")]) -> None:
    """Drop a database that a restore has kept; it holds customers' values."""
    from icon_assets.backup import forget

    forget(find_database(Settings.from_env()), kept)
    typer.echo(f"{kept} is gone.")
