"""What the assets work with: settings, the database, the landing zone, and where progress is said."""

from collections.abc import Mapping
from functools import cache

import dagster as dg

from icon_assets.contract.landing import Landing
from icon_assets.database import Database, open_database
from icon_assets.orchestration.progress import LoggedProgress
from icon_assets.settings import Settings

# A code server lives for weeks and its sensors ask every few seconds; the engine's pool reconnects by itself.
_open_database = cache(open_database)


def default_resources(settings: Settings) -> Mapping[str, object]:
    """The resources of `settings`; nothing is opened before a run or a sensor needs it."""

    @dg.resource(description="The project's database, its schema up to date.")
    def database(_: dg.InitResourceContext) -> Database:
        return _open_database(settings)

    @dg.resource(description="The landing zone.")
    def landing(_: dg.InitResourceContext) -> Landing:
        return Landing(settings.landing_url)

    return {"settings": settings, "database": database, "landing": landing, "progress": LoggedProgress()}
