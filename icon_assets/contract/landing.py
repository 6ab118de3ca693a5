"""The landing zone: which files wait there, and opening one safely. A folder or any fsspec URL."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from icon_assets.contract import patience
from icon_assets.contract.inflate import Read
from icon_assets.contract.patience import within
from icon_assets.contract.reader import Batch
from icon_assets.contract.reasons import FileProblem, Incomplete, LandingError, Reason, Refused, Unreadable

_T = TypeVar("_T")
_PIECE = 2**20
SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")
# What fsspec's object stores call the things that change with the content.
_VERSION_KEYS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A batch file as listed. path: relative to the landing zone, with `/`; of a bad name its ascii() form.

    version: changes when the file does. problem: why it must not, or cannot, even be opened.
    """

    path: str
    size: int
    version: str
    problem: FileProblem | None = None


class Landing:
    """A folder or object-store prefix that batches arrive in. url: a path or any fsspec URL."""

    def __init__(self, url: str) -> None:
        self._shown = re.sub(r"//[^/@]*@", "//***@", url)
        try:
            self._fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise LandingError(
                f"Landing zone {self._shown}: {type(error).__name__}; set ICON_LANDING_URL to a folder, or "
                "to an fsspec URL whose driver (s3fs, gcsfs, adlfs, ...) is installed."
            ) from None
        self._root = str(root)
        self._local = isinstance(self._fs, LocalFileSystem)
        # The drivers of object stores raise exceptions of their own.
        self._errors: type[Exception] = OSError if self._local else Exception

    def list(self) -> Iterator[LandingFile]:
        """Every batch file, by name; hidden and temporary names left out, bad ones with their problem.

        LandingError if the landing zone itself cannot be listed.
        """

        def found() -> list[LandingFile]:
            return [*(self._list_folder(self._root, ()) if self._local else self._list_store())]

        try:
            yield from within(patience.LISTING_SECONDS, found)
        except Unreadable as stalled:
            raise LandingError(
                f"Landing zone {self._shown}: no answer for {stalled.detail}; see what its storage does"
            ) from None
        except self._errors as error:
            raise LandingError(
                f"Landing zone {self._shown}: {_name_of(error)}; create it, or let this user read it, or set "
                "ICON_LANDING_URL."
            ) from None

    @contextmanager
    def open(self, file: LandingFile) -> Iterator[Batch]:
        """The batch in a listed file, its header read.

        Raises Incomplete, Refused or Unreadable, here and while the batch is read.
        """
        problem = file.problem or _name_problem(tuple(file.path.split("/")))
        if problem:
            raise problem
        with self._open_local(file.path) if self._local else self._open_stored(file.path) as batch:
            yield batch

    def _list_folder(self, folder: str, parents: tuple[str, ...]) -> Iterator[LandingFile]:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            parts = (*parents, entry.name)
            batch = entry.name.endswith(SUFFIXES)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False) and not batch:
                yield from self._list_inner(entry.path, parts)
            elif batch:
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                problem = _name_problem(parts) or _kind_problem(found)
                yield _listed(parts, found.st_size, f"{found.st_size}-{found.st_ctime_ns}", problem)

    def _list_inner(self, folder: str, parts: tuple[str, ...]) -> Iterator[LandingFile]:
        """One folder that cannot be read does not keep the others from being listed."""
        try:
            yield from self._list_folder(folder, parts)
        except FileNotFoundError:
            return
        except OSError as error:
            yield LandingFile(ascii("/".join(parts)), 0, "", Unreadable(Reason.OS_ERROR, _name_of(error)))

    def _list_store(self) -> Iterator[LandingFile]:
        found = self._fs.find(self._root, detail=True)
        for path in sorted(found):
            parts = tuple(path[len(self._root) :].strip("/").split("/"))
            if parts[-1].endswith(SUFFIXES) and not any(part.startswith(".") for part in parts):
                size = int(found[path].get("size") or 0)
                yield _listed(parts, size, _version(found[path]), _name_problem(parts))

    @contextmanager
    def _open_local(self, path: str) -> Iterator[Batch]:
        descriptor = self._ask(lambda: _open_beneath(self._root, path.split("/")))
        try:
            before = self._ask(lambda: os.fstat(descriptor))
            if problem := _kind_problem(before):
                raise problem

            def unchanged() -> None:
                now, there = self._ask(lambda: (os.fstat(descriptor), Path(self._root, path).lstat()))
                if (there.st_dev, there.st_ino) != (before.st_dev, before.st_ino):
                    raise Unreadable(Reason.REPLACED)
                if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                    raise Incomplete(Reason.FILE_GREW)

            yield Batch(self._reading(lambda size: os.read(descriptor, size)), unchanged)
        finally:
            os.close(descriptor)

    @contextmanager
    def _open_stored(self, path: str) -> Iterator[Batch]:
        key = f"{self._root}/{path}"
        before = self._ask(lambda: _version(self._fs.info(key)))
        stored = self._ask(lambda: self._fs.open(key, "rb", compression=None))

        def unchanged() -> None:
            if self._ask(lambda: _version(self._fs.info(key))) != before:
                raise Unreadable(Reason.REPLACED)

        with stored:
            yield Batch(self._reading(stored.read), unchanged)

    def _reading(self, read: Read) -> Read:
        """The same bytes, asked for in large pieces."""
        pending = memoryview(b"")

        def next_bytes(size: int) -> bytes:
            nonlocal pending
            if not pending:
                pending = memoryview(self._ask(lambda: read(_PIECE)))
            piece, pending = pending[:size], pending[size:]
            return bytes(piece)

        return next_bytes

    def _ask(self, call: Callable[[], _T]) -> _T:
        """Faults on the way to a file become Unreadable, or Refused where they show that it is no file."""
        try:
            return within(patience.PIECE_SECONDS, call)
        except FileProblem:
            raise
        except FileNotFoundError:
            raise Unreadable(Reason.GONE) from None
        except self._errors as error:
            if isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
                raise Refused(Reason.NOT_REGULAR, _name_of(error)) from None
            raise Unreadable(Reason.OS_ERROR, _name_of(error)) from None


def _listed(parts: tuple[str, ...], size: int, version: str, problem: Refused | None) -> LandingFile:
    path = "/".join(parts)
    bad_name = problem is not None and problem.reason is Reason.BAD_NAME
    return LandingFile(ascii(path) if bad_name else path, size, version, problem)


def _name_problem(parts: tuple[str, ...]) -> Refused | None:
    if all(_NAME.fullmatch(part) for part in parts) and parts[-1].endswith(SUFFIXES):
        return None
    return Refused(Reason.BAD_NAME)


def _kind_problem(found: os.stat_result) -> Refused | None:
    """Links share their content with a name that this process cannot see, pipes and devices never end."""
    if not stat.S_ISREG(found.st_mode):
        return Refused(Reason.NOT_REGULAR, stat.filemode(found.st_mode)[0])
    if found.st_nlink > 1:
        return Refused(Reason.NOT_REGULAR, f"{found.st_nlink} hard links")
    return None


def _open_beneath(root: str, parts: list[str]) -> int:
    """Opens root/part/.../part for reading without following a link below root, or blocking on a pipe."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


def _name_of(error: Exception) -> str:
    """EACCES and the like; never the text, which may quote paths and credentials."""
    return errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)


def _version(info: dict[str, Any]) -> str:
    return "-".join(str(info[key]) for key in ("size", *_VERSION_KEYS) if info.get(key) is not None)
