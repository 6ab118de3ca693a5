"""The decoder's short cuts against a plain parse: whatever a line looks like, both must say the same."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from icon_assets.contract.decode import _PLANS
from icon_assets.contract.events import GUID_FIELDS, TIME_FIELDS, TYPES
from icon_assets.contract.reasons import FileProblem
from tests.corpus.contract import EVENTS, GUID, TS, TS_MS, batch, event, line, opened, read

GOOD_GUID = re.compile(r"(?!0*\Z)[!-~]{1,64}\Z")

white = st.sampled_from(["", "", "", " ", "\t", "\r", "  "])
texts = st.one_of(
    st.sampled_from(
        [GUID, TS, "", "a:b", ":", '"seq":1', '","x":', " lead", "null", "a\\", "\\u0000", "é", "\u2028"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-1, 2**31), texts)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts.filter(bool), inner, max_size=3),
    max_leaves=5,
)


def spelt(text: str, escape: int) -> str:
    """A JSON string; with escape 1 non-ASCII characters are escaped, with 2 the first character is."""
    if escape == 2 and text:
        return (
            f'"\\u{ord(text[0]):04x}{json.dumps(text[1:])[1:]}'
            if ord(text[0]) < 0x10000
            else json.dumps(text)
        )
    return json.dumps(text, ensure_ascii=escape == 1)


@st.composite
def raw_lines(draw: st.DrawFn) -> tuple[str, str]:
    """A type, and a line of it, most often good, written in an unusual way or with something added."""
    type_ = draw(st.sampled_from(sorted(EVENTS)))
    pairs: list[tuple[str, Any]] = list(event(type_, optional=draw(st.booleans())).items())
    names = st.sampled_from([*_PLANS[TYPES[type_]].known, "Seq", "extra"]) | texts.filter(bool)
    pairs += draw(st.lists(st.tuples(names, values), max_size=draw(st.sampled_from([0, 0, 1, 3]))))
    for place in draw(st.lists(st.integers(0, len(pairs) - 1), max_size=draw(st.sampled_from([0, 0, 1, 2])))):
        pairs[place] = (pairs[place][0], draw(scalars))
    pairs = draw(st.permutations(pairs)) if draw(st.booleans()) else pairs
    gaps = draw(st.lists(white, min_size=4, max_size=4)) if draw(st.booleans()) else ["", "", "", ""]
    escape = draw(st.sampled_from([0, 0, 1, 2]))
    body = ",".join(
        gaps[0]
        + spelt(key, escape)
        + gaps[1]
        + ":"
        + gaps[2]
        + json.dumps(value, ensure_ascii=escape == 1)
        + gaps[3]
        for key, value in pairs
    )
    return type_, "{" + body + "}"


def expected(type_: str, text: str) -> tuple[dict[str, Any], set[str]] | None:
    """What the contract makes of the line: its fields and the unknown names, or None where it is bad."""
    repeated = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            repeated.append(pairs)
        return dict(pairs)

    fields = json.loads(text, object_pairs_hook=unique)
    known = _PLANS[TYPES[type_]].known
    unknown = set(fields) - known
    if (
        repeated
        or "\\u0000" in json.dumps(fields).replace("\\\\", "")
        or {name.lower() for name in unknown} & known
    ):
        return None
    try:
        found = msgspec.to_builtins(msgspec.convert(fields, TYPES[type_]))
    except msgspec.ValidationError:
        return None
    for name in GUID_FIELDS & set(found):
        if found[name] is not None and not GOOD_GUID.match(found[name]):
            return None
    for name in TIME_FIELDS & set(found):
        if found[name] is not None:
            if found[name] != TS:
                return None
            found[name] = TS_MS
    if type_ == "object" and (found["dbid"] is None or found["name"] is None):
        return None
    return found, {f"{type_}.{name}" for name in unknown}


@given(raw_lines())
@settings(max_examples=600, deadline=None)
@example(("chain", line(event("chain")).decode()))
@example(("chain", line(event("chain")).decode().replace("{", '{"x":{},', 1)))
def test_a_line_is_taken_exactly_when_a_plain_parse_would_take_it(sample: tuple[str, str]) -> None:
    type_, text = sample
    events, rejected, unknown = read(batch([text.encode()] * 2, EVENTS[type_][0]))
    wanted = expected(type_, text)
    if wanted is None:
        assert len(rejected) == 2
    else:
        assert [msgspec.to_builtins(found) for _, found in events] == [wanted[0]] * 2
        assert unknown == dict.fromkeys(wanted[1], 2)


@given(st.binary(max_size=300), st.binary(max_size=40), st.integers(0, 10_000))
@settings(max_examples=400, deadline=None)
def test_no_bytes_break_the_decoder_or_lose_a_line(junk: bytes, splice: bytes, place: int) -> None:
    good = line(event("chain"))
    spliced = good[: place % len(good)] + splice + good[place % len(good) :]
    lines = [text.replace(b"\n", b"") for text in (junk, spliced, good)]
    if b"\0" * 16 in b"".join(lines):
        return
    count = sum(1 for text in lines if text.strip())
    events, rejected, _ = read(batch(lines, events=count))
    assert len(events) + len(rejected) == count
    assert events[-1][0] == 4


STORED = gzip.compress(batch([line(event("chain", seq=seq)) for seq in range(1, 6)]), mtime=0)


@given(st.integers(0, len(STORED)), st.binary(max_size=20), st.integers(0, 20))
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_ends_in_a_known_outcome(place: int, splice: bytes, removed: int) -> None:
    damaged = STORED[:place] + splice + STORED[place + removed :]
    try:
        events, _, _ = read(damaged)
    except FileProblem:
        return
    # Only the gzip header's time and flags, which no checksum covers, may change unnoticed.
    assert damaged == STORED or place < 10 or not splice.strip(b"\0")
    assert len(events) == 5


@pytest.mark.parametrize("cut", range(0, len(STORED), 7))
def test_a_file_cut_anywhere_waits_f1(cut: int) -> None:
    with pytest.raises(FileProblem) as problem:
        read(STORED[:cut])
    assert type(problem.value).__name__ == "Incomplete"


def test_a_plain_file_cut_anywhere_waits_f8() -> None:
    text = gzip.decompress(STORED)
    for cut in range(len(text) - 1):
        with pytest.raises(FileProblem) as problem:
            read(text[:cut])
        assert type(problem.value).__name__ == "Incomplete", cut
    assert opened(text[:-1]).header.events == 5
