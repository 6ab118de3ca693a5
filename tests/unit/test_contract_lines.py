"""Each bad line ends as the row of the threat list (B, and what decoding decides of C) says."""

from __future__ import annotations

import gc
import json
import types
from typing import Any

import msgspec
import pytest

from icon_assets.contract import decode
from icon_assets.contract.decode import Decoder, Rejected
from icon_assets.contract.events import TYPES, Event
from icon_assets.contract.reader import MAX_LINE
from tests.corpus.contract import (
    ATTEMPT,
    EVENTS,
    GUID,
    NOW,
    TS,
    TS_MS,
    batch,
    event,
    header,
    judged,
    line,
    opened,
    read,
)

CHAIN = line(event("chain"))
PLAIN = line(event("chain", optional=False))


def with_value(field: str, raw: bytes, type_: str = "chain") -> bytes:
    """A good line with the raw JSON `raw` as the value of `field`, known or not."""
    return line(event(type_, **{field: "@@"})).replace(b'"@@"', raw)


def reason(text: bytes, source: str = "ocs") -> str | None:
    found = judged(text, source)
    return str(found.reason) if isinstance(found, Rejected) else None


def loads(text: bytes, source: str = "ocs") -> Any:
    found = judged(text, source)
    assert isinstance(found, Event), found
    return found


@pytest.mark.parametrize("type_", EVENTS)
@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("spaces", [True, False])
def test_a_good_event_comes_through_with_all_its_values(type_: str, optional: bool, spaces: bool) -> None:
    source = EVENTS[type_][0]
    sent = event(type_, optional=optional)
    found = loads(line(sent, spaces=spaces), source)
    expected = {key: TS_MS if value == TS else value for key, value in sent.items() if key != "type"}
    assert type(found) is TYPES[type_]
    assert {key: getattr(found, key) for key in expected} == expected
    assert all(getattr(found, key) is None for key in found.__struct_fields__ if key not in expected)


@pytest.mark.parametrize("type_", EVENTS)
def test_an_optional_field_may_be_null_and_a_required_one_not_j8_j11(type_: str) -> None:
    source, required, more = EVENTS[type_]
    for field in (*more, "dsseq"):
        assert getattr(loads(line(event(type_, **{field: None})), source), field) is None
    for field in (*required, "ts"):
        assert reason(line(event(type_, **{field: None})), source) == "missing_field"
        absent = {key: value for key, value in event(type_).items() if key != field}
        assert reason(line(absent), source) == "missing_field"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"hello", "not_json", id="J1-text"),
        pytest.param(CHAIN[:-1], "not_json", id="J1-cut"),
        pytest.param(CHAIN[:40], "not_json", id="J1-cut-in-a-string"),
        pytest.param(b"[1]", "not_object", id="J2-array"),
        pytest.param(b"[" + CHAIN + b"]", "not_object", id="J2-array-of-events"),
        pytest.param(b"5", "not_object", id="J2-number"),
        pytest.param(b'"chain"', "not_object", id="J2-string"),
        pytest.param(b"null", "not_object", id="J2-null"),
        pytest.param(CHAIN + CHAIN, "not_json", id="J3"),
        pytest.param(CHAIN + b" " + CHAIN, "not_json", id="J3-space"),
        pytest.param(CHAIN + b"\r" + CHAIN, "not_json", id="J3-lone-CR"),
        pytest.param(CHAIN[:-1] + b",}", "not_json", id="J4-trailing-comma"),
        pytest.param(CHAIN[:-1] + b"/*x*/}", "not_json", id="J4-comment"),
        pytest.param(CHAIN.replace(b'"', b"'"), "not_json", id="J4-single-quotes"),
        pytest.param(with_value("cause", b"None"), "not_json", id="J4-python"),
        pytest.param(with_value("cause", b"NaN"), "not_json", id="J5-NaN"),
        pytest.param(with_value("cause", b"-Infinity"), "not_json", id="J5-Infinity"),
        pytest.param(with_value("extra", b"NaN"), "not_json", id="J5-NaN-in-an-unknown-field"),
        pytest.param(CHAIN[:-1] + b',"seq":3}', "duplicate_key", id="J6-same-value"),
        pytest.param(PLAIN[:-1] + b',"seq":4}', "duplicate_key", id="J6"),
        pytest.param(PLAIN[:-1] + b',"seq" :4}', "duplicate_key", id="J6-space-before-colon"),
        pytest.param(PLAIN[:-1] + b',"s\\u0065q":4}', "duplicate_key", id="J6-escaped"),
        pytest.param(PLAIN[:-1] + b',"cause":null,"cause":1}', "duplicate_key", id="J6-null-first"),
        pytest.param(PLAIN[:-1] + b',"cause":1,"cause":null}', "duplicate_key", id="J6-null-last"),
        pytest.param(PLAIN[:-1] + b',"type":"chain"}', "duplicate_key", id="J6-type"),
        pytest.param(PLAIN[:-1] + b',"ts":1795339200123}', "duplicate_key", id="J6-ts-of-both-forms"),
        pytest.param(PLAIN[:-1] + b',"x":1,"x":1}', "duplicate_key", id="J6-unknown"),
        pytest.param(PLAIN[:-1] + b',"x":{"y":1,"y":1}}', "duplicate_key", id="J6-nested"),
        pytest.param(CHAIN.replace(b'"seq"', b'"SEQ"'), "misnamed_field", id="J9-required"),
        pytest.param(CHAIN.replace(b'"cause"', b'"Cause"'), "misnamed_field", id="J9-optional"),
        pytest.param(CHAIN.replace(b'"seq"', b'"sequence"'), "missing_field", id="J9-renamed"),
        pytest.param(with_value("seq", b'"1"'), "wrong_type", id="J10-string"),
        pytest.param(with_value("seq", b"1.0"), "wrong_type", id="J10-float"),
        pytest.param(with_value("seq", b"1e2"), "wrong_type", id="J10-exponent"),
        pytest.param(with_value("seq", b"true"), "wrong_type", id="J10-bool"),
        pytest.param(with_value("seq", b"[1]"), "wrong_type", id="J10-array"),
        pytest.param(with_value("seq", b'{"a":1}'), "wrong_type", id="J10-object"),
        pytest.param(with_value("chainguid", b"5"), "wrong_type", id="J10-int-for-string"),
        pytest.param(with_value("ts", b"1795339200123.0"), "wrong_type", id="J10-float-for-time"),
        pytest.param(with_value("seq", b"0"), "out_of_range", id="J12-0"),
        pytest.param(with_value("cause", b"-1"), "out_of_range", id="J12-minus-1"),
        pytest.param(with_value("cause", b"2147483648"), "out_of_range", id="J12-2^31"),
        pytest.param(with_value("cause", str(2**63).encode()), "out_of_range", id="J12-2^63"),
        pytest.param(with_value("cause", str(2**64).encode()), "out_of_range", id="J12-2^64"),
        pytest.param(
            with_value("value", str(2**63).encode(), "metric"), "out_of_range", id="J12-metric-2^63"
        ),
        pytest.param(with_value("cause", b"1" * 5000), "out_of_range", id="J13"),
        pytest.param(with_value("extra", b"1" * 5000), "out_of_range", id="J13-unknown-field"),
        pytest.param(with_value("extra", b"1e400"), "out_of_range", id="J14-1e400"),
        pytest.param(with_value("extra", b"1e131000"), "out_of_range", id="J14-1e131000"),
        pytest.param(with_value("extra", b"[1e400]"), "out_of_range", id="J14-in-an-array"),
        pytest.param(with_value("extra", b"0." + b"1" * 100_000), "out_of_range", id="J14-100kB"),
        pytest.param(with_value("chainguid", rb'"a\u0000b"'), "bad_character", id="J15-guid"),
        pytest.param(with_value("newvalue", rb'"a\u0000"', "field"), "bad_character", id="J15-value"),
        pytest.param(with_value("extra", rb'"\u0000"'), "bad_character", id="J15-unknown-field"),
        pytest.param(with_value("extra", rb'[{"\u0000":1}]'), "bad_character", id="J15-nested-key"),
        pytest.param(with_value("newvalue", rb'"\ud800"', "field"), "bad_character", id="J16"),
        pytest.param(with_value("newvalue", rb'"\ude00\ud83d"', "field"), "bad_character", id="J16-swapped"),
        pytest.param(with_value("extra", rb'"\ud800x"'), "bad_character", id="J16-unknown-field"),
        pytest.param(with_value("newvalue", b'"a\tb"', "field"), "not_json", id="J17-tab"),
        pytest.param(with_value("newvalue", b'"a\0b"', "field"), "not_json", id="J17-NUL"),
        pytest.param(with_value("extra", b'"a\x1bb"'), "not_json", id="J17-unknown-field"),
        pytest.param(with_value("extra", b'{"a":"\xe9"}'), "not_utf8", id="J18-latin-1"),
        pytest.param(with_value("extra", b'"\xe9"'), "not_utf8", id="J18-flat"),
        pytest.param(CHAIN[:-1] + b',"\xe9":1}', "not_utf8", id="J18-key"),
        pytest.param(with_value("extra", b'"\xc0\x80"'), "not_utf8", id="J18-overlong"),
        pytest.param(with_value("extra", b"[" * 500 + b"]" * 500), "too_deep", id="J19"),
        pytest.param(with_value("extra", b'{"a":' * 33 + b"1" + b"}" * 33), "too_deep", id="J19-33"),
        pytest.param(with_value("extra", b"[" * 100_000 + b"]" * 100_000), "too_deep", id="J20"),
        pytest.param(with_value("extra", b"[" * 100_000), "too_deep", id="J20-unclosed"),
        pytest.param(
            with_value("newvalue", b'"%s"' % (b"x" * MAX_LINE), "field"), "line_too_long", id="J21-1MiB"
        ),
        pytest.param(with_value("extra", b"1" * MAX_LINE), "line_too_long", id="J21-unknown-field"),
        pytest.param(
            with_value("newvalue", b'"%s"' % (b"x" * 20 * 2**20), "field"), "line_too_long", id="J21-20MiB"
        ),
        pytest.param(line(event("chain") | {f"k{n}": 1 for n in range(10_000)}), "bad_keys", id="J22-10000"),
        pytest.param(CHAIN[:-1] + b',"%s":1}' % (b"k" * 65_536), "bad_keys", id="J22-64kB"),
        pytest.param(CHAIN[:-1] + b',"":1}', "bad_keys", id="J22-empty"),
        pytest.param(CHAIN[:-1] + b',"x":[{"":1}]}', "bad_keys", id="J22-empty-nested"),
        pytest.param(header(3), "header_repeated", id="J34"),
        pytest.param(CHAIN.replace(b'"chain"', b'"caravan"'), "unknown_type", id="type-unknown"),
        pytest.param(CHAIN.replace(b'"chain"', b'"Chain"'), "unknown_type", id="type-case"),
        pytest.param(CHAIN.replace(b'"chain"', b"5"), "unknown_type", id="type-number"),
        pytest.param(CHAIN.replace(b'"chain"', b'["chain"]'), "unknown_type", id="type-array"),
        pytest.param(CHAIN.replace(b'"type"', b'"kind"'), "unknown_type", id="type-missing"),
        pytest.param(b"{}", "unknown_type", id="empty-object"),
        pytest.param(line(event("call")), "type_not_of_source", id="type-of-another-source"),
    ],
)
def test_a_bad_line_is_rejected_alone(text: bytes, expected: str) -> None:
    assert reason(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CHAIN.replace(b"257", b"0"), id="J12-zero-is-a-code"),
        pytest.param(with_value("cause", b"2147483647"), id="J12-2^31-1"),
        pytest.param(with_value("extra", b"[" * 31 + b"]" * 31), id="J19-32"),
        pytest.param(b" \t" + CHAIN + b" \r", id="F16-CRLF"),
        pytest.param(CHAIN.replace(b",", b"\r,\t"), id="F16-lone-CR"),
    ],
)
def test_the_last_good_value_still_loads(text: bytes) -> None:
    loads(text)


@pytest.mark.parametrize("type_", EVENTS)
@pytest.mark.parametrize("more", [b"", b',"extra":1', b',"dsseq":7'])
def test_a_line_names_its_type_though_its_source_sends_no_other(type_: str, more: bytes) -> None:
    named = line(event(type_))
    text = named.replace(b'"type":"%s",' % type_.encode(), b"")
    assert text != named
    assert reason(text[:-1] + more + b"}", EVENTS[type_][0]) in ("unknown_type", "duplicate_key")


def test_limits_of_a_metric_value() -> None:
    assert loads(line(event("metric", value=2**63 - 1))).value == 2**63 - 1


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        pytest.param(b'"extra":1', ["extra"], id="J7"),
        pytest.param(b'"extra":{"type":"x","seq":[1,null]},"more":"a:b"', ["extra", "more"], id="J7-nested"),
        pytest.param(b'"a b":" : ","c":"\\u00e9"', ["a b", "c"], id="J7-escapes"),
        pytest.param('"é":"€"'.encode(), ["é"], id="J7-not-ASCII"),
        pytest.param(b'":seq":1', [":seq"], id="J7-colon"),
        pytest.param(rb'"x\"; drop table idb.go_chain; --\n' + b"y" * 64 + b'":1', None, id="J23"),
    ],
)
@pytest.mark.parametrize("repeat", [1, 3])
def test_unknown_fields_are_kept_out_and_counted(extra: bytes, names: list[str] | None, repeat: int) -> None:
    text = CHAIN[:-1] + b"," + extra + b"}"
    events, rejected, unknown = read(batch([text] * repeat))
    assert not rejected
    assert len(events) == repeat
    names = names or list(json.loads(b"{" + extra + b"}"))
    assert unknown == {f"chain.{name}": repeat for name in names}


@pytest.mark.parametrize(
    ("seen", "text", "expected"),
    [
        pytest.param(b'"x":"e"', b'"x":"\xe9"', "not_utf8", id="J18"),
        pytest.param(b'"x":1', b'"x":1e400', "out_of_range", id="J14"),
        pytest.param(b'"x":1', b'"x" : -%s' % (b"1" * 5000), "out_of_range", id="J13"),
        pytest.param(b'"x":1', b'"x":[[1e400]]', "out_of_range", id="J14-array"),
        pytest.param(b'"x":1', b'"x":' + b"[" * 40 + b"]" * 40, "too_deep", id="J19"),
        pytest.param(b'"x":1', b'"x":' + b"1" * MAX_LINE, "line_too_long", id="J21"),
        pytest.param(b'"x":""', b'"x":5,"":1', "bad_keys", id="J22"),
        pytest.param(b'"x":"a"', b'"x":"\\u0000"', "bad_character", id="J15"),
        pytest.param(b'"x":1,"y":2', b'"x":{"y":2}', ["chain.x"], id="nested"),
        pytest.param(b'"x":1', b'"x":"{\\"seq\\":1}"', ["chain.x"], id="quoted"),
        pytest.param(b'"x":1', b'"x":"y:z"', ["chain.x"], id="colon"),
    ],
)
def test_a_line_is_judged_the_same_after_one_of_its_shape(seen: bytes, text: bytes, expected: Any) -> None:
    seen, text = (CHAIN[:-1] + b"," + more + b"}" for more in (seen, text))
    _, rejected, before = read(batch([seen, seen]))
    assert not rejected
    _, rejected, after = read(batch([seen, seen, text]))
    assert [str(bad.reason) for bad in rejected] == ([expected] if isinstance(expected, str) else [])
    if isinstance(expected, list):
        assert after - before == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("type_", EVENTS)
@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("spaces", [True, False])
def test_the_common_line_costs_no_second_parse(
    type_: str, optional: bool, spaces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"endpointdn": "8001"} if type_ == "party" and optional else {}  # no colon in a value
    text = line(event(type_, optional=optional, **changes), spaces=spaces)
    monkeypatch.setattr(decode, "examine", None)
    monkeypatch.setattr(decode, "_shape", None)
    loads(text, EVENTS[type_][0])


def test_a_renamed_field_shows_among_the_unknown_ones_though_its_line_is_rejected_j9() -> None:
    _, rejected, unknown = read(batch([CHAIN.replace(b'"seq"', b'"sequence"')]))
    assert [(str(bad.reason), bad.detail) for bad in rejected] == [("missing_field", "`seq`")]
    assert unknown == {"chain.sequence": 1}


def test_unknown_names_without_end_cost_no_memory_without_end() -> None:
    lines = [line(event("chain", **{f"extra{n}": 1})) for n in range(3000)]
    _, rejected, unknown = read(batch(lines))
    assert not rejected
    assert len(unknown) == 1001
    assert unknown["chain.*"] == 2000
    assert all(len(plan.shapes) <= decode._SHAPES_KEPT for plan in decode._PLANS.values())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("\\N \\. \t \n \\ \" ' \x01\x02\x7f", id="J24"),
        pytest.param("", id="J25-empty"),
        pytest.param("=cmd|'/c calc'!A1", id="J31"),
        pytest.param("\x1b[31mred\r\nforged line", id="J32"),
        pytest.param("<script>alert(1)</script> [x](javascript:1)", id="J33"),
        pytest.param("two\u2028lines\x85\x0b\x0c", id="F16-U+2028"),
        pytest.param("😀 é", id="not-ASCII"),
        pytest.param("null", id="word-null"),
        pytest.param(r"\u0000", id="a-backslash-and-u0000"),
        pytest.param('"seq":7,"x":null', id="JSON-in-a-value"),
        pytest.param("x" * 4001, id="longer-than-the-IDB-keeps"),
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_value_is_data_and_loads_as_it_came(value: str, ascii_only: bool) -> None:
    sent = event("field", newvalue=value, oldvalue=None)
    found = loads(json.dumps(sent, ensure_ascii=ascii_only).encode())
    assert found.newvalue == value
    assert found.oldvalue is None


BAD_GUIDS = [
    pytest.param(f" {GUID}", id="J26-leading-space"),
    pytest.param(f"{GUID}\u00a0", id="J26-no-break-space"),
    pytest.param("\uff11" * 32, id="J26-full-width-digits"),
    pytest.param(f"{GUID[:-1]}\u0410", id="J26-homoglyph"),
    pytest.param("A B", id="J27-inner-space"),
    pytest.param("A\x01B", id="J27-control"),
    pytest.param("A\x7fB", id="J27-DEL"),
    pytest.param("Aé", id="J27-not-ASCII"),
    pytest.param("x" * 65, id="J27-65"),
    pytest.param(f"{GUID}\n", id="J28"),
    pytest.param("0" * 32, id="J30-zeros"),
    pytest.param("0", id="J30-one-zero"),
    pytest.param("00000000-0000-0000-0000-000000000000", id="J30-zeros-and-dashes"),
    pytest.param("{00000000-0000-0000-0000-000000000000}", id="J30-braces"),
    pytest.param("---", id="J30-dashes"),
    pytest.param("", id="J30-empty"),
]


@pytest.mark.parametrize("guid", BAD_GUIDS)
@pytest.mark.parametrize("field", ["chainguid", "sessid", "callattid"])
@pytest.mark.parametrize("spaces", [True, False])
def test_a_bad_guid_is_rejected(guid: str, field: str, spaces: bool) -> None:
    assert reason(line(event("chain", **{field: guid}), spaces=spaces)) == "bad_guid"


@pytest.mark.parametrize(
    "guid",
    [GUID.lower(), f"{{{GUID}}}", "0b-0", "{0-1}", "0{", "!~", "x" * 64, "a/b:c", "0" * 31 + "1", 'a"b\\c'],
)
@pytest.mark.parametrize("spaces", [True, False])
def test_an_unusual_guid_is_an_identity_of_its_own_j29(guid: str, spaces: bool) -> None:
    assert loads(line(event("chain", chainguid=guid), spaces=spaces)).chainguid == guid


def test_a_callid_has_fifty_characters() -> None:
    assert loads(line(event("chain_call", callid="x" * 50))).callid == "x" * 50
    assert reason(line(event("chain_call", callid="x" * 51))) == "bad_guid"


@pytest.mark.parametrize(
    ("type_", "field", "limit"),
    [
        ("record", "contactinfo", 128), ("record", "tzname", 64), ("party", "endpointdn", 255),
        ("userdata", "keyname", 255), ("userdata", "value", 255), ("object", "name", 255),
    ],
)  # fmt: skip
def test_a_string_too_long_is_rejected(type_: str, field: str, limit: int) -> None:
    source = EVENTS[type_][0]
    letter = "x" if field == "tzname" else "é"
    assert getattr(loads(line(event(type_, **{field: letter * limit})), source), field) == letter * limit
    assert reason(line(event(type_, **{field: letter * (limit + 1)})), source) == "too_long"


@pytest.mark.parametrize(
    ("type_", "field"),
    [
        ("connection", "state"), ("call", "change"), ("call", "media"), ("party", "change"),
        ("party", "role"), ("party", "state"), ("userdata", "change"), ("object", "kind"),
        ("object", "status"),
    ],
)  # fmt: skip
def test_words_of_the_contract_are_a_closed_set_e14(type_: str, field: str) -> None:
    assert reason(line(event(type_, **{field: "novel"})), EVENTS[type_][0]) == "not_a_value"


def test_unknown_codes_load_as_they_came_e14() -> None:
    found = loads(line(event("chain", state=99, cause=65_535, cpdresult=1000)))
    assert (found.state, found.cause, found.cpdresult) == (99, 65_535, 1000)


@pytest.mark.parametrize("metric", ["two words", "", "naïve", "x" * 65])
def test_a_metric_is_named_by_a_word(metric: str) -> None:
    assert reason(line(event("metric", metric=metric))) in ("not_a_value", "too_long")


@pytest.mark.parametrize("tzname", ["Europe/Lisbon\n", "a b", "", "../../etc/passwd;"])
def test_a_time_zone_has_the_shape_of_a_name(tzname: str) -> None:
    assert reason(line(event("record", tzname=tzname))) == "not_a_value"


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        ("tenant", "dbid name"), ("field", "dbid name"), ("campaign_list", "campaignid callinglistid"),
        ("campaign_group", "campaignid groupid"), ("format_field", "formatid fieldid"),
    ],
)  # fmt: skip
def test_each_kind_of_object_has_its_required_fields(kind: str, needs: str) -> None:
    fields = dict.fromkeys(needs.split(), 5) | ({"name": "n"} if "name" in needs else {})
    whole = {"type": "object", "ts": TS, "kind": kind, "status": "active", **fields}
    assert loads(line(whole), "config").kind == kind
    for field in fields:
        for broken in ({**whole, field: None}, {key: whole[key] for key in whole if key != field}):
            assert reason(line(broken), "config") == "missing_field"


@pytest.mark.parametrize("source", ["ocs", "tserver", "ixn", "config"])
@pytest.mark.parametrize("type_", EVENTS)
def test_a_source_sends_the_types_that_the_contract_gives_it(source: str, type_: str) -> None:
    cti = source in ("tserver", "ixn")
    allowed = (
        source != "config" if type_ == "connection" else EVENTS[type_][0] == ("tserver" if cti else source)
    )
    assert reason(line(event(type_)), source) == (None if allowed else "type_not_of_source")


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        pytest.param("1795339200", "bad_time", id="E17-seconds"),
        pytest.param("1795339200123000", "bad_time", id="E17-micros"),
        pytest.param("1795339200123000000", "bad_time", id="E17-nanos"),
        pytest.param("-1", "bad_time", id="E19-negative"),
        pytest.param("946684799999", "bad_time", id="E19-1999"),
        pytest.param("4102444800000", "bad_time", id="E19-2100"),
        pytest.param('"2026-11-22T09:20:00.123"', "bad_time", id="E18-no-Z"),
        pytest.param('"2026-11-22T09:20:00Z"', "bad_time", id="E18-no-milliseconds"),
        pytest.param('"2026-11-22T09:20:00.12Z"', "bad_time", id="E18-hundredths"),
        pytest.param('"2026-11-22T09:20:00.123456Z"', "bad_time", id="E18-micros"),
        pytest.param('"2026-11-22T09:20:00.123+00:00"', "bad_time", id="E18-offset"),
        pytest.param('"2026-11-22 09:20:00.123Z"', "bad_time", id="E18-space"),
        pytest.param('"2026-11-22t09:20:00.123z"', "bad_time", id="E18-lower-case"),
        pytest.param('"2026-11-22T09:20:00.123Z\\n"', "bad_time", id="E18-newline"),
        pytest.param('"\uff12026-11-22T09:20:00.123Z"', "bad_time", id="J26-full-width-digit"),
        pytest.param('"2026-11-22T09:20:0\uff11.123Z"', "bad_time", id="J26-full-width-second"),
        pytest.param('"2026-11-22T09:20:00.+12Z"', "bad_time", id="E18-sign"),
        pytest.param('"2026-02-29T09:20:00.123Z"', "bad_time", id="no-such-day"),
        pytest.param('"2026-11-22T24:00:00.000Z"', "bad_time", id="no-such-hour"),
        pytest.param('"2026-11-22T09:20:60.000Z"', "bad_time", id="E20-60-in-mid-day"),
        pytest.param('"2016-12-31T23:59:61.000Z"', "bad_time", id="E20-61"),
        pytest.param('"1970-01-01T00:00:00.000Z"', "bad_time", id="E19-1970"),
        pytest.param('"2200-01-01T00:00:00.000Z"', "bad_time", id="E19-2200"),
        pytest.param('"9999-12-31T23:59:59.999Z"', "bad_time", id="E19-9999"),
        pytest.param('"2026-11-23T12:00:00.001Z"', "time_in_future", id="E19-horizon"),
        pytest.param("1795435200001", "time_in_future", id="E19-horizon-ms"),
    ],
)
@pytest.mark.parametrize("field", ["ts", "prevts"])
def test_a_bad_time_is_rejected(ts: str, expected: str, field: str) -> None:
    assert reason(with_value(field, ts.encode())) == expected


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        pytest.param(TS, TS_MS, id="string"),
        pytest.param(TS_MS, TS_MS, id="ms"),
        pytest.param("2000-01-01T00:00:00.000Z", 946_684_800_000, id="first"),
        pytest.param("2026-11-23T12:00:00.000Z", 1_795_435_200_000, id="E19-horizon"),
        pytest.param("2016-12-31T23:59:60.250Z", 1_483_228_800_250, id="E20-leap-second"),
        pytest.param("2024-02-29T23:59:59.999Z", 1_709_251_199_999, id="leap-day"),
        pytest.param("2026-03-29T01:30:00.000Z", 1_774_747_800_000, id="E20-DST-gap-of-Europe"),
        pytest.param("2026-10-25T01:30:00.000Z", 1_792_891_800_000, id="E20-DST-overlap-of-Europe"),
    ],
)
def test_a_time_becomes_epoch_milliseconds(ts: Any, expected: int) -> None:
    for _ in range(2):  # the second time out of the cache
        found = loads(line(event("chain", ts=ts, prevts=ts)))
        assert (found.ts, found.prevts) == (expected, expected)


def test_no_value_of_a_rejected_line_stands_in_its_detail() -> None:
    secret = "4111-secret"
    fields = [field for field in event("field") if field not in ("newvalue", "oldvalue")]
    lines = [line(event("field", **{field: secret})) for field in fields]
    lines += [text.encode() for text in (secret, f'{{"type":"{secret}"}}', f'{{"{secret}":1,"{secret}":2}}')]
    lines += [line(event("chain", chainguid=f"{secret} {ATTEMPT}")), line(event("chain", ts=secret))]
    _, rejected, _ = read(batch(lines))
    assert len(rejected) >= 10
    assert not [bad for bad in rejected if "secret" in bad.detail or "4111" in bad.detail]


def test_quarantine_storm_keeps_every_line_r34() -> None:
    events, rejected, _ = read(batch([b"bad"] * 20_000 + [CHAIN]))
    assert len(rejected) == 20_000
    assert [number for number, _ in events] == [20_002]
    assert [bad.line for bad in rejected] == list(range(2, 20_002))


def test_a_long_batch_comes_in_chunks_in_order() -> None:
    lines = [line(event("chain", seq=seq)) for seq in range(1, 20_001)]
    chunks = list(Decoder(opened(batch(lines)), NOW).chunks())
    assert len(chunks) > 1
    found = [(number, found.seq) for chunk in chunks for number, found in chunk.events]  # type: ignore[attr-defined]
    assert found == [(seq + 1, seq) for seq in range(1, 20_001)]


def test_a_decoded_event_is_immutable() -> None:
    with pytest.raises(AttributeError):
        loads(CHAIN).seq = 5
    assert msgspec.structs.astuple(loads(CHAIN))


@pytest.mark.parametrize(
    "bad", [with_value("chainguid", b'"000"'), b"{", b"[]", line({**event("chain"), "type": "?"})]
)
def test_a_bad_line_does_not_keep_its_block_in_memory(bad: bytes) -> None:
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        assert reason(bad)
        gc.collect()
        assert not [found for found in gc.garbage if isinstance(found, types.FrameType)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
