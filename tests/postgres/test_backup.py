"""A backup restored, and the rest of the landing zone drained: every table as without the accident."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from icon_assets import database as databases
from icon_assets.backup import back_up, restore
from icon_assets.cli import app
from icon_assets.contract.landing import Landing
from icon_assets.database import Database, find_database
from icon_assets.errors import UserError
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import dirty_days
from icon_assets.ingest.drain import drain
from icon_assets.settings import Settings
from tests.databases import served_url
from tests.faults import world

pytestmark = pytest.mark.threat("R23")
LOADED_BEFORE = ("1-ocs", "2-calls", "3-objects")


def work(database: Database, landing: Path) -> None:
    """Loads what waits and finalizes what it changed."""
    drain(database.loader, Landing(str(landing)))
    for entity, days in dirty_days(database.finalizer).items():
        if days:
            finalize(database.finalizer, entity, days[0], days[-1], days=days)
    database.dispose()


def state(database: Database) -> world.State:
    found = world.state(database.engine)
    database.dispose()
    return found


def token(database: Database) -> object:
    with psycopg.connect(**database.login("builder")) as connection:  # type: ignore[arg-type]
        return connection.execute("select ops.contact_token('+15550100')").fetchone()


def names(database: Database) -> set[str]:
    with database.connect("postgres") as connection:
        return {name for (name,) in connection.execute("select datname from pg_database")}


@dataclass
class Saved:
    """A database, its backup from mid-course, and the states of then and of the undisturbed end."""

    database: Database
    landing: Path
    file: Path
    then: world.State
    end: world.State


@pytest.fixture(scope="module")
def saved(template: Database, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    where = tmp_path_factory.mktemp("saved")
    landing, file = where / "landing", where / "icon.dump"
    landing.mkdir()
    database = Database({**template.conninfo, "dbname": "saved"}, template.passwords)
    databases.set_up(database)
    for name, write in world.WRITE.items():
        if name not in LOADED_BEFORE and not file.exists():
            then = state(database)
            back_up(database, file)
        write(landing)
        work(database, landing)
    return Saved(database, landing, file, then, state(database))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Database]:
    """The database of another machine, where nothing is yet."""
    settings = Settings.from_env({"ICON_VAR": str(tmp_path)})
    database = find_database(settings)
    yield database
    database.dispose()
    databases.embedded_server(settings).stop()


def test_on_another_machine(saved: Saved, elsewhere: Database) -> None:
    assert saved.then != saved.end
    assert restore(elsewhere, saved.file) is None
    assert databases.is_current(elsewhere)
    assert state(elsewhere) == saved.then
    assert token(elsewhere) == token(saved.database)
    work(elsewhere, saved.landing)
    assert state(elsewhere) == saved.end
    assert {"icon", "icon_dagster"} <= names(elsewhere)


def test_roles_have_their_rights_again(saved: Saved, elsewhere: Database) -> None:
    """Passwords, owners and rights are of the new place; nobody has more than there were before."""
    restore(elsewhere, saved.file)
    query = """
        select c.oid::regclass::text, c.relowner::regrole::text, c.relacl::text from pg_class as c
        where c.relnamespace::regnamespace::text = any('{idb, final, ops, marts}') and c.relkind in ('r', 'p')
        union all
        select p.oid::regprocedure::text, p.proowner::regrole::text, p.proacl::text from pg_proc as p
        where p.pronamespace::regnamespace::text = any('{idb, final, ops, marts}')
    """
    with elsewhere.connect() as there, saved.database.connect() as here:
        found = {name: (owner, rights) for name, owner, rights in there.execute(query)}
        meant = {name: (owner, rights) for name, owner, rights in here.execute(query)}
    months = {name for name in found if name.startswith("final.") and name[-6:].isdigit()}
    assert months
    assert found["final.make_month(text,date)"][0] == "icon_owner"

    def told(rights: str | None) -> set[str]:
        return {*(rights or "").replace("saved_", "icon_").strip("{}").split(",")}

    assert {name: (owner, told(rights)) for name, (owner, rights) in found.items()} == {
        name: (owner.replace("saved_", "icon_"), told(rights)) for name, (owner, rights) in meant.items()
    }


def test_in_place(saved: Saved) -> None:
    """As a user types it; what was there is kept aside."""
    environment = {
        "ICON_VAR": str(saved.file.parent / "var"),
        "ICON_DATABASE_URL": served_url(saved.database),
    }
    before = names(saved.database)
    done = CliRunner().invoke(app, ["db", "restore", str(saved.file)], env=environment)
    assert done.exit_code == 0, done.output
    database = find_database(Settings.from_env(environment))
    assert state(database) == saved.then
    (kept,) = names(database) - before
    assert kept in done.output
    assert state(Database({**database.conninfo, "dbname": kept}, database.passwords)) == saved.end
    work(database, saved.landing)
    assert state(database) == saved.end
    again = saved.file.with_name("again.dump")
    assert CliRunner().invoke(app, ["db", "backup", str(again)], env=environment).exit_code == 0
    assert again.stat().st_size > 10_000
    for other in (database.name, f"{kept}x", "postgres"):
        refused = CliRunner().invoke(app, ["db", "forget", other], env=environment)
        assert isinstance(refused.exception, UserError)
        assert kept in str(refused.exception)
    assert names(database) >= {database.name, kept}
    assert CliRunner().invoke(app, ["db", "forget", kept], env=environment).exit_code == 0
    assert kept not in names(database)


def test_a_database_in_use_is_left_alone(saved: Saved) -> None:
    with saved.database.connect() as connection:
        with pytest.raises(UserError, match="in use, by postgres"):
            restore(saved.database, saved.file)
        assert connection.execute("select count(*) from ops.batch").fetchone() == (5,)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"no dump",
        lambda whole: whole[:5000] + bytes(5000) + whole[10_000:],
    ],
    ids=["cut", "other", "overwritten"],
)
def test_a_damaged_backup_changes_nothing(saved: Saved, tmp_path: Path, damage) -> None:
    (tmp_path / "damaged.dump").write_bytes(damage(saved.file.read_bytes()))
    before = names(saved.database)
    with pytest.raises(UserError, match=r"the database is as it was.*db backup wrote.*pg_restore failed"):
        restore(saved.database, tmp_path / "damaged.dump")
    assert names(saved.database) == before
    assert state(saved.database) == saved.end


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update ops.alembic_version set version_num = '9999'", "made by a newer icon-assets"),
        ("drop table ops.alembic_version", "is no backup of icon-assets"),
    ],
)
def test_what_this_program_cannot_use_changes_nothing(
    database: Database, tmp_path: Path, statement: str, said: str
) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())
    back_up(database, tmp_path / "icon.dump")
    before = names(database)
    with pytest.raises(UserError, match=said):
        restore(database, tmp_path / "icon.dump")
    assert names(database) == before


def test_a_backup_is_its_owners_and_is_not_written_over(saved: Saved) -> None:
    assert stat.S_IMODE(saved.file.stat().st_mode) == 0o600
    with pytest.raises(UserError, match="exists already"):
        back_up(saved.database, saved.file)
