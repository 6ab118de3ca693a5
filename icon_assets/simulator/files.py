"""Batches as files of the landing zone."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable

import fsspec
import msgspec

from icon_assets.simulator import times
from icon_assets.simulator.feed import Batch, Line

_LEVEL = 3  # of gzip: on these lines twice as fast as level 6, for files a fifth larger

# After a batch is written: its name, how to write more such files, and the batch. For harms done to files.
Written = Callable[[str, "BatchFiles", Batch], None]


class BatchFiles:
    """Writes each batch as `<url>/<feed>/<number>.jsonl.gz`, whole or not at all.

    `batches` and `events` count what was written.
    """

    def __init__(self, url: str, written: tuple[Written, ...] = ()) -> None:
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = root.rstrip("/")
        self._written = written
        self._numbers: Counter[str] = Counter()
        self.batches = 0
        self.events = 0

    def take(self, batch: Batch) -> None:
        """Writes one batch under the next number of its feed."""
        self._numbers[batch.feed.name] += 1
        name = f"{batch.feed.name}/{self._numbers[batch.feed.name]:06d}"
        self.write(name, name, batch, batch.lines)
        for written in self._written:
            written(name, self, batch)

    def close(self) -> None:
        """Nothing is held back here."""

    def write(self, file: str, identity: str, batch: Batch, lines: list[Line]) -> None:
        """Writes `lines` as a batch of that identity into a file of that name."""
        self.batches += 1
        self.events += len(lines)
        text = "\n".join([_header(identity, batch, lines), *[line.text for line in lines], ""])
        # A harm may have put a byte that is no UTF-8 into a line; it is kept as a surrogate until here.
        content = gzip.compress(text.encode("utf-8", "surrogateescape"), _LEVEL, mtime=0)
        self._put(f"zz-late/{file}.jsonl.gz" if batch.late else f"{file}.jsonl.gz", content)

    def write_beside(self, name: str, text: str) -> None:
        """A file that is no batch."""
        self._put(name, text.encode())

    def _put(self, name: str, content: bytes) -> None:
        """Under another name first: a reader never sees half a file."""
        folder, _, last = f"{self._root}/{name}".rpartition("/")
        self._fs.makedirs(folder, exist_ok=True)
        self._fs.pipe_file(f"{folder}/.{last}.part", content)
        self._fs.mv(f"{folder}/.{last}.part", f"{folder}/{last}")


def _header(identity: str, batch: Batch, lines: list[Line]) -> str:
    source = batch.feed.source
    header: dict[str, object] = {
        "type": "batch",
        "contract": "ocs-events/1",
        "batch": identity,
        "source": source.kind,
        "dbid": source.dbid,
        "release": source.release,
        "sent": times.rfc3339(batch.sent),
        "events": len(lines),
    }
    if numbers := [line.dsseq for line in lines if line.dsseq]:
        header |= {"first_dsseq": min(numbers), "last_dsseq": max(numbers)}
    if batch.feed.icon is not None:
        header["feed"] = batch.feed.icon
    return msgspec.json.encode(header).decode()
