"""Pieces of event lines as JSON text.

Lines are built by hand, since this is the inner loop: an encoder over dictionaries takes more than twice as
long (measured on chain notices). GUIDs, codes and numbers need no escaping; free text goes through `text`.
"""

from __future__ import annotations

import msgspec

_encode = msgspec.json.Encoder().encode


def text(value: str | None) -> str:
    """A JSON string, or null."""
    return "null" if value is None else _encode(value).decode()


def optional(**fields: int | str | None) -> str:
    """`,"name":value` for each that is not None; strings must need no escaping."""
    return "".join(
        f',"{name}":{value}' if isinstance(value, int) else f',"{name}":"{value}"'
        for name, value in fields.items()
        if value is not None
    )
