"""The folder of what survives a restart: sessions, pins, certificates.

The folder is the owner's alone (0700), every file in it too (0600), and a file
is replaced as a whole or not at all.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.gateway_settings import DEFAULT_ID

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.config.settings import Settings


def default_folder(environ: Mapping[str, str]) -> str:
    """Choose the state folder of a user who named none; empty if there is no home either."""
    if base := environ.get("XDG_STATE_HOME"):
        return str(Path(base, "powerwall-proxy"))
    if home := environ.get("HOME"):
        return str(Path(home, ".local", "state", "powerwall-proxy"))
    return ""


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
                return f"{path} is closed to user {os.geteuid()} (its owner is user {path.stat().st_uid}): {_CURE}"
    except OSError as exc:  # a folder on the path may not be entered
        return f"{exc.filename} cannot be looked at ({exc.strerror}): {_CURE}"
    return None


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
_CURE = "nothing is kept, so every restart costs the gateway a login. Change its owner, or set PW_STATE_PATH."


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


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Keep other processes from writing to a folder; yields a handle of it. Raises OSError if there is no such folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file at once; only the owner may read it. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file 0600 from its first moment.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            leave_to_owner(handle, path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def leave_to_owner(handle: int, path: Path) -> None:
    """Give what root writes to the owner of the file, else of its folder: the daemon is rarely root. Raises OSError."""
    if os.geteuid() == 0:
        owner = (path if path.exists() else path.parent).stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
