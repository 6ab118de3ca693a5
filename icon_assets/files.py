"""Directories and small files that several processes share: locks between them, and private secrets."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from icon_assets.errors import UserError


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Makes `path`, which is under `var`, unless it is there. Raises UserError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=mode, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot make {path}: {error.strerror}. Set ICON_VAR to a directory you may write."
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on `path`; the kernel drops it however the process ends."""
    make_directory(path.parent)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, text: str, mode: int = 0o666) -> None:
    """Writes `path` as a whole or not at all; who may read it is for `mode` and the umask to say."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)


def write_private(path: Path, text: str) -> None:
    """Writes `path` as a whole or not at all, readable by its owner only."""
    write_whole(path, text, 0o600)
