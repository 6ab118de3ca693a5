"""An opened batch: its header, its event lines in blocks, and the digest of its text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from icon_assets.contract.header import Header, parse_header
from icon_assets.contract.inflate import GZIP, ZSTD, Read, inflate
from icon_assets.contract.reasons import Incomplete, Reason, Refused

MAX_LINE = 2**20
BLOCK = MAX_LINE + 2**18  # 5,000 events or so, of which three loaders hold two blocks each: 90 MB
ENDLESS = 64 * 2**20  # a longer line is no line: the file is not text
_NUL_RUN = b"\0" * 16  # a hole that a crash leaves is a disk sector at least

_BOM = b"\xef\xbb\xbf"
_TAR = slice(257, 262)
_FOREIGN = {
    GZIP: "gzip in a compressed file",
    ZSTD: "zstd in a compressed file",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"\xff\xfe": "UTF-16 or UTF-32",
    b"\xfe\xff": "UTF-16",
    b"\0\0\xfe\xff": "UTF-32",
    b"{\0": "UTF-16 or UTF-32",
    b"\0{": "UTF-16",
    b"\0\0\0{": "UTF-32",
}


class Batch:
    """Reads one batch once, from its start to its end, in memory that does not depend on its size.

    read(n): up to n stored bytes, b"" at the end. unchanged(): raises Incomplete or Unreadable if what is
    read has changed meanwhile; to be asked before a complaint about the content. Opening reads the header;
    that, blocks() and skip() raise Incomplete, Refused or Unreadable.
    """

    header: Header

    def __init__(self, read: Read, unchanged: Callable[[], None] = lambda: None) -> None:
        self.unchanged = unchanged
        self._digest = hashlib.sha256()
        self._ended = False
        self._line = 0
        self._rest = b""
        self.cut = False
        """At the end: whether the last line of an uncompressed file lacks its LF, so may be half written."""
        self._blocks = self._read_blocks(read)
        self.header = self._read_header()

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the inflated bytes; known once blocks() or skip() have come to the end."""
        if not self._ended:
            raise RuntimeError("the digest is known at the end of the batch only")
        return self._digest.digest()

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """(number of its first line, whole lines with their LF) until the end; the header is line 1.

        A line longer than MAX_LINE may come cut, but not to MAX_LINE or less. The last line may lack its LF.
        """
        if self._rest:
            block, self._rest = self._rest, b""
            yield self._numbered(block)
        for block in self._blocks:
            yield self._numbered(block)

    def skip(self) -> None:
        """Reads to the end without looking at the lines, for the digest's sake."""
        for _ in self._blocks:
            pass

    def _numbered(self, block: bytes) -> tuple[int, bytes]:
        first = self._line + 1
        self._line += block.count(b"\n")
        return first, block

    def _read_header(self) -> Header:
        for block in self._blocks:
            start = 0
            while start < len(block):
                end = block.find(b"\n", start)
                whole = end >= 0
                line = block[start : end if whole else None]
                start += len(line) + 1
                self._line += 1
                if line.strip():
                    self._rest = block[start:]
                    with self._if_unchanged():
                        return parse_header(line, whole)
        raise Incomplete(Reason.EMPTY)

    @contextmanager
    def _if_unchanged(self) -> Iterator[None]:
        """Asks, before a complaint about the content goes on, whether the file changed meanwhile."""
        try:
            yield
        except (Incomplete, Refused):
            self.unchanged()
            raise

    def _read_blocks(self, read: Read) -> Iterator[bytes]:
        with self._if_unchanged():
            compressed, pieces = inflate(read)
            last = b"\n"
            for last in _blocks(_text(self._hashed(pieces))):
                yield last
        self.unchanged()
        self.cut = not compressed and not last.endswith(b"\n")
        self._ended = True

    def _hashed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._digest.update(piece)
            if _NUL_RUN in piece:
                raise Refused(Reason.NUL_BLOCK)
            yield piece


def _text(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces without a byte order mark at the start. Refused where they are no text in UTF-8."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _TAR.stop:
            break
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise Refused(Reason.OTHER_FORMAT, name)
    if head[_TAR] == b"ustar":
        raise Refused(Reason.OTHER_FORMAT, "tar")
    yield head.removeprefix(_BOM)
    yield from pieces


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, about BLOCK bytes at a time; of a line of BLOCK or more the first MAX_LINE + 1 bytes."""
    kept: list[bytes] = []
    size = dropped = 0
    for piece in pieces:
        if dropped:
            end = piece.find(b"\n")
            if end < 0:
                dropped += len(piece)
                if dropped > ENDLESS:
                    raise Refused(Reason.ENDLESS_LINE)
                continue
            piece, dropped = piece[end:], 0
        kept.append(piece)
        size += len(piece)
        if size < BLOCK:
            continue
        block = b"".join(kept)
        end = block.rfind(b"\n") + 1
        if end:
            yield block[:end]
            block = block[end:]
        else:
            dropped = size
            block = block[: MAX_LINE + 1]
        kept, size = [block], len(block)
    if block := b"".join(kept):
        yield block
