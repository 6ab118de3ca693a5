"""`icon-assets process`: ingests, finalizes and builds the marts once, through the daemon's own job."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import sqlalchemy as sa
import typer

from icon_assets.commands.runs import failure, reported, run
from icon_assets.commands.setup import log_file, set_up
from icon_assets.commands.shown import JSON, only_progress, print_json
from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.errors import UserError
from icon_assets.finalize.dirty import dirty_days
from icon_assets.ingest.cti import why_copy
from icon_assets.ingest.drain import backlog
from icon_assets.instance import DBT_PROJECT
from icon_assets.marts.dbt_code import MARTS, code_fingerprint, code_of
from icon_assets.marts.window import due
from icon_assets.settings import Settings

REFUSED = 3  # the exit code where a file was refused: somebody has to look at it


def process(
    landing: str | None = typer.Option(None, help="The landing zone: a folder or an fsspec URL."),
    json: JSON = False,
) -> None:
    """Ingest what is in the landing zone, finalize the days it changed, and build the marts, once."""
    settings = Settings.from_env()
    if landing:
        settings = replace(settings, landing_url=landing)
    done = process_once(settings)
    if json:
        print_json(asdict(done))
    else:
        typer.echo(done.said)
    if done.refused:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True)
class Processed:
    """What it did. refused: files of this time; kept_out: all that wait or are refused, by status.

    copied: rows of calls from the CTI database; cti_fault: why that could not be read.
    """

    kept_out: Mapping[str, int]
    batches: int = 0
    events: int = 0
    new: int = 0
    known: int = 0
    filtered: int = 0
    quarantined: int = 0
    refused: int = 0
    copied: int = 0
    cti_fault: str = ""
    days: int = 0
    seconds: float = 0.0

    @property
    def said(self) -> str:
        """All of it in a line."""
        out = ", ".join(f"{files:,} {status}" for status, files in self.kept_out.items())
        kept_out = f" Files kept out: {out}; see icon-assets status." if out else ""
        if not self.seconds:
            return f"Nothing new.{kept_out}"
        copied = f"copied {_counted(self.copied, 'row')} of calls, " if self.copied else ""
        fault = f" The CTI database cannot be read: {self.cti_fault}" if self.cti_fault else ""
        return (
            f"Loaded {_counted(self.batches, 'batch', 'es')} ({_counted(self.new, 'new event')}, "
            f"{self.known:,} known, {self.quarantined:,} quarantined), {copied}finalized "
            f"{_counted(self.days, 'day')} and built the marts in {self.seconds:.0f} s.{fault}{kept_out}"
        )


def process_once(settings: Settings) -> Processed:
    """Does it, where there is anything to do."""
    began = time.monotonic()
    settings = replace(settings, finalize_delay=timedelta(0))  # nobody comes back for what would wait
    database = set_up(settings)
    if not _is_anything_new(settings, database):
        return Processed(_kept_out(database))
    log = log_file(settings, "process")
    with only_progress(log) as progress:
        from icon_assets.orchestration.jobs import REFRESH

        result = run(settings, database, progress, REFRESH)
    if not result.success:
        raise UserError(f"{failure(result)} What was loaded before stays; run it again. See {log}.")
    loaded, finalized = (next(reported(result, asset)) for asset in ("ops/batch", "ops/final_day"))
    cti = next(reported(result, "ops/cti_database")) if settings.cti_database_url else {}
    return Processed(
        _kept_out(database),
        **{name: loaded[name] for name in ("batches", "events", "new", "known", "filtered", "quarantined")},
        refused=loaded["files refused"],
        copied=cti.get("rows copied", 0),
        cti_fault=cti.get("fault", ""),
        days=sum(n for name, n in finalized.items() if name.endswith(" days")),
        seconds=time.monotonic() - began,
    )


def _counted(number: int, noun: str, plural: str = "s") -> str:
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def _is_anything_new(settings: Settings, database: Database) -> bool:
    """Asked before Dagster and dbt cost their seconds."""
    found = backlog(database.operator, Landing(settings.landing_url), wait=settings.wait)
    engine = database.operator
    return (
        bool(found)
        or any(dirty_days(engine).values())
        or due(engine)
        or code_of(engine, MARTS) != code_fingerprint(DBT_PROJECT)
        or bool(settings.cti_database_url and why_copy(engine, settings.cti_database_url))
    )


def _kept_out(database: Database) -> dict[str, int]:
    """How much stands in the landing zone and is not in the database."""
    query = "select status, count(*) from ops.landing_file where status in ('waiting', 'refused') group by 1"
    with database.operator.connect() as connection:
        counts = dict(connection.execute(sa.text(query)).tuples().all())
    return {status: counts[status] for status in ("waiting", "refused") if status in counts}
