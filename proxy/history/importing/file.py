"""A file with a past: a table of ours, or an export of an InfluxDB; plain, or packed with gzip."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO, Final, cast

from proxy.history.importing import influx_export, table
from proxy.history.importing.past import Importer, SourceError
from proxy.history.importing.progress import Progress

_GZIP: Final = b"\x1f\x8b"  # RFC 1952 section 2.3.1


def read(path: Path, importer: Importer, now: float, progress: Progress) -> None:
    """Read all of it. Raises SourceError and OSError."""
    with _opened(path) as (lines, share):
        first = next(lines, "")
        if first.startswith(influx_export.HEAD):
            influx_export.read(lines, importer, now, lambda at: progress(share(), at))
        else:
            table.read(chain([first], lines), importer, lambda at: progress(share(), at))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Iterator[str], Callable[[], float]]]:
    """Give the lines of a file, and a function that returns which part of it was read; 0 of a pipe, whose end is unknown."""
    with path.open("rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        is_packed = raw.peek().startswith(_GZIP)
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw
        try:
            with TextIOWrapper(plain, encoding="utf-8-sig", newline="") as lines:
                yield lines, lambda: raw.tell() / size if size else 0.0
        except UnicodeDecodeError as exc:
            raise SourceError(f"{path}: it is not a text in UTF-8.") from exc
        except (SourceError, ValueError, EOFError, zlib.error, gzip.BadGzipFile) as exc:
            raise SourceError(f"{path}: {exc}.") from exc
