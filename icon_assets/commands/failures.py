"""What a user is told of an exception that they can mend: its cause and the remedy."""

from __future__ import annotations

import errno
import sys

from icon_assets.errors import UserError

_MACHINE = {
    errno.ENOSPC: "The disk is full. Free space there, or name another disk: ICON_VAR, ICON_LANDING_URL.",
    errno.EDQUOT: "Your disk quota is used up. Free space, or name another disk: ICON_VAR.",
    errno.EROFS: "That file system cannot be written. Set ICON_VAR to a directory you may write.",
    errno.EACCES: "Set ICON_VAR to a directory you may write, or run icon-assets as the user who may.",
    errno.EPERM: "Set ICON_VAR to a directory you may write, or run icon-assets as the user who may.",
    errno.ENOTDIR: "A file stands where a directory should be. Move it, or name another place.",
    errno.EMFILE: "Too many files are open. Raise the limit: ulimit -n 4096.",
}
# By SQLSTATE, or the class that is its first two characters.
_DATABASE = {
    "53100": "Its disk is full. Free space there; whatever was loaded before stays.",
    "53200": "It ran out of memory. Give the server more, or let other work there end first.",
    "53300": "It has no connection left. End other programs that use it, or raise its max_connections.",
    "42501": "The user of ICON_DATABASE_URL lacks a right. Let it own the database.",
    "25006": "It takes no writes: a standby, or default_transaction_read_only. Name the primary.",
    "57": "It is shutting down or starting up. Try again when it runs: icon-assets db status.",
    "08": "The connection broke. Check that its server runs: icon-assets db status.",
    "28": "It does not let that user in. Check the user and the password of ICON_DATABASE_URL.",
}


def explained(error: BaseException) -> str | None:
    """Cause and remedy, or None for what is no user's to mend, and is shown whole."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. {_MACHINE[error.errno]}"
    return _of_the_database(error)


def _of_the_database(error: BaseException) -> str | None:
    """Never the text of an error that has an SQLSTATE: it may quote rows."""
    psycopg = sys.modules.get("psycopg")
    if psycopg is None:  # nothing has asked a database yet
        return None
    cause = getattr(error, "orig", error)
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate
    if state is None and isinstance(cause, psycopg.OperationalError):
        return f"The connection to the database failed: {' '.join(str(cause).split())} {_DATABASE['08']}"
    remedy = _DATABASE.get(state or "") or _DATABASE.get((state or "")[:2])
    return f"The database refused ({type(cause).__name__}, SQLSTATE {state}). {remedy}" if remedy else None
