"""The program in processes of its own, for tests: how it is started, and in which environment."""

from __future__ import annotations

import os
import sys

ICON_ASSETS = (sys.executable, "-c", "from icon_assets.cli import main; main()")
_SETTINGS = ("ICON_", "DAGSTER_", "DBT_")


def own_environment(**variables: str) -> dict[str, str]:
    """That of this process, but with `variables` in place of whatever settings somebody has made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return {**kept, **variables}
