"""`icon-assets finalize`: a range of days again, and their marts: what a backfill does in the UI."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from icon_assets.commands.runs import failure, reported, run
from icon_assets.commands.setup import log_file, set_up
from icon_assets.commands.shown import DAY, JSON, only_progress, print_json
from icon_assets.errors import UserError
from icon_assets.marts.window import due
from icon_assets.settings import Settings

_FINALS = ("final/go_campaign", "final/go_chain")


def finalize(
    first: Annotated[date, typer.Option("--from", help="First day of termination (UTC).", **DAY)],
    last: Annotated[date | None, typer.Option("--to", help="Last day, else the first.", **DAY)] = None,
    json: JSON = False,
) -> None:
    """Finalize a range of days again, and bring what changed to the marts."""
    settings = Settings.from_env()
    done = finalize_range(settings, first, last or first)
    if json:
        print_json(asdict(done))
    else:
        typer.echo(done.said)


@dataclass(frozen=True)
class Finalized:
    """What it did: days of sessions that changed, and of chains; whether the marts were built."""

    days: int
    campaign_days_changed: int
    chain_days_changed: int
    marts_built: bool
    seconds: float

    @property
    def said(self) -> str:
        """All of it in a line."""
        marts = "built the marts" if self.marts_built else "the marts hold them already"
        return (
            f"Finalized {self.days:,} day{'s' * (self.days != 1)} ({self.campaign_days_changed:,} with other "
            f"sessions than before, {self.chain_days_changed:,} with other chains); {marts}; "
            f"{self.seconds:.0f} s."
        )


def finalize_range(settings: Settings, first: date, last: date) -> Finalized:
    """One run of the job `finalize`, and, where there is something for the marts, one of `catch_up`."""
    began = time.monotonic()
    if first > last:
        raise UserError(f"The first day, {first}, is after the last, {last}. Swap --from and --to.")
    today = datetime.now(UTC).date()
    if not settings.first_day <= first <= last <= today:
        raise UserError(
            f"There are no days {first} to {last}: the first is {settings.first_day} (ICON_FIRST_DAY), the "
            f"last {today}, today in UTC."
        )
    database = set_up(settings)
    log = log_file(settings, "finalize")
    with only_progress(log) as progress:
        from icon_assets.orchestration.jobs import CATCH_UP, FINALIZE
        from icon_assets.orchestration.partitions import range_tags

        result = run(settings, database, progress, FINALIZE, **range_tags(first, last))
        sessions, chains = (sum(day["changed"] for day in reported(result, name)) for name in _FINALS)
        build = result.success and due(database.operator)
        if build:
            result = run(settings, database, progress, CATCH_UP)
    if not result.success:
        raise UserError(f"{failure(result)} What was finalized before stays; run it again. See {log}.")
    return Finalized((last - first).days + 1, sessions, chains, build, time.monotonic() - began)
