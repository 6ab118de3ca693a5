"""Storage that hangs, for tests: an fsspec file system in memory."""

from __future__ import annotations

import threading
from typing import Any
from unittest import mock

from fsspec.implementations.memory import MemoryFileSystem


class HangingFileSystem(MemoryFileSystem):
    """An object store that stops to answer, for the files (or the list) whose names say so."""

    protocol = "hanging"
    answers = threading.Event()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("hanging://", "memory://")))

    def _open(self, path: str, *args: Any, **more: Any) -> Any:
        file = super()._open(path, *args, **more)
        if "hang" not in path:
            return file
        hanging = mock.MagicMock(wraps=file, **{"__enter__.return_value": file})
        hanging.read = lambda size: (self.answers.wait(30), file.read(size))[1]
        return hanging

    def find(self, path: str, *args: Any, **more: Any) -> Any:
        if "list" in path:
            self.answers.wait(30)
        return super().find(path, *args, **more)
