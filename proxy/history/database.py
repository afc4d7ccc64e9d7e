"""The file of one gateway's history: opening, damage, closing. Everything here runs in one thread.

SQLite in WAL mode: a commit survives ``kill -9``, and a power cut costs the latest commits at most, never
the file. A file that is damaged is put aside under another name, and a new one begins; only the last damaged one is
kept. Whatever else is wrong (no space, no permission, another program holds the lock) is an
``OperationalError`` for the caller, who tries again later.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, TypeVar

from proxy.history.schema import migrate

_log = logging.getLogger(__name__)

T = TypeVar("T")

FILE: Final = "history.db"
_ASIDE: Final = ".damaged"
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY_S: Final = 5.0
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "journal_size_limit = 1048576",
    "cache_size = -1024",  # KiB
    "temp_store = MEMORY",
)


class Database:
    """A history file, opened when it is first used; without a path it lives in memory."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._is_checked = False

    def use(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``call`` with the open file; with a new one if the file turns out to be damaged.

        Raises sqlite3.Error for all else, and TooNew.
        """
        try:
            return self._run(call)
        except sqlite3.DatabaseError as exc:
            if _code(exc) not in _DAMAGE or self.path is None:
                raise
            self._put_aside(self.path, str(exc))
            return self._run(call)

    def _run(self, call: Callable[[sqlite3.Connection], T]) -> T:
        db = self._db = self._db or self._open()
        try:
            return call(db)
        except sqlite3.Error:
            if db.in_transaction:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _open(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(OSError):  # SQLite will say what is wrong
                # Only the owner may read it; the files beside it take their mode from it.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with ExitStack() as unless_usable:
            db = sqlite3.connect(
                self.path or ":memory:", timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            unless_usable.callback(db.close)
            for pragma in _PRAGMAS:
                db.execute(f"PRAGMA {pragma}")
            if not self._is_checked:
                _check(db)
                self._is_checked = True
            migrate(db)
            unless_usable.pop_all()
        return db

    def _put_aside(self, path: Path, reason: str) -> None:
        self.close()
        aside = path.with_name(path.name + _ASIDE)
        with suppress(FileNotFoundError):
            path.replace(aside)
        for suffix in _SIDE_FILES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        _log.error("history damaged", extra={"file": str(path), "kept_as": aside.name, "reason": reason})


def _check(db: sqlite3.Connection) -> None:
    """Read the whole file once: damage shows now, not on the day that it is read."""
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _code(exc: sqlite3.Error) -> int:
    """Return the primary result code."""
    return (getattr(exc, "sqlite_errorcode", 0) or 0) & 0xFF
