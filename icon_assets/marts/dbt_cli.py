"""dbt as a program: what changes with its code, not with the data, made outside of any run; and the docs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from icon_assets.errors import UserError
from icon_assets.files import locked
from icon_assets.instance import DBT, DBT_PROJECT, dbt_target
from icon_assets.marts.dbt_code import VIEWS, code_fingerprint, code_of, project_fingerprint, set_code
from icon_assets.pages import docs_page
from icon_assets.settings import Settings

# For runs: it ends with them.
TETHERED_DBT = Path(__file__).with_name("tethered_dbt")
# Views over the sources, and tables of codes: as much part of the schema as the tables of a migration.
_OF_THE_CODE = (
    *("--select", "path:models/staging", "resource_type:seed"),
    *("--exclude-resource-type", "test", "unit_test"),
)


def manifest_path(settings: Settings) -> Path:
    """What Dagster makes the marts' assets of."""
    return dbt_target(settings) / "manifest.json"


def prepare_dbt(settings: Settings, engine: sa.Engine, environment: Mapping[str, str]) -> None:
    """Brings the manifest, the staging views and the seeds up to date with the code, where they are not.

    That takes 10 to 20 s, so commands do it before Dagster starts, and no run does.
    """
    project, code = project_fingerprint(DBT_PROJECT), code_fingerprint(DBT_PROJECT)
    made_of = dbt_target(settings) / "fingerprint"

    def is_parsed() -> bool:
        return manifest_path(settings).exists() and made_of.exists() and made_of.read_text() == project

    if is_parsed() and code_of(engine, VIEWS) == code:
        return
    with locked(dbt_target(settings) / "prepare.lock"):
        if code_of(engine, VIEWS) != code:
            # A seed that has other columns than before can only be made anew. This writes the manifest, too.
            _dbt(environment, "build", "--full-refresh", *_OF_THE_CODE)
            set_code(engine, VIEWS, code)
        elif not is_parsed():
            _dbt(environment, "parse")
        made_of.write_text(project)


def make_docs(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Writes dbt's docs as one file that needs no server; returns where it is."""
    target = dbt_target(settings) / "docs"
    _dbt(environment, "docs", "generate", "--static", "--target-path", str(target))
    page = docs_page(settings)
    page.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(target / "static_index.html", page))


def _dbt(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [DBT, "--no-use-colors", *arguments, "--project-dir", DBT_PROJECT],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise UserError(f"dbt {arguments[0]} failed:\n{(done.stdout + done.stderr)[-2000:].strip()}")
