"""The UI behind docs/nginx.conf, as docs/operations.md says: nobody without a login, viewers only look."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database, open_database
from icon_assets.instance import ROOT, environment
from icon_assets.pages import serve
from icon_assets.server.embedded import free_port
from icon_assets.settings import Settings
from tests.databases import served_url
from tests.processes import own_environment

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.threat("S7")]
PATIENCE_SECONDS = 300
WHO = {"operators": ("ana", "a-password"), "viewers": ("vera", "v-password")}


def make_directory(where: Path, ports: dict[str, int]) -> None:
    """What docs/operations.md has its reader put beside nginx.conf; the ports are the test's own."""
    text = (ROOT / "docs" / "nginx.conf").read_text()
    named = re.compile(rf"\b({'|'.join(ports)})\b")
    assert sorted(named.findall(text)) == sorted(ports)
    (where / "nginx.conf").write_text(named.sub(lambda found: str(ports[found[1]]), text))
    certificate = ["-subj", "/CN=localhost", "-keyout", where / "key.pem", "-out", where / "certificate.pem"]
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*key, *certificate], check=True, capture_output=True)
    for group, (name, password) in WHO.items():
        crypt = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
        )
        (where / f"{group}.htpasswd").write_text(f"{name}:{crypt.stdout}")


@dataclass
class Proxied:
    """The two UIs as people reach them."""

    ports: dict[str, int]
    certificate: Path

    def send(
        self, group: str, path: str, body: Any = None, *, login: str | None = "", **headers: str
    ) -> tuple[int, str]:
        """Status and text of the answer, asked by a member of `group`, or of `login`, or by nobody."""
        request = urllib.request.Request(f"https://localhost:{self.ports[group]}{path}", headers=headers)
        if login is not None:
            request.add_header("Authorization", basic(login or group))
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, context=self.tls()) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ask(self, group: str, query: str, **variables: Any) -> Any:
        status, text = self.send(group, "/graphql", {"query": query, "variables": variables})
        assert status == 200, text
        return json.loads(text)["data"]

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False
        return context


def basic(group: str) -> str:
    return "Basic " + base64.b64encode(":".join(WHO[group]).encode()).decode()


@pytest.fixture(scope="module")
def proxied(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    assert shutil.which("nginx"), "run `make ci-system` first"
    var, where = tmp_path_factory.mktemp("var"), tmp_path_factory.mktemp("nginx")
    ports = {old: free_port() for old in ("8443", "8444", "3000", "3001", "3002")}
    make_directory(where, ports)
    settings = Settings(var, str(var / "landing"), served_url(new_database()))
    database = open_database(settings)
    ours = own_environment(ICON_VAR=str(var), ICON_DATABASE_URL=served_url(database))
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str | Path, port: str, **variables: str) -> None:
        with (where / f"{port}.log").open("w") as log:
            running.append(
                subprocess.Popen(
                    [*map(str, arguments)],
                    env={**ours, **variables},
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                )
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", ports[port])):
                    return
            assert running[-1].poll() is None, (where / f"{port}.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)

    try:
        program = Path(sys.executable).with_name("icon-assets")
        start(program, "view", "--port", str(ports["3002"]), port="3002")
        # The webserver of `icon-assets dev`, without the daemon: what is launched stays in the queue.
        own = ["-h", "127.0.0.1", "-p", str(ports["3000"]), "-w", ROOT / "workspace.yaml"]
        start(
            *(sys.executable, "-m", "dagster_webserver", *own),
            port="3000",
            **environment(settings, database),
        )
        (var / "pages").mkdir(exist_ok=True)
        (var / "pages" / "index.html").write_text("a report")
        with socket.create_server(("127.0.0.1", ports["3001"])) as listening:
            running.append(serve(var / "pages", listening, until=subprocess.PIPE))
        user = ["-g", "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"]
        start("nginx", "-p", where, "-e", "error.log", "-c", "nginx.conf", *user, port="8443")
        yield Proxied({"operators": ports["8443"], "viewers": ports["8444"]}, where / "certificate.pem")
    finally:
        for process in reversed(running):
            process.terminate()
            process.communicate(timeout=60)
        database.dispose()


@pytest.mark.parametrize("group", WHO)
@pytest.mark.parametrize("path", ["/", "/graphql", "/server_info"])
def test_nobody_comes_in_without_a_login(proxied: Proxied, group: str, path: str) -> None:
    assert proxied.send(group, path, login=None)[0] == 401


def test_each_has_the_login_of_the_own_group_only(proxied: Proxied) -> None:
    assert proxied.send("operators", "/", login="viewers")[0] == 401
    assert proxied.send("viewers", "/", login="operators")[0] == 401


@pytest.mark.parametrize("group", WHO)
def test_both_see_the_page_and_the_assets(proxied: Proxied, group: str) -> None:
    status, page = proxied.send(group, "/")
    assert (status, "dagster" in page.lower()) == (200, True)
    nodes = proxied.ask(group, "{ assetNodes { assetKey { path } } }")["assetNodes"]
    assert ["marts", "fct_chain"] in [node["assetKey"]["path"] for node in nodes]


def test_reports_have_the_viewers_login(proxied: Proxied) -> None:
    assert proxied.send("viewers", "/pages/index.html") == (200, "a report")
    assert proxied.send("viewers", "/pages/index.html", login=None)[0] == 401


LAUNCH = """mutation ($p: ExecutionParams!) { launchRun(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { status } } ... on PythonError { message }
} }"""
LAUNCHED = {
    "selector": {
        "repositoryName": "__repository__",
        "repositoryLocationName": "icon-assets",
        "jobName": "refresh",
    },
    "mode": "default",
}


def test_an_operator_launches_and_a_viewer_does_not(proxied: Proxied) -> None:
    refused = proxied.ask("viewers", LAUNCH, p=LAUNCHED)["launchRun"]
    assert refused == {"__typename": "UnauthorizedError"}
    count = "{ runsOrError { ... on Runs { results { status } } } }"
    assert proxied.ask("viewers", count)["runsOrError"]["results"] == []
    launched = proxied.ask("operators", LAUNCH, p=LAUNCHED)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert len(proxied.ask("viewers", count)["runsOrError"]["results"]) == 1


def test_a_viewer_reports_no_materialization(proxied: Proxied) -> None:
    path = "/report_asset_materialization/ops/batch"
    status, text = proxied.send("viewers", path, {})
    assert (status, "Not authorized to report" in text) == (401, True)
    assert proxied.send("operators", path, {})[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_page_of_another_site_acts_with_a_login(proxied: Proxied, site: str) -> None:
    forged = {"Sec-Fetch-Site": site}
    assert proxied.send("operators", "/graphql?query={version}", **forged)[0] == 403
    assert proxied.send("operators", "/report_asset_materialization/ops/batch", {}, **forged)[0] == 403
    assert (
        proxied.send("operators", "/graphql?query={version}", **{"Sec-Fetch-Site": "same-origin"})[0] == 200
    )
    assert proxied.send("operators", "/runs", **forged)[0] == 200  # a link in a mail


@pytest.mark.parametrize("group", WHO)
def test_live_updates_come_through(proxied: Proxied, group: str) -> None:
    """A websocket is opened, and answers as Dagster's UI expects it."""
    plain = socket.create_connection(("127.0.0.1", proxied.ports[group]), 30)
    with proxied.tls().wrap_socket(plain, server_hostname="localhost") as link:
        head = [
            "GET /graphql HTTP/1.1",
            f"Host: localhost:{proxied.ports[group]}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
            "Sec-WebSocket-Protocol: graphql-ws",
            f"Authorization: {basic(group)}",
            "",
            "",
        ]
        link.sendall("\r\n".join(head).encode())
        text = b'{"type":"connection_init"}'
        link.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # one frame, under a mask of zeros
        heard = b""
        while b"connection_ack" not in heard:
            more = link.recv(4096)
            assert more, heard
            heard += more
    assert heard.startswith(b"HTTP/1.1 101 ")
