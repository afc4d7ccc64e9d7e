"""Files that are their owner's alone: written at once or not at all, locked while they are changed."""

from __future__ import annotations

import errno
import fcntl
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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


def read_text(path: Path) -> str:
    """Read a text in UTF-8. Raises OSError, for another encoding as well."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as exc:
        raise OSError(errno.EILSEQ, "it is not a text in UTF-8", str(path)) from exc


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


def load_pair(context: ssl.SSLContext, certificate: str, key: str = "") -> None:
    """Load a certificate and its key; an encrypted key is an error, not a question on the terminal."""
    context.load_cert_chain(certificate, key or None, password=lambda: "")
