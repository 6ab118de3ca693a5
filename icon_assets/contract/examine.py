"""The exact check of one line: slow (tens of microseconds), so the decoder asks it about odd lines only."""

from __future__ import annotations

import json
import re
from typing import Any

from icon_assets.contract.events import GUID_FIELDS, TIME_FIELDS
from icon_assets.contract.reasons import Reason

MAX_DEPTH = 32
MAX_KEYS = 256
MAX_KEY = 255
# No number of the contract needs more; PostgreSQL's jsonb would take 131,000 digits (threats.md, J14).
MAX_DIGITS = 40

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_FIELD = re.compile(r"(.*) - at `\$\.(\w+)`", re.DOTALL)


class LineError(Exception):
    """Why one line is not taken. `detail` holds names and limits, never values."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def examine(line: bytes) -> dict[str, Any]:
    """The object on `line`. LineError if it is not one clean JSON object within the limits.

    Beyond json.loads this refuses what a later stage would choke on: duplicate keys, NaN, numbers out of all
    proportion, NUL characters, half surrogate pairs, deep nesting.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise LineError(Reason.NOT_UTF8, f"byte {error.start}") from None
    _check_depth(text)
    try:
        fields = json.loads(
            text,
            object_pairs_hook=_Keys(),
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        raise LineError(Reason.NOT_JSON, f"character {error.pos}") from None
    if not isinstance(fields, dict):
        raise LineError(Reason.NOT_OBJECT)
    if "\\u" in text:
        _check_characters(fields)
    return fields


def explain(message: str) -> tuple[Reason, str]:
    """Reason and detail of a msgspec ValidationError about a flat struct, without the values it may quote."""
    if missing := _MISSING.match(message):
        return Reason.MISSING_FIELD, f"`{missing[1]}`"
    found = _FIELD.fullmatch(message)
    if not found:
        return Reason.WRONG_TYPE, ""
    what, field = found.groups()
    if "got `null`" in what:
        return Reason.MISSING_FIELD, f"`{field}` is null"
    if what.startswith("Invalid enum value"):
        return Reason.NOT_A_VALUE, f"`{field}`"
    if what.startswith("Expected `str` of length <=") and field not in GUID_FIELDS:
        return Reason.TOO_LONG, f"`{field}`: {what}"
    if what.startswith(("Expected `str` of", "Expected `str` matching")):
        return (Reason.BAD_GUID if field in GUID_FIELDS else Reason.NOT_A_VALUE), f"`{field}`: {what}"
    if ", got " in what:
        return Reason.WRONG_TYPE, f"`{field}`: {what}"
    return (Reason.BAD_TIME if field in TIME_FIELDS else Reason.OUT_OF_RANGE), f"`{field}`: {what}"


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "{[" else -1
        if depth > MAX_DEPTH:
            raise LineError(Reason.TOO_DEEP, f"limit {MAX_DEPTH}")


class _Keys:
    """Builds the objects of one line, counting and checking their keys."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.count += len(pairs)
        if self.count > MAX_KEYS:
            raise LineError(Reason.BAD_KEYS, f"limit {MAX_KEYS} keys")
        fields = dict(pairs)
        if any(not 1 <= len(key) <= MAX_KEY for key in fields):
            raise LineError(Reason.BAD_KEYS, f"limit 1 to {MAX_KEY} characters")
        if len(fields) < len(pairs):
            raise LineError(Reason.DUPLICATE_KEY)
        return fields


def _no_constant(_: str) -> None:
    raise LineError(Reason.NOT_JSON, "NaN or Infinity")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise LineError(Reason.OUT_OF_RANGE, f"a number of more than {MAX_DIGITS} digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if len(digits) > MAX_DIGITS or number in (float("inf"), float("-inf")):
        raise LineError(Reason.OUT_OF_RANGE, "a number too long or too large")
    return number


def _check_characters(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise LineError(Reason.BAD_CHARACTER)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_characters(key)
            _check_characters(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_characters(inner)
