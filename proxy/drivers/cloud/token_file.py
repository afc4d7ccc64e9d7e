"""A token file on disk: read, locked against other processes, replaced so that a crash loses nothing.

Reading and writing block and are called beside the event loop. A file is replaced in steps; whichever
of them is the last one before the power fails, the name leads to the old content or to the new one,
both complete.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from proxy.files import leave_to_owner

# Identifies a version of a file: inode, size and time of change.
Version: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A JSON object in a file that only its owner can read."""

    path: Path

    def version(self) -> Version | None:
        """Identify what the file holds now; None without a file."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def read(self) -> dict[str, Any]:
        """Return the object; a missing file is an empty one. Raises OSError, and ValueError for what is no object."""
        try:
            value = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - json.loads raises ValueError as well
        return value

    def write(self, document: dict[str, Any]) -> None:
        """Replace the file. Raises OSError; the old content is then still there."""
        for _ in self.replacing(document):
            pass

    def replacing(self, document: dict[str, Any]) -> Iterator[str]:
        """Replace the file, step by step; each step is named after it was done."""
        beside = self.path.with_name(f"{self.path.name}.new")  # one writer: see ``locked``
        content = json.dumps(document, indent=4).encode()
        try:
            with suppress(FileNotFoundError):
                beside.unlink()
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                leave_to_owner(handle, self.path)
                yield "created"
                file.write(content)
                file.flush()
                yield "written"
                os.fsync(file.fileno())
                yield "synchronised"
            beside.replace(self.path)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise
        yield "renamed"
        # The new name is on disk when its folder is.
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        yield "durable"

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the lock of this file against other processes; False if another one holds it. Raises OSError.

        The lock is a file of its own, because this one is replaced; making it shows that the folder can be written.
        """
        handle = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            leave_to_owner(handle, self.path)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)
