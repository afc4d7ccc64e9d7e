"""The state of one gateway: small JSON documents in its folder, each replaced as a whole or not at all.

A folder that cannot be used costs what is kept across restarts and nothing else:
documents then live as long as the process, and one log line says so. A document
that exists and cannot be read is another matter: what stands in it may forbid
something, so it is an error and never an empty document.

Ownership: one writer. ``commit`` changes a document in the one thread of the store, in the
order of the calls; every change is made under a lock on the folder, so that two daemons on
one folder change a document one after the other, and each starts from what the other left
there. ``commit`` returns when the document is on the disk, and raises when it is not: what
must not be lost is used only after that.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, TypeVarTuple

from proxy.files import locked, write_private

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

Document: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Document], Document]


class Unreadable(Exception):
    """A document exists, but its content cannot be known: damaged, or closed to this user."""


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A document that could not be written, and what its file held then."""

    document: dict[str, Any]
    found: bytes | str | None


class StateStore:
    """JSON objects by file name; a path that is absolute is used as it is."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder) if folder else None
        self._unsaved: dict[str, _Unsaved] = {}
        self._complained = False
        # Is called with the name of a document and what it has become, in the thread that has changed it.
        self.changed: Callable[[str, Document], None] = lambda _, __: None
        self._lock = threading.RLock()
        self._held: dict[Path, int] = {}  # folders that are locked, by the holder of the lock
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")

    @property
    def folder(self) -> Path | None:
        """The folder of the documents; None if they live in memory only."""
        return self._folder

    @property
    def is_persistent(self) -> bool:
        """Say whether there is a folder at all."""
        return self._folder is not None

    def read(self, name: str) -> dict[str, Any]:
        """Return a document; an absent file is an empty one. Raises Unreadable.

        The file wins over what this process holds: the owner may have changed or removed
        it. What could not be written before is tried again.
        """
        path, held = self._path(name), self._unsaved.get(name)
        if path is None:
            return held.document if held else {}
        found = _content(path)
        if held is not None:
            if found == held.found:
                self.write(name, held.document)
                return held.document
            self._unsaved.pop(name, None)
        match found:
            case None:
                return {}
            case str(reason):
                raise self._unreadable(path, reason)
        try:
            document = json.loads(found)
        except (ValueError, RecursionError) as exc:
            raise self._unreadable(path, "it is damaged") from exc
        if not isinstance(document, dict):
            raise self._unreadable(path, "it is damaged")
        return document

    def recall(self, name: str) -> dict[str, Any]:
        """Return a document on which nothing depends that could do harm: one that is unreadable is empty."""
        try:
            return self.read(name)
        except Unreadable:
            return {}

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Replace a document, whatever its file held."""
        path = self._path(name)
        if path is None:
            self._unsaved[name] = _Unsaved(document, None)
            self.changed(name, document)
            return
        try:
            with self._locked(path) as handle:
                _replace(path, document, handle)
        except OSError as exc:
            self._unsaved[name] = _Unsaved(document, _content(path))
            self._complain("state cannot be kept", path, str(exc))
        else:
            self._unsaved.pop(name, None)
        self.changed(name, document)

    def update(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change keys of a document and leave the others as they are; None removes a key. Raises Unreadable."""
        path = self._path(name)
        with self._locked(path) if path else nullcontext():
            changed = {**self.read(name), **changes}
            self.write(
                name,
                {key: value for key, value in changed.items() if value is not None or key not in changes},
            )

    async def load(self, name: str) -> Document:
        """Return a document as ``read`` does, with every change that was requested before."""
        return await self.submit(self.read, name)

    async def commit(self, name: str, change: Change) -> Document:
        """Replace a document by what ``change`` makes of it; return it when it is on the disk.

        ``change`` runs in the writing thread. A caller that is cancelled gives up waiting, not the
        change. Raises OSError and Unreadable.
        """
        return await self.submit(self._change, name, change)

    async def close(self) -> None:
        """Return when every change that was requested is on the disk, or has failed. No more may follow."""
        await self.submit(lambda: None)
        self._writer.shutdown(wait=False)

    def submit(self, call: Callable[[*_Ts], _T], *arguments: *_Ts) -> asyncio.Future[_T]:
        """Call something that reads or writes in the writing thread, after all that was requested before.

        It happens also when no caller waits for it any more.
        """
        return asyncio.shield(asyncio.get_running_loop().run_in_executor(self._writer, call, *arguments))

    def _change(self, name: str, change: Change) -> Document:
        path = self._path(name)
        if path is None:
            raise FileNotFoundError(errno.ENOENT, "there is no state folder")
        try:
            with self._locked(path) as handle:
                document = change(self.read(name))
                _replace(path, document, handle)
        except OSError as exc:
            self._complain("state cannot be kept", path, str(exc))
            raise
        self.changed(name, document)
        return document

    @contextmanager
    def _locked(self, path: Path) -> Iterator[int | None]:
        """Keep other threads and processes from changing documents; yields a handle of the folder, if there is one."""
        folder = path.parent
        with self._lock, ExitStack() as stack:
            if folder not in self._held:
                with suppress(OSError):  # then writing fails, and says why
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    self._held[folder] = stack.enter_context(locked(folder))
                    stack.callback(self._held.pop, folder)
            yield self._held.get(folder)

    def beside(self, file: str, name: str) -> str:
        """Name a document of this store; without a folder it stands beside a file that the operator named."""
        return name if self._folder or not file else str(Path(file).with_name(name))

    def _path(self, name: str) -> Path | None:
        path = Path(name)
        if path.is_absolute():
            return path
        return self._folder / path if self._folder else None

    def _unreadable(self, path: Path, reason: str) -> Unreadable:
        self._complain("state cannot be read", path, reason)
        return Unreadable(f"{path} cannot be read ({reason})")

    def _complain(self, event: str, path: Path, reason: str) -> None:
        if not self._complained:
            self._complained = True
            _log.warning(event, extra={"file": str(path), "reason": reason})


def _replace(path: Path, document: Document, folder: int | None) -> None:
    write_private(path, json.dumps(document).encode())
    if folder is not None:
        os.fsync(folder)  # the new name of the file, too


def _content(path: Path) -> bytes | str | None:
    """Return what a file holds, None if there is none, or a text that says why that is not known."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        return (exc.strerror or type(exc).__name__).lower()
    except ValueError:  # a path that no file can have
        return None
