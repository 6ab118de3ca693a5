"""Calls to storage that may never return (a server of files that is away): a limit to the wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from icon_assets.contract.reasons import Reason, Unreadable

# For one piece of a file, a MiB: 4 kB/s, and a file server that fails over is back within two minutes.
PIECE_SECONDS = 300.0
# For all names, five million of which an object store tells in 500 s.
LISTING_SECONDS = 1800.0
_T = TypeVar("_T")


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """What `call` returns or raises; Unreadable (STALLED) where it takes longer than `seconds`.

    The call goes on in a thread of its own, which is left behind, as nothing can end it: a daemon, so that
    the program can end without it. A child process would be left behind as well, and costs more.
    """
    result: Future[_T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, name="storage", daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        if result.done():  # the call's own: ETIMEDOUT
            raise
        raise Unreadable(Reason.STALLED, f"{seconds:.0f} s") from None
