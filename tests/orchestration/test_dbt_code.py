"""What counts as a change of the code, and where the database says of which code it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from icon_assets.database import Database
from icon_assets.marts.dbt_code import (
    MARTS,
    VIEWS,
    code_fingerprint,
    code_of,
    marts_are_outdated,
    project_fingerprint,
    set_code,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("models/a.sql", "models/a.yml", "seeds/codes.csv", "macros/m.sql", "dbt_project.yml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "parsed_anew", "built_anew"),
    [
        ("models/a.sql", True, True),
        ("models/a.yml", True, False),
        ("seeds/codes.csv", True, True),
        ("macros/m.sql", True, True),
        ("dbt_project.yml", True, True),
        ("target/manifest.json", False, False),
        ("logs/dbt.log", False, False),
    ],
)
def test_what_a_change_of_a_file_asks_for(
    project: Path, name: str, parsed_anew: bool, built_anew: bool
) -> None:
    before = project_fingerprint(project), code_fingerprint(project)
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("other")
    assert (
        project_fingerprint(project) != before[0]
        if parsed_anew
        else project_fingerprint(project) == before[0]
    )
    assert code_fingerprint(project) != before[1] if built_anew else code_fingerprint(project) == before[1]


def test_a_new_name_is_a_change(project: Path) -> None:
    before = code_fingerprint(project)
    (project / "models" / "a.sql").rename(project / "models" / "b.sql")
    assert code_fingerprint(project) != before


def test_the_database_says_of_which_code_it_is(database: Database) -> None:
    engine = database.engine
    assert code_of(engine, VIEWS) is None
    set_code(engine, VIEWS, "aaaa")
    set_code(engine, VIEWS, "bbbb")
    assert code_of(engine, VIEWS) == "bbbb"
    assert marts_are_outdated(engine)
    set_code(engine, MARTS, "bbbb")
    assert not marts_are_outdated(engine)
    with engine.connect() as connection:
        comment = connection.exec_driver_sql(
            "select obj_description('marts_staging'::regnamespace)"
        ).scalar_one()
    assert comment.count("[dbt ") == 1
    assert comment.endswith("[dbt bbbb]")
