"""Which code the database's views, seeds and marts are of: what is of other code must be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from icon_assets.idb.migrate import head

VIEWS = "marts_staging"  # made by a command when the code changes, with the seeds
MARTS = "marts"  # made by a refresh
_SUFFIXES = {".sql", ".csv"}


def project_fingerprint(project: Path) -> str:
    """Of all files of a dbt project, descriptions and tests among them: what its manifest is made of."""
    return _fingerprint(project, lambda _: True)


def code_fingerprint(project: Path) -> str:
    """Of all that decides what a mart holds: models, macros, seeds, settings, and the tables they read."""
    return _fingerprint(
        project, lambda path: path.suffix in _SUFFIXES or path.name == "dbt_project.yml", head() or ""
    )


def _fingerprint(project: Path, takes: Callable[[Path], bool], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for path in sorted(path for path in project.rglob("*") if path.is_file() and takes(path)):
        name = path.relative_to(project)
        if name.parts[0] not in ("target", "logs"):
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# Kept at the end of the schema's comment, so that it goes where the schema goes: into a dump, or away.
_CODE_OF = (
    r"select substring(obj_description(to_regnamespace(:schema), 'pg_namespace') from '\[dbt (\w+)\]$')"
)
_MEANING_OF = (
    r"select regexp_replace(coalesce(obj_description(to_regnamespace(:schema), 'pg_namespace'), ''), "
    r"' ?\[dbt \w+\]$', '')"
)


def code_of(engine: sa.Engine, schema: str) -> str | None:
    """Fingerprint of the code that made VIEWS or MARTS, none before they were made."""
    with engine.connect() as connection:
        found: str | None = connection.execute(sa.text(_CODE_OF), {"schema": schema}).scalar_one()
    return found


def set_code(engine: sa.Engine, schema: str, code: str) -> None:
    """Records that all of VIEWS or MARTS is made of `code`."""
    with engine.begin() as connection:
        meaning: str = connection.execute(sa.text(_MEANING_OF), {"schema": schema}).scalar_one()
        comment = f"{meaning} [dbt {code}]".strip().replace("'", "''")
        connection.exec_driver_sql(f"comment on schema {schema} is '{comment}'")


def marts_are_outdated(engine: sa.Engine) -> bool:
    """Whether the marts are of other code than the views under them."""
    return code_of(engine, MARTS) != code_of(engine, VIEWS)
