"""The header line of a batch and its checks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from icon_assets.contract.events import ALLOWED, TYPES, Code, Int
from icon_assets.contract.examine import LineError, examine, explain
from icon_assets.contract.reasons import Incomplete, Reason, Refused
from icon_assets.contract.times import TimeError, epoch_ms

CONTRACT = "ocs-events/1"

Source = Literal["ocs", "tserver", "ixn", "config"]
Identity = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[!-~]+\Z")]


class Header(Struct, frozen=True, kw_only=True):
    """What the first line says of the batch. batch is unique for ever within source, dbid and feed.

    sent: epoch milliseconds. events: lines that follow, blank ones not counted.
    """

    batch: Identity
    source: Source
    dbid: Int
    feed: Int | None = None
    release: Code
    sent: int | None = None
    events: Int
    first_dsseq: Int | None = None
    last_dsseq: Int | None = None


def parse_header(line: bytes, whole: bool) -> Header:
    """The header that `line` holds; `whole`: an LF followed it, so it is not half written.

    Incomplete where another line stands in its place or it is cut, Refused where it is a wrong header.
    """
    try:
        fields = examine(line)
    except LineError as error:
        if not whole:
            raise Incomplete(Reason.NO_HEADER, "the only line is cut") from None
        raise Refused(Reason.BAD_HEADER, f"{error.reason}: {error.detail}") from None
    type_, contract, source = (str(fields.get(name)) for name in ("type", "contract", "source"))
    if type_ in TYPES:
        raise Incomplete(Reason.NO_HEADER, "the first line is an event")
    if type_ != "batch":
        raise Refused(Reason.BAD_HEADER, '`type` is not "batch"')
    if contract != CONTRACT:
        raise Refused(Reason.UNKNOWN_CONTRACT, f"known: {CONTRACT}")
    if source not in ALLOWED:
        raise Refused(Reason.UNKNOWN_SOURCE, f"known: {', '.join(ALLOWED)}")
    try:
        if fields.get("sent") is not None:
            fields["sent"] = epoch_ms(fields["sent"], "sent")
    except (TimeError, TypeError):
        raise Refused(Reason.BAD_HEADER, f"`sent`: {Reason.BAD_TIME.text}") from None
    try:
        return msgspec.convert(fields, Header)
    except msgspec.ValidationError as error:
        _, detail = explain(str(error))
        raise Refused(Reason.BAD_HEADER, detail) from None
