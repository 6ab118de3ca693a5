"""`icon-assets dev` and `view`: Dagster's UI, with or without the power to act, and all that it needs."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys

import typer

from icon_assets.commands.setup import set_up
from icon_assets.errors import UserError
from icon_assets.files import make_directory
from icon_assets.instance import ROOT
from icon_assets.marts.dbt_cli import prepare_dbt
from icon_assets.pages import HOST, pages, serve
from icon_assets.settings import Settings


def dev(port: int = typer.Option(3000, min=1, max=65535, help="Port of the UI.")) -> None:
    """Start Dagster's UI, sensors and schedules, until Ctrl-C."""
    settings = Settings.from_env()
    _be_the_only_one(settings)
    _refuse_taken(port)
    typer.echo("Bringing the database and dbt up to date ...")
    database = set_up(settings)
    prepare_dbt(settings, database.builder, os.environ)
    import dagster as dg

    from icon_assets.orchestration.runs import end_orphans

    with dg.DagsterInstance.get() as instance:
        end_orphans(instance)
    served = _serve_pages(settings, port + 1)
    os.environ["ICON_PAGES_URL"] = settings.pages_url or served
    typer.echo(f"The UI comes up at http://{HOST}:{port} in some 15 s. Batches: {settings.landing_url}")
    _become("dagster", "dev", port)


def view(port: int = typer.Option(3002, min=1, max=65535, help="Port of the UI.")) -> None:
    """Start a second UI that shows everything and starts nothing, until Ctrl-C."""
    settings = Settings.from_env()
    _refuse_taken(port)
    database = set_up(settings)
    prepare_dbt(settings, database.builder, os.environ)
    typer.echo(f"The UI comes up at http://{HOST}:{port} in some 15 s, to look at only.")
    _become("dagster_webserver", "--read-only", port)


def _be_the_only_one(settings: Settings) -> None:
    """Two daemons on one database both act on each tick. The lock is held as long as `dagster dev` lives."""
    path = settings.var / "dagster" / "dev.lock"
    make_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"icon-assets dev runs already, for {settings.var}. Stop it with Ctrl-C where it was started, "
            "or set ICON_VAR to another directory."
        ) from None
    os.set_inheritable(descriptor, True)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"Port {port} cannot be used: {error.strerror}. Choose another: --port."
            ) from None


def _serve_pages(settings: Settings, port: int) -> str:
    """Serves docs and reports beside the UI, as long as Dagster lives; returns where."""
    make_directory(pages(settings))
    ours, its_end = os.pipe()
    os.set_inheritable(its_end, True)  # kept open by the `dagster dev` that this process becomes
    with _listening(port) as listening:
        serve(pages(settings), listening, until=ours)
        return f"http://{HOST}:{listening.getsockname()[1]}"


def _listening(port: int) -> socket.socket:
    """A socket that takes connections at `port`, or at a free one where that is somebody else's."""
    try:
        return socket.create_server((HOST, port))
    except OSError:
        return socket.create_server((HOST, 0))


def _become(program: str, mode: str, port: int) -> None:
    """Makes this process a program of Dagster's, so that a signal to it goes through no go-between."""
    # A shell starts background jobs with SIGINT ignored, and what is ignored stays so; Dagster gives SIGTERM
    # the handler of SIGINT, and could then be stopped by neither.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = [mode, "--host", HOST, "--port", str(port), "--workspace", str(ROOT / "workspace.yaml")]
    os.execv(sys.executable, [sys.executable, "-m", program, *arguments])  # noqa: S606
