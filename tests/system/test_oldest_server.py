"""A PostgreSQL of one's own, of the oldest version that is promised (Debian's package)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from icon_assets import database as databases
from icon_assets.backup import back_up, restore
from icon_assets.contract.landing import Landing
from icon_assets.database import OLDEST_SERVER, Database, open_database
from icon_assets.errors import UserError
from icon_assets.ingest.drain import drain
from icon_assets.server import embedded, runner
from icon_assets.settings import Settings
from tests.batches import chain
from tests.finals import Site

pytestmark = pytest.mark.system


@pytest.fixture
def oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Debian's server, started as ours is."""
    binaries = Path(f"/usr/lib/postgresql/{OLDEST_SERVER}/bin")
    assert binaries.is_dir(), "run `make ci-system` first"
    choose = embedded.choose_runner(tmp_path)
    data = tmp_path / "data"
    monkeypatch.setattr(runner, "binaries", lambda: binaries)
    (tmp_path / "password").write_text("oldest\n")
    choose.run("initdb", "-D", data, "-U", "postgres", f"--pwfile={tmp_path}/password", "-A", "scram-sha-256")
    port = embedded.free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    options += " -c log_statement=all"
    done = choose.run("pg_ctl", "start", "-w", "-D", data, "-l", tmp_path / "log", "-o", options)
    assert done.returncode == 0, done.stderr
    yield {"host": "127.0.0.1", "port": str(port), "user": "postgres", "password": "oldest"}
    choose.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)


@pytest.fixture
def kept(oldest: dict[str, str], tmp_path: Path) -> Iterator[Database]:
    """The project's database there, set up by a user who is no superuser."""
    with psycopg.connect(**oldest, dbname="postgres", autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("create role keeper login password 'k' createdb createrole")
    url = f"postgresql://keeper:k@127.0.0.1:{oldest['port']}/icon"
    database = open_database(Settings(tmp_path / "var", "", url))
    yield database
    database.dispose()


def test_the_schema_and_the_roles_are_made_on_the_oldest_server(kept: Database) -> None:
    assert databases.is_current(kept)
    with psycopg.connect(kept.url("secure_reader")) as connection:
        assert connection.info.server_version // 10_000 == OLDEST_SERVER
        assert connection.execute("select count(*) > 100 from idb.g_dictionary").fetchone() == (True,)


@pytest.mark.threat("S16")
def test_no_password_stands_in_a_log_of_all_statements(kept: Database, tmp_path: Path) -> None:
    log = (tmp_path / "log").read_text()
    assert 'alter role "icon_loader"' in log
    assert [role for role, password in kept.passwords.items() if password in log] == []


@pytest.mark.threat("S9")
def test_stages_work_there_and_do_no_more(kept: Database, landing: Path) -> None:
    site = Site(kept, landing)
    site.load(*chain("A", 1, 2, 3, 0))
    assert [day.objects for day in site.finalize()] == [1]
    with psycopg.connect(**kept.login("builder"), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("create table marts.made as select chainguid from final.go_chain")
    with psycopg.connect(kept.url("analyst")) as connection:
        assert connection.execute("select * from marts.made").fetchall() == [("A",)]
    for role in ("loader", "finalizer", "builder"):
        with (
            psycopg.connect(**kept.login(role)) as connection,  # type: ignore[arg-type]
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("drop table idb.go_chain")


def test_it_is_saved_and_brought_back(kept: Database, landing: Path, tmp_path: Path) -> None:
    site = Site(kept, landing)
    site.load(*chain("A", 1, 2, 3, 0))
    site.finalize()
    kept.dispose()
    back_up(kept, tmp_path / "icon.dump")
    site.load(*chain("B", 1, 2, 3, 0))
    kept.dispose()
    with (
        psycopg.connect(kept.url("analyst")),
        pytest.raises(UserError, match="in use, by icon_analyst"),
    ):
        restore(kept, tmp_path / "icon.dump")
    restore(kept, tmp_path / "icon.dump")
    with kept.operator.connect() as connection:
        assert connection.exec_driver_sql("select chainguid from final.go_chain").all() == [("A",)]
    assert drain(kept.loader, Landing(str(landing))).batches == 1
