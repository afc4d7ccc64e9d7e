"""What the daemon remembers across restarts: small JSON documents in the state folder.

A folder that cannot be used costs the memory across restarts and nothing else:
documents then live as long as the process, and one log line says so.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from proxy.config.state import write_private

_log = logging.getLogger(__name__)


class Memory:
    """JSON objects by file name; a path that is absolute is used as it is."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None
        self._unsaved: dict[str, dict[str, Any]] = {}  # what could not be written
        self._complained = False

    def read(self, name: str) -> dict[str, Any]:
        """Return a document; an absent or broken file is an empty one.

        The file wins over what this process wrote to it: the owner may have removed it.
        """
        path = self._path(name)
        if path is None or name in self._unsaved:
            return self._unsaved.get(name, {})
        try:
            value = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as exc:
            self._complain(path, exc)
            return {}
        return value if isinstance(value, dict) else {}

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Replace a document."""
        self._unsaved[name] = document
        path = self._path(name)
        if path is None:
            return
        try:
            write_private(path, json.dumps(document).encode())
        except OSError as exc:
            self._complain(path, exc)
        else:
            del self._unsaved[name]

    def _path(self, name: str) -> Path | None:
        path = Path(name)
        if path.is_absolute():
            return path
        return self._folder / path if self._folder else None

    def _complain(self, path: Path, exc: Exception) -> None:
        if not self._complained:
            self._complained = True
            _log.warning("state cannot be kept", extra={"file": str(path), "reason": str(exc)})
