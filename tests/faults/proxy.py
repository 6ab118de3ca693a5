"""A proxy between a client and PostgreSQL that counts what the client asks, and strikes at the N-th step.

A step is a message after which a client waits for an answer: a query, a Sync, the end of a COPY. Nothing that
a program does to a database lies outside of its steps, so striking at step 1, 2, 3 ... until the work
completes (as SQLite's I/O-error tests do) covers every statement and every commit without a word in the
program itself: there is no list of failpoints to keep, and none that can be forgotten.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from enum import Enum

_STEPS = {b"Q", b"S", b"c", b"f"}
# What the server says when it has done what was asked: complete, empty, error, ready for COPY data.
_ANSWERS = {b"C", b"I", b"E", b"G"}

_SERVING = "one connection of a proxy"


class Moment(Enum):
    """When to strike: the server has not seen the step; it may work on it; it is done, the client unaware."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class Link:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.backend_pid = 0
        self.transaction = b"I"
        self.withheld: Callable[[Link], None] | None = None

    def drop(self) -> None:
        """The network is gone, for both sides."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def answer(self, sqlstate: str) -> None:
        """An error in the server's stead."""
        fields = {b"S": "ERROR", b"V": "ERROR", b"C": sqlstate, b"M": "made by the test"}
        error = b"".join(name + value.encode() + b"\0" for name, value in fields.items()) + b"\0"
        status = b"I" if self.transaction == b"I" else b"E"
        self.client.sendall(_message(b"E", error) + _message(b"Z", status))


Strike = Callable[[Link], object]


def drop(link: Link) -> None:
    """The connection is lost."""
    link.drop()


def error(sqlstate: str) -> Strike:
    """The server refuses the step."""
    return lambda link: link.answer(sqlstate)


def kill(pid: int) -> Strike:
    """SIGKILL to the client, whose connections end with it."""

    def strike(link: Link) -> None:
        os.kill(pid, 9)
        link.drop()

    return strike


class Proxy:
    """Listens on a port of its own, on loopback. steps: what the clients asked, by the text of the query."""

    def __init__(self, host: str, port: str) -> None:
        self._there = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._armed: tuple[Callable[[int, str], bool], Moment, Strike] | None = None
        self.steps: list[str] = []
        self.struck: str | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def conninfo(self) -> dict[str, str]:
        """What of the connection parameters is the proxy's; the bytes must be readable."""
        port = str(self._listener.getsockname()[1])
        return {"host": "127.0.0.1", "port": port, "sslmode": "disable", "gssencmode": "disable"}

    def arm(self, when: int | str, moment: Moment, strike: Strike) -> None:
        """Counts anew, and strikes once: at step number `when`, or at the first whose text it matches."""

        def due(number: int, text: str) -> bool:
            return number == when if isinstance(when, int) else bool(re.match(when, text.lower()))

        with self._lock:
            self.steps, self.struck, self._armed = [], None, (due, moment, strike)

    def disarm(self) -> None:
        """Counts anew, and lets everything pass."""
        with self._lock:
            self.steps, self.struck, self._armed = [], None, None

    def close(self) -> None:
        """Takes no more connections, and waits for those that it has to end."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in threading.enumerate():
            if thread.name == _SERVING:
                thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._there)
            except ConnectionError:
                client.close()  # the server is down: so it looks to the client
                continue
            except OSError:
                return
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(client, server)
            threading.Thread(target=self._serve, args=(link,), name=_SERVING, daemon=True).start()

    def _serve(self, link: Link) -> None:
        with link.client, link.server:
            answers = threading.Thread(target=self._pump, args=(self._to_client, link), daemon=True)
            answers.start()
            self._pump(self._to_server, link)
            answers.join()

    def _pump(self, pump: Callable[[Link], None], link: Link) -> None:
        with contextlib.suppress(OSError):
            pump(link)
        link.drop()

    def _to_server(self, link: Link) -> None:
        link.server.sendall(_start(link.client))
        pending, text, prepared = bytearray(), "", {}
        for kind, body in _messages(link.client):
            pending += _message(kind, body)
            if kind == b"Q":
                text = body[:-1].decode()
            elif kind == b"P":
                name, text = (part.decode() for part in body.split(b"\0")[:2])
                prepared[name] = text
            elif kind == b"B":
                text = prepared.get(body.split(b"\0")[1].decode(), text)
            if kind in _STEPS:
                self._step(link, bytes(pending), " ".join(text.split()))
                pending.clear()
            elif kind in (b"d", b"p", b"X", b"H"):
                link.server.sendall(pending)
                pending.clear()

    def _step(self, link: Link, pending: bytes, text: str) -> None:
        with self._lock:
            self.steps.append(text)
            armed = self._armed
            if armed is None or not armed[0](len(self.steps), text):
                armed = None
            else:
                self._armed, self.struck = None, text
        if armed is None:
            link.server.sendall(pending)
            return
        _, moment, strike = armed
        if moment is Moment.BEFORE:
            strike(link)
            return
        if moment is Moment.AFTER:
            link.withheld = strike
        link.server.sendall(pending)
        if moment is Moment.DURING:
            strike(link)

    def _to_client(self, link: Link) -> None:
        for kind, body in _messages(link.server):
            if kind == b"K":
                link.backend_pid = struct.unpack(">i", body[:4])[0]
            elif kind == b"Z":
                link.transaction = body
            if link.withheld and kind in _ANSWERS:
                link.withheld(link)
                return
            if not link.withheld:
                link.client.sendall(_message(kind, body))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


def _start(source: socket.socket) -> bytes:
    """The first message, the only one without a type."""
    head = _exactly(source, 4)
    return head + _exactly(source, struct.unpack(">i", head)[0] - 4)


def _messages(source: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    while True:
        head = _exactly(source, 5)
        yield head[:1], _exactly(source, struct.unpack(">i", head[1:])[0] - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return bytes(data)
