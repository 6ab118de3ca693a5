"""The pages that people read: where they are kept, and the little server that lets Dagster's UI link to them.

A browser follows no link from a page of a server to a file, so `icon-assets dev` serves the folder beside the
UI; elsewhere ICON_PAGES_URL says where somebody else serves it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from icon_assets.settings import Settings

HOST = "127.0.0.1"


def pages(settings: Settings) -> Path:
    """The folder of all pages, and of nothing else: whoever reaches the server reads it."""
    return settings.var / "pages"


def docs_page(settings: Settings) -> Path:
    """The docs that dbt makes of the marts."""
    return pages(settings) / "docs" / "index.html"


def report_page(settings: Settings, name: str = "") -> Path:
    """A campaign report: the one of all campaigns, or one's own."""
    return pages(settings) / "report" / f"{name or 'index'}.html"


def address(settings: Settings, page: Path) -> str | None:
    """The URL of a page, where the folder is served."""
    if not settings.pages_url:
        return None
    return f"{settings.pages_url.rstrip('/')}/{page.relative_to(pages(settings))}"


def serve(folder: Path, listening: socket.socket, *, until: int) -> subprocess.Popen[bytes]:
    """A process that serves the folder at the open socket until the pipe, or file, `until` ends."""
    descriptor = listening.fileno()
    return subprocess.Popen(
        [sys.executable, "-m", "icon_assets.pages", str(descriptor), str(folder)],
        stdin=until,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
    )


def main() -> None:
    """What `serve` starts."""
    descriptor, folder = sys.argv[1:]
    # Ctrl-C is for whoever holds the other end of standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    server = ThreadingHTTPServer((HOST, 0), handler, bind_and_activate=False)
    server.socket = socket.socket(fileno=int(descriptor))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
