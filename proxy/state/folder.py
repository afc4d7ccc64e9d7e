"""The folder of what survives a restart: sessions, pins, certificates.

The folder is the owner's alone (0700), every file in it too (0600), and a file
is replaced as a whole or not at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.gateway_settings import DEFAULT_ID
from proxy.files import locked

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.config.settings import Settings


def state_problem(settings: Settings) -> str | None:
    """Make the state folder if it is missing; say why nothing can be kept there, or None.

    The daemon then runs all the same: it logs in again after each restart.
    """
    if not settings.state_path:
        return "No state folder: set PW_STATE_PATH, or every restart costs the gateway a login."
    folder = Path(settings.state_path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        return f"{folder} is not a folder: PW_STATE_PATH must name one."
    except OSError as exc:
        return f"{folder} cannot be made ({exc.strerror}): {_CURE}"
    try:
        for path, rights in _needed(settings):
            if path.exists() and not os.access(path, rights, effective_ids=True):
                return f"{path} {_obstacle(path)}"
    except OSError as exc:  # a folder on the path may not be entered
        return f"{exc.filename} cannot be looked at ({exc.strerror}): {_CURE}"
    return None


def _obstacle(path: Path) -> str:
    """Say why a path is closed to us and what opens it: no owner can write to a read-only file system."""
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"is on a read-only file system: {_LOSS} Mount it writable, or set PW_STATE_PATH."
    return f"is closed to user {os.geteuid()} (its owner is user {path.stat().st_uid}): {_CURE}"


def _needed(settings: Settings) -> Iterator[tuple[Path, int]]:
    """List what must be open to us, a folder before its files."""
    root = Path(settings.state_path)
    own = [Path(folder_of(settings.state_path, gateway.id)) for gateway in settings.gateways]
    sessions = [session_file(settings, gateway) for gateway in settings.gateways]
    folders = dict.fromkeys((root, *own, *(session.parent for session in sessions)))
    for folder in folders:
        yield folder, os.R_OK | os.W_OK | os.X_OK
    kept = (file for folder in (root, *own) if folder.is_dir() for file in folder.iterdir() if file.is_file())
    for file in dict.fromkeys((*sessions, *kept)):
        if not file.name.startswith(_FOREIGN):
            yield file, os.R_OK | os.W_OK


# Logins of the pypowerwall proxy's cloud modes, which often belong to root; they are not needed here.
_FOREIGN = ".pypowerwall."
_LOSS = "nothing is kept, so every restart costs the gateway a login."
_CURE = f"{_LOSS} Change its owner, or set PW_STATE_PATH."


def folder_of(root: str, gateway: str = DEFAULT_ID) -> str:
    """Name the folder of a gateway below the state folder, which itself is that of the one called default."""
    return root if gateway == DEFAULT_ID or not root else str(Path(root, "gateways", gateway))


def session_file(settings: Settings, gateway: GatewaySettings) -> Path:
    """Name the file of a gateway's session, where the pypowerwall proxy has that of its only one."""
    return Path(gateway.cache_file or Path(folder_of(settings.state_path, gateway.id), ".powerwall"))


def remove_leftovers(settings: Settings) -> None:
    """Remove the temporary files of writes that a kill or a power cut interrupted, and nothing else."""
    folders = [settings.state_path] if settings.state_path else []
    for gateway in settings.gateways:
        session = session_file(settings, gateway)
        _remove_temporary(session.parent, re.escape(session.name))
        folders.append(folder_of(settings.state_path, gateway.id))
    for folder in filter(None, dict.fromkeys(folders)):
        _remove_temporary(Path(folder), r"[a-z]+\.(?:json|pem)")


def _remove_temporary(folder: Path, name: str) -> None:
    temporary = re.compile(rf"\.{name}\.[a-z0-9_]{{8}}")
    with suppress(OSError), locked(folder):  # what another daemon writes at this moment is none
        for file in folder.iterdir():
            if temporary.fullmatch(file.name):
                file.unlink()
