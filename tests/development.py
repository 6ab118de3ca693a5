"""`icon-assets dev` in processes of its own, for tests: started, asked over GraphQL, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from icon_assets.database import Database
from icon_assets.server.embedded import free_port
from tests.databases import Asked, served_url
from tests.processes import ICON_ASSETS, own_environment

# The machine of a test may have much else to do: 40 s become minutes there.
PATIENCE_SECONDS = 300


def wait_for(what: Callable[[], Any], alive: Callable[[], bool] = lambda: True) -> Any:
    """What `what` returns once that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert alive(), "icon-assets dev ended"
        assert time.monotonic() < deadline, f"{what} is not to be"
        time.sleep(0.5)
    return found


class Dev(Asked):
    """`icon-assets dev`, started as a shell starts a background job: with SIGINT ignored."""

    def __init__(self, var: Path, landing: Path, database: Database, *, embedded: bool = False) -> None:
        self.var, self.landing, self.database = var, landing, database
        self.port = free_port()
        served = {} if embedded else {"ICON_DATABASE_URL": served_url(database)}
        self.environment = own_environment(ICON_VAR=str(var), ICON_LANDING_URL=str(landing), **served)
        self.log = var / "dev.log"

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*ICON_ASSETS, "dev", "--port", str(self.port)],
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            )
        wait_for(self.answers, self.lives)

    def lives(self) -> bool:
        return self.process.poll() is None

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def ask(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            told = json.load(answer)
        assert "errors" not in told, told
        return told["data"]

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        # A code server stays until its run has ended; without its database it would stay for ever.
        wait_for(lambda: not self.session())
        return code

    def session(self) -> list[int]:
        """Every process that came of it."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(ProcessLookupError):
                    if os.getsid(int(entry.name)) == self.process.pid:
                        found.append(int(entry.name))
        return found
