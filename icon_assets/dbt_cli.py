"""dbt as a program, outside of any run: the manifest that Dagster reads, the docs that people read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from icon_assets.errors import UserError
from icon_assets.files import locked
from icon_assets.instance import DBT_PROJECT, dbt_target
from icon_assets.settings import Settings

# Of the same environment as this process, whether or not that environment is activated.
DBT = Path(sys.executable).with_name("dbt")


def manifest_path(settings: Settings) -> Path:
    """What Dagster makes the marts' assets of."""
    return dbt_target(settings) / "manifest.json"


def is_stale(manifest: Path, project: Path) -> bool:
    """Whether anything in the project is newer than its manifest; a file's removal shows in its directory."""
    if not manifest.exists():
        return True
    made = manifest.stat().st_mtime
    return any(path.stat().st_mtime > made for path in (project, *project.rglob("*")))


def prepare_manifest(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Parses the dbt project unless its manifest is up to date (6-12 s); never called by a run."""
    manifest = manifest_path(settings)
    if is_stale(manifest, DBT_PROJECT):
        with locked(manifest.with_name("parse.lock")):
            if is_stale(manifest, DBT_PROJECT):
                _dbt(environment, "parse")
                # dbt leaves a manifest alone that would not change.
                manifest.touch()
    return manifest


def make_docs(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Writes dbt's docs as one file that needs no server; returns where it is."""
    target = dbt_target(settings) / "docs"
    # Seeds and models are there, or not: the docs only look.
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
