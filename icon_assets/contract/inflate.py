"""Stored bytes to text bytes: plain, gzip or zstd by their magic bytes, streamed and bounded."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from icon_assets.contract.reasons import Incomplete, Reason, Refused

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"

# Event lines compress 5 to 40 times, a million lines of one chain less than 100; a bomb 1000 and more.
MAX_RATIO = 300
RATIO_FROM = 16 * 2**20  # inflated bytes below which no ratio is suspicious
MAX_INFLATED = 64 * 2**30

_READ = 64 * 2**10  # each read has a thread of its own, which waits its turn while another loader decodes
_PIECE = 2**20
# zstd cannot be told how much to put out at once. 128 KiB come from 4 bytes at most, so 1 KiB gives 32 MiB.
_ZSTD_STEP = 2**10

Read = Callable[[int], bytes]


class _Inflater(Protocol):
    """One gzip member or zstd frame, as zlib.decompressobj has it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, limit: int, /) -> bytes: ...


class _ZstdFrame:
    """A zstd frame with the face of zlib.decompressobj."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self.unused_data = self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._frame.eof

    def decompress(self, data: bytes, _: int) -> bytes:
        inflated = self._frame.decompress(data[:_ZSTD_STEP])
        self.unconsumed_tail = data[_ZSTD_STEP:]
        if self._frame.eof:
            self.unused_data = self._frame.unused_data + self.unconsumed_tail
        return inflated


def inflate(read: Read) -> tuple[bool, Iterator[bytes]]:
    """Whether the stream is compressed, and its text in pieces of at most some MiB.

    read(n) gives up to n stored bytes, b"" at the end. The pieces end with Incomplete where the stream was
    cut, with Refused where it is damaged, followed by other bytes than zeros, or larger than the limits.
    """
    stored = 0

    def counted(size: int) -> bytes:
        nonlocal stored
        piece = read(size)
        stored += len(piece)
        return piece

    def bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
        inflated = 0
        for piece in pieces:
            inflated += len(piece)
            if inflated > MAX_INFLATED:
                raise Refused(Reason.TOO_LARGE, f"limit {MAX_INFLATED} bytes")
            if inflated > RATIO_FROM and inflated > MAX_RATIO * stored:
                raise Refused(Reason.TOO_LARGE, f"limit {MAX_RATIO} times the stored size")
            yield piece

    head = counted(4)
    while 0 < len(head) < 4 and (more := counted(4 - len(head))):
        head += more
    if head.startswith(GZIP):
        return True, bounded(_members(head, counted, lambda: zlib.decompressobj(wbits=31), GZIP))
    if head == ZSTD:
        return True, bounded(_members(head, counted, _ZstdFrame, ZSTD))
    return False, bounded(_plain(head, counted))


def _plain(head: bytes, read: Read) -> Iterator[bytes]:
    piece = head
    while piece:
        yield piece
        piece = read(_PIECE)


def _members(head: bytes, read: Read, new: Callable[[], _Inflater], magic: bytes) -> Iterator[bytes]:
    """The text of all members (gzip) or frames (zstd), zero padding between and after them skipped."""
    pending, member = head, new()
    inside = True
    full = False  # the last piece was cut at its limit, so more may come without more input
    while True:
        if not pending and not full:
            pending = read(_READ)
            if not pending:
                break
        if not inside:
            pending = pending.lstrip(b"\0")
            while pending and len(pending) < len(magic) and magic.startswith(pending):
                more = read(_READ)
                if not more:
                    raise Incomplete(Reason.CUT_STREAM)
                pending += more
            if not pending:
                continue
            if not pending.startswith(magic):
                raise Refused(Reason.TRAILING_GARBAGE)
            member, inside = new(), True
        try:
            piece = member.decompress(pending, _PIECE)
        except (zlib.error, zstandard.ZstdError):
            raise Refused(Reason.CORRUPT_STREAM) from None
        full = len(piece) >= _PIECE and not member.eof
        pending = member.unconsumed_tail
        if member.eof:
            pending, inside = member.unused_data, False
        if piece:
            yield piece
    if inside:
        raise Incomplete(Reason.CUT_STREAM)
