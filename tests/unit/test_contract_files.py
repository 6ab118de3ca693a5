"""Each bad file ends as the row of the threat list (A) says: loaded, waiting or refused."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator

import pytest
import zstandard

from icon_assets.contract import inflate, reader
from icon_assets.contract.decode import Decoder
from icon_assets.contract.reader import MAX_LINE, Batch
from icon_assets.contract.reasons import FileProblem, Incomplete, Refused
from tests.corpus.contract import NOW, batch, event, header, line, opened, read


def lines(count: int) -> list[bytes]:
    """Lines that hardly compress, so that what is cut off of them is data."""
    rng = random.Random(7)
    guids = (f"{rng.getrandbits(250):064x}" for _ in range(count))
    return [line(event("chain", seq=seq, chainguid=guid)) for seq, guid in enumerate(guids, 1)]


LINES = lines(50)
TEXT = batch(LINES)
GZ = gzip.compress(TEXT, mtime=0)
ZST = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)


def loaded(stored: bytes) -> list[int]:
    """The seq of each event of the batch, which must have no bad line."""
    events, rejected, _ = read(stored)
    assert not rejected
    return [found.seq for _, found in events]  # type: ignore[attr-defined]


def outcome(stored: bytes) -> tuple[type[FileProblem], str]:
    with pytest.raises(FileProblem) as problem:
        read(stored)
    return type(problem.value), str(problem.value.reason)


def wrong_checksum(stored: bytes) -> bytes:
    return stored[:-8] + bytes([stored[-8] ^ 1]) + stored[-7:]


def flipped(stored: bytes) -> bytes:
    start, end = len(stored) // 2, len(stored) // 2 + 40
    return stored[:start] + bytes(byte ^ 0xFF for byte in stored[start:end]) + stored[end:]


def zipped() -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("x.jsonl", TEXT)
    return stored.getvalue()


def tarred() -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w") as archive:
        member = tarfile.TarInfo("x.jsonl")
        member.size = len(TEXT)
        archive.addfile(member, io.BytesIO(TEXT))
    return stored.getvalue()


HOLE = TEXT[:3000] + b"\0" * 4096 + TEXT[7096:]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(GZ[: len(GZ) // 2], (Incomplete, "cut_stream"), id="F1-gzip"),
        pytest.param(GZ[:1], (Incomplete, "no_header"), id="F1-one-byte"),
        pytest.param(GZ[:5], (Incomplete, "cut_stream"), id="F1-in-the-gzip-header"),
        pytest.param(ZST[: len(ZST) // 2], (Incomplete, "cut_stream"), id="F1-zstd"),
        pytest.param(GZ[:-8], (Incomplete, "cut_stream"), id="F2"),
        pytest.param(GZ[:-1], (Incomplete, "cut_stream"), id="F2-one-byte"),
        pytest.param(ZST[:-4], (Incomplete, "cut_stream"), id="F2-zstd"),
        pytest.param(wrong_checksum(GZ), (Refused, "corrupt_stream"), id="F3"),
        pytest.param(ZST[:-1] + bytes([ZST[-1] ^ 1]), (Refused, "corrupt_stream"), id="F3-zstd"),
        pytest.param(GZ[:-1] + b"\x01", (Refused, "corrupt_stream"), id="F3-length"),
        pytest.param(flipped(GZ), (Refused, "corrupt_stream"), id="F3-damaged"),
        pytest.param(flipped(ZST), (Refused, "corrupt_stream"), id="F3-zstd-damaged"),
        pytest.param(GZ + b"garbage", (Refused, "trailing_garbage"), id="F4"),
        pytest.param(GZ + b"\0\0\0x", (Refused, "trailing_garbage"), id="F4-after-padding"),
        pytest.param(ZST + b"garbage", (Refused, "trailing_garbage"), id="F4-zstd"),
        pytest.param(GZ + ZST, (Refused, "trailing_garbage"), id="F4-two-formats"),
        pytest.param(GZ + b"\x1f", (Incomplete, "cut_stream"), id="F6-second-member-cut"),
        pytest.param(ZST + ZST[:3], (Incomplete, "cut_stream"), id="F6-second-frame-cut"),
        pytest.param(TEXT[:-20], (Incomplete, "cut_line"), id="F8"),
        pytest.param(TEXT[:-2], (Incomplete, "cut_line"), id="F8-one-byte"),
        pytest.param(batch([*LINES, "é".encode()])[:-2], (Incomplete, "cut_line"), id="F8-in-a-character"),
        pytest.param(TEXT[: len(TEXT) // 2], (Incomplete, "cut_line"), id="F8-half"),
        pytest.param(TEXT[: TEXT.rindex(b"\n", 0, -1) + 1], (Incomplete, "fewer_events"), id="F9"),
        pytest.param(header(3) + b"\n", (Incomplete, "fewer_events"), id="F9-header-only"),
        pytest.param(header(3), (Incomplete, "fewer_events"), id="F9-header-only-no-newline"),
        pytest.param(b"", (Incomplete, "empty"), id="F13-zero-bytes"),
        pytest.param(gzip.compress(b""), (Incomplete, "empty"), id="F13-zero-bytes-gzip"),
        pytest.param(b"\n \r\n\n", (Incomplete, "empty"), id="F13-blank"),
        pytest.param(b"\xef\xbb\xbf", (Incomplete, "empty"), id="F13-BOM-only"),
        pytest.param(header(3)[:40], (Incomplete, "no_header"), id="F13-half-a-header"),
        pytest.param(LINES[0] + b"\n", (Incomplete, "no_header"), id="F13-event-first"),
        pytest.param(TEXT.decode().encode("utf-16"), (Refused, "other_format"), id="F18-utf-16"),
        pytest.param(TEXT.decode().encode("utf-16-le"), (Refused, "other_format"), id="F18-utf-16-le"),
        pytest.param(TEXT.decode().encode("utf-16-be"), (Refused, "other_format"), id="F18-utf-16-be"),
        pytest.param(TEXT.decode().encode("utf-32"), (Refused, "other_format"), id="F18-utf-32"),
        pytest.param(TEXT.decode().encode("utf-32-be"), (Refused, "other_format"), id="F18-utf-32-be"),
        pytest.param(
            gzip.compress(TEXT.decode().encode("utf-16")), (Refused, "other_format"), id="F18-in-gzip"
        ),
        pytest.param(HOLE, (Refused, "nul_block"), id="F21"),
        pytest.param(gzip.compress(HOLE), (Refused, "nul_block"), id="F21-gzip"),
        pytest.param(b"\0" * 4096, (Refused, "nul_block"), id="F21-nothing-else"),
        pytest.param(zipped(), (Refused, "other_format"), id="F24-zip"),
        pytest.param(tarred(), (Refused, "nul_block"), id="F24-tar"),
        pytest.param(gzip.compress(GZ), (Refused, "other_format"), id="F24-gzip-in-gzip"),
        pytest.param(zstandard.compress(GZ), (Refused, "other_format"), id="F24-gzip-in-zstd"),
        pytest.param(bz2.compress(TEXT), (Refused, "other_format"), id="F24-bzip2"),
        pytest.param(lzma.compress(TEXT), (Refused, "other_format"), id="F24-xz"),
        pytest.param(b"hello\n" + TEXT, (Refused, "bad_header"), id="F31-no-JSON"),
        pytest.param(
            TEXT.replace(b'"type":"batch"', b'"type":"parcel"'), (Refused, "bad_header"), id="F31-type"
        ),
        pytest.param(
            TEXT.replace(b"ocs-events/1", b"ocs-events/2"), (Refused, "unknown_contract"), id="F31-contract"
        ),
        pytest.param(TEXT.replace(b'"ocs"', b'"pbx"'), (Refused, "unknown_source"), id="F31-source"),
        pytest.param(TEXT.replace(b'"ocs"', b'["ocs"]'), (Refused, "unknown_source"), id="F31-source-array"),
        pytest.param(batch(LINES, events=49), (Refused, "more_events"), id="F31-more-lines"),
        pytest.param(batch([*LINES, b"bad"], events=50), (Refused, "more_events"), id="F31-more-bad-lines"),
        pytest.param(batch(LINES, events=0), (Refused, "more_events"), id="F31-events-0"),
        pytest.param(batch(LINES, events="50"), (Refused, "bad_header"), id="F31-events-string"),
        pytest.param(batch(LINES, events=-1), (Refused, "bad_header"), id="F31-events-negative"),
        pytest.param(batch(LINES, events=None), (Refused, "bad_header"), id="F31-events-null"),
        pytest.param(batch(LINES, dbid=2**31), (Refused, "bad_header"), id="F31-dbid"),
        pytest.param(batch(LINES, feed="1"), (Refused, "bad_header"), id="F31-feed"),
        pytest.param(batch(LINES, batch=""), (Refused, "bad_header"), id="F31-batch-empty"),
        pytest.param(batch(LINES, batch="a b"), (Refused, "bad_header"), id="F31-batch-space"),
        pytest.param(batch(LINES, batch="a\n"), (Refused, "bad_header"), id="F31-batch-newline"),
        pytest.param(batch(LINES, batch="x" * 256), (Refused, "bad_header"), id="F31-batch-long"),
        pytest.param(batch(LINES, release=None), (Refused, "bad_header"), id="F31-release"),
        pytest.param(batch(LINES, sent="yesterday"), (Refused, "bad_header"), id="F31-sent"),
        pytest.param(batch(LINES, sent=1.5), (Refused, "bad_header"), id="F31-sent-float"),
        pytest.param(
            TEXT.replace(b'"dbid"', b'"dbid":7,"dbid"', 1), (Refused, "bad_header"), id="F31-duplicate-key"
        ),
        pytest.param(TEXT.replace(b'"b/1"', b'"b\xff"', 1), (Refused, "bad_header"), id="F31-not-UTF-8"),
        pytest.param(b"{" * MAX_LINE * 3 + b"\n" + TEXT, (Refused, "bad_header"), id="F31-long"),
    ],
)
def test_a_bad_file_waits_or_is_refused(stored: bytes, expected: tuple[type[FileProblem], str]) -> None:
    assert outcome(stored) == expected


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(TEXT, id="plain"),
        pytest.param(ZST, id="zstd"),
        pytest.param(GZ + b"\0" * 5000, id="F5"),
        pytest.param(ZST + b"\0" * 5000, id="F5-zstd"),
        pytest.param(gzip.compress(TEXT[:4000]) + gzip.compress(TEXT[4000:]), id="F6"),
        pytest.param(gzip.compress(TEXT[:4000]) + b"\0" * 9 + gzip.compress(TEXT[4000:]), id="F6-padding"),
        pytest.param(gzip.compress(TEXT) + gzip.compress(b""), id="F6-empty-member"),
        pytest.param(zstandard.compress(TEXT[:4000]) + zstandard.compress(TEXT[4000:]), id="F6-zstd"),
        pytest.param(
            b"".join(gzip.compress(bytes([byte])) for byte in TEXT[:3000]) + gzip.compress(TEXT[3000:]),
            id="F6-member-a-byte",
        ),
        pytest.param(TEXT.replace(b"\n", b"\n\n"), id="F14"),
        pytest.param(b"\n \t\r\n" + TEXT.replace(b"\n", b"\n \r\n") + b"\n\n", id="F14-white"),
        pytest.param(TEXT[:-1], id="F15"),
        pytest.param(gzip.compress(TEXT[:-1]), id="F15-gzip"),
        pytest.param(TEXT.replace(b"\n", b"\r\n"), id="F16-CRLF"),
        pytest.param(b"\xef\xbb\xbf" + TEXT, id="F17"),
        pytest.param(gzip.compress(b"\xef\xbb\xbf" + TEXT), id="F17-gzip"),
        pytest.param(
            batch(LINES, sent=None, feed=None, first_dsseq=None, last_dsseq=None), id="header-nulls"
        ),
        pytest.param(batch(LINES, extra={"x": [1]}), id="header-extra"),
        pytest.param(
            batch(LINES, sent=1795339200000, feed=7, batch="ocs-101/2026-11-22/0042"), id="header-values"
        ),
    ],
)
def test_a_good_file_loads_whole(stored: bytes) -> None:
    assert loaded(stored) == list(range(1, 51))


def test_a_batch_of_no_events_loads_f13() -> None:
    assert loaded(header(0)) == []
    assert loaded(header(0) + b"\n") == []


def test_a_second_byte_order_mark_spoils_only_its_line_f17() -> None:
    _, rejected, _ = read(batch([b"\xef\xbb\xbf" + LINES[0], LINES[1]]))
    assert [(bad.line, str(bad.reason)) for bad in rejected] == [(2, "not_json")]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("é".encode("latin-1"), id="F19-latin-1"),
        pytest.param("€".encode("cp1252"), id="F19-cp1252"),
        pytest.param(b"\xc0\xaf", id="F20-overlong"),
        pytest.param(b"\xed\xa0\xbd\xed\xb8\x80", id="F20-CESU-8"),
        pytest.param(b"\xf4\x90\x80\x80", id="F20-beyond-unicode"),
    ],
)
def test_a_line_in_another_encoding_is_rejected_alone(raw: bytes) -> None:
    text = line(event("field", newvalue="@@")).replace(b"@@", raw)
    events, rejected, _ = read(batch([LINES[0], text, LINES[1]]))
    assert [number for number, _ in events] == [2, 4]
    assert [(bad.line, str(bad.reason)) for bad in rejected] == [(3, "not_utf8")]


def test_line_numbers_count_blank_lines_f14() -> None:
    events, rejected, _ = read(batch([b"", LINES[0], b" ", b"bad", LINES[1]], events=3))
    assert [number for number, _ in events] == [3, 6]
    assert [bad.line for bad in rejected] == [5]


def test_a_cut_last_line_of_a_whole_compressed_file_is_a_bad_line() -> None:
    _, rejected, _ = read(gzip.compress(TEXT[:-20]))
    assert [(bad.line, str(bad.reason)) for bad in rejected] == [(51, "not_json")]


def test_the_digest_is_of_the_inflated_bytes_f30() -> None:
    for stored in (TEXT, GZ, ZST, gzip.compress(TEXT[:99], 1) + gzip.compress(TEXT[99:], 9)):
        found = opened(stored)
        with pytest.raises(RuntimeError):
            _ = found.sha256
        found.skip()
        assert found.sha256 == hashlib.sha256(TEXT).digest()
        found = opened(stored)
        for _ in Decoder(found, NOW).chunks():
            pass
        assert found.sha256 == hashlib.sha256(TEXT).digest()


def test_skipping_to_the_end_still_sees_damage_f3() -> None:
    found = opened(wrong_checksum(gzip.compress(batch(lines(10_000)))))
    with pytest.raises(Refused):
        found.skip()
    with pytest.raises(RuntimeError):
        _ = found.sha256


def repeat(piece: bytes, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield piece


def streamed(pieces: Iterator[bytes]) -> Callable[[int], bytes]:
    """read() of a file that is never in memory."""
    kept = b""

    def read(size: int) -> bytes:
        nonlocal kept
        while len(kept) < size and (more := next(pieces, b"")):
            kept += more
        piece, kept = kept[:size], kept[size:]
        return piece

    return read


@pytest.mark.threat("S19")
def test_one_line_of_a_gigabyte_is_refused_in_little_memory_f22() -> None:
    def pieces() -> Iterator[bytes]:
        yield header(1) + b'\n{"type":"'
        yield from repeat(b"x" * 2**20, 1024)

    tracemalloc.start()
    try:
        with pytest.raises(Refused) as problem:
            for _ in Decoder(Batch(streamed(pieces())), NOW).chunks():
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert problem.value.reason == "endless_line"
    assert peak < 20 * 2**20


@pytest.mark.parametrize("size", [MAX_LINE, MAX_LINE + 1, 2 * MAX_LINE, 5 * MAX_LINE + 3])
@pytest.mark.parametrize("newline", [b"\n", b""])
def test_a_line_is_too_long_from_one_byte_over_the_limit_j21(size: int, newline: bytes) -> None:
    empty = line(event("field", newvalue=""))
    text = line(event("field", newvalue="x" * (size - len(empty))))
    assert len(text) == size
    events, rejected, _ = read(batch([LINES[0], text])[:-1] + newline)
    if size == MAX_LINE:
        assert len(events) == 2
    else:
        assert [(bad.line, str(bad.reason), bad.raw) for bad in rejected] == [
            (3, "line_too_long", text[:MAX_LINE])
        ]
    events, rejected, _ = read(batch([text, LINES[0], text, LINES[1]]))
    assert [number for number, _ in events] == ([2, 3, 4, 5] if size == MAX_LINE else [3, 5])


BOMB = header(1) + b"\n" + b" " * 40 * 2**20


@pytest.mark.threat("S19")
@pytest.mark.parametrize("stored", [gzip.compress(BOMB), zstandard.compress(BOMB)], ids=["gzip", "zstd"])
def test_a_bomb_is_refused_by_its_ratio_f23(stored: bytes) -> None:
    assert outcome(stored) == (Refused, "too_large")


@pytest.mark.threat("S19")
def test_a_bomb_takes_little_memory_f23() -> None:
    stored = zstandard.compress(header(1) + b"\n" + b" " * 300 * 2**20)
    tracemalloc.start()
    try:
        assert outcome(stored) == (Refused, "too_large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20


def test_a_file_beyond_the_absolute_limit_is_refused_f23(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "MAX_INFLATED", len(TEXT) - 1)
    assert outcome(TEXT) == (Refused, "too_large")
    assert outcome(GZ) == (Refused, "too_large")


def test_a_large_batch_is_read_in_memory_that_does_not_grow_f26() -> None:
    def peak(events: int) -> int:
        tracemalloc.start()
        try:
            some = b"".join(text + b"\n" for text in lines(1000))
            stream = streamed(iter([header(events * 1000) + b"\n", *repeat(some, events)]))
            assert sum(len(chunk.events) for chunk in Decoder(Batch(stream), NOW).chunks()) == events * 1000
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(40) < 1.2 * peak(14)


@pytest.mark.parametrize("block", [700, 1 << 12, 1 << 21])
@pytest.mark.parametrize("stored", [TEXT, GZ, ZST], ids=["plain", "gzip", "zstd"])
def test_where_blocks_and_reads_end_makes_no_difference(
    stored: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BLOCK", block)
    rng = random.Random(block)
    source = io.BytesIO(stored)
    batch_ = Batch(lambda size: source.read(rng.randrange(1, min(size, 900) + 1)))
    found = [pair for chunk in Decoder(batch_, NOW).chunks() for pair in chunk.events]
    assert [number for number, _ in found] == list(range(2, 52))
    assert batch_.sha256 == hashlib.sha256(TEXT).digest()
