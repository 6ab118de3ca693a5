"""A PostgreSQL of one's own, of the oldest version that is promised (Debian's package)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from icon_assets import database as databases
from icon_assets.database import OLDEST_SERVER, open_database
from icon_assets.server import embedded, runner
from icon_assets.settings import Settings

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
    port = embedded._free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    done = choose.run("pg_ctl", "start", "-w", "-D", data, "-l", tmp_path / "log", "-o", options)
    assert done.returncode == 0, done.stderr
    yield {"host": "127.0.0.1", "port": str(port), "user": "postgres", "password": "oldest"}
    choose.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)


def test_the_schema_and_the_roles_are_made_on_the_oldest_server(
    oldest: dict[str, str], tmp_path: Path
) -> None:
    where = "{user}:{password}@{host}:{port}".format(**oldest)
    settings = Settings(tmp_path / "var", "", f"postgresql://{where}/icon")
    database = open_database(settings)
    assert databases.is_current(database)
    with psycopg.connect(database.url("operator")) as connection:
        assert connection.info.server_version // 10_000 == OLDEST_SERVER
        assert connection.execute("select count(*) > 100 from idb.g_dictionary").fetchone() == (True,)
    database.engine.dispose()
