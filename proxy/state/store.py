"""What the daemon remembers across restarts: small JSON documents in the state folder.

A folder that cannot be used costs the memory across restarts and nothing else:
documents then live as long as the process, and one log line says so. A document
that exists and cannot be read is another matter: what stands in it may forbid
something, so it is an error and never an empty document.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.state.folder import write_private

_log = logging.getLogger(__name__)


class Unreadable(Exception):
    """A document exists, but its content cannot be known: damaged, or closed to this user."""


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A document that could not be written, and what its file held then."""

    document: dict[str, Any]
    found: bytes | str | None


class StateStore:
    """JSON objects by file name; a path that is absolute is used as it is."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None
        self._unsaved: dict[str, _Unsaved] = {}
        self._complained = False

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
            return
        try:
            write_private(path, json.dumps(document).encode())
        except OSError as exc:
            self._unsaved[name] = _Unsaved(document, _content(path))
            self._complain("state cannot be kept", path, str(exc))
        else:
            self._unsaved.pop(name, None)

    def update(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change keys of a document and leave the others as they are; None removes a key. Raises Unreadable."""
        changed = {**self.read(name), **changes}
        self.write(
            name, {key: value for key, value in changed.items() if value is not None or key not in changes}
        )

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
