"""dbt as a program, outside of any run: what changes with its code, not with the data, and the docs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from icon_assets.errors import UserError
from icon_assets.files import locked
from icon_assets.idb.migrate import head
from icon_assets.instance import DBT_PROJECT, dbt_target
from icon_assets.settings import Settings

# Of the same environment as this process, whether or not that environment is activated.
DBT = Path(sys.executable).with_name("dbt")
# Views over the sources, and tables of codes: as much part of the schema as the tables of a migration.
_OF_THE_CODE = ("--select", "path:models/staging", "resource_type:seed")
_SCHEMA = "marts_staging"


def manifest_path(settings: Settings) -> Path:
    """What Dagster makes the marts' assets of."""
    return dbt_target(settings) / "manifest.json"


def prepare_dbt(settings: Settings, engine: sa.Engine, environment: Mapping[str, str]) -> None:
    """Brings the manifest, the staging views and the seeds up to date with the code, where they are not.

    That takes 10 to 20 s, so commands do it before Dagster starts, and no run does.
    """
    project = f"{fingerprint(DBT_PROJECT)}-{head()}"
    manifest = manifest_path(settings)
    made_of = manifest.with_name("fingerprint")
    if _is_made(manifest, made_of, project) and _built_of(engine) == project:
        return
    with locked(manifest.with_name("prepare.lock")):
        if _is_made(manifest, made_of, project) and _built_of(engine) == project:
            return
        # The command that builds writes the manifest of the whole project, too.
        _dbt(environment, "build", *_OF_THE_CODE, "--exclude-resource-type", "test", "unit_test")
        made_of.write_text(project)
        with engine.begin() as connection:
            connection.execute(sa.text(f"comment on schema {_SCHEMA} is 'dbt_project {project}'"))


def fingerprint(project: Path) -> str:
    """Hash of every file of a dbt project, names and contents; its own output left out."""
    digest = hashlib.sha256()
    for path in sorted(path for path in project.rglob("*") if path.is_file()):
        name = path.relative_to(project)
        if name.parts[0] not in ("target", "logs"):
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_made(manifest: Path, made_of: Path, project: str) -> bool:
    return manifest.exists() and made_of.exists() and made_of.read_text() == project


def _built_of(engine: sa.Engine) -> str | None:
    """Fingerprint of the code that the database's views and seeds are of."""
    query = "select obj_description(to_regnamespace(:schema), 'pg_namespace')"
    with engine.connect() as connection:
        comment: str | None = connection.execute(sa.text(query), {"schema": _SCHEMA}).scalar_one()
    return comment and comment.rpartition(" ")[2]


def make_docs(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Writes dbt's docs as one file that needs no server; returns where it is."""
    target = dbt_target(settings) / "docs"
    _dbt(environment, "docs", "generate", "--static", "--target-path", str(target))
    page = settings.var / "docs" / "index.html"
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
