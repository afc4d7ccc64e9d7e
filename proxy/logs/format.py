"""The log: one line per event, no secret, no forged line, no flood.

Everything is logged with the standard library, ours and that of third parties,
and passes one handler at the root logger. Our events are short sentences with
fields beside them::

    _log.warning("gateway unreachable", extra={"gateway": "default", "cause": "unreachable"})

which is written as ``… WARNING gateway unreachable gateway=default cause=unreachable``,
or as one JSON object. Foreign texts in a line are cut and lose their control
characters; a traceback is indented, so that none of its lines can pass for an event.
"""

from __future__ import annotations

import json
import logging
import ssl
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, TextIO

from aiohttp.http_exceptions import HttpProcessingError

from proxy.config.settings import Settings
from proxy.config.specs import show
from proxy.core.redaction import printable, redact
from proxy.core.subject import GATEWAY
from proxy.logs.repeats import Repeats

_LONGEST_FIELD = 200
_LONGEST_MESSAGE = 2000
_LONGEST_TRACEBACK = 20_000
_OURS = frozenset({"proxy", "powerwall"})
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# What clients can cause by malformed requests, hanging up or speaking plain text to a TLS port
# is no error of ours; these libraries log a traceback for it.
_CAUSED_BY_CLIENTS: Mapping[str, tuple[type[BaseException], ...]] = {
    "aiohttp.server": (HttpProcessingError, ConnectionError, TimeoutError),
    "asyncio": (ssl.SSLError, ConnectionError),
}

_log = logging.getLogger(__name__)


def set_up(
    settings: Settings, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic
) -> LogHandler:
    """Make the root logger write as the settings say; called again, it replaces what it did before."""
    handler = LogHandler(settings, stream or sys.stderr, now)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, LogHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    return handler


def write_due() -> None:
    """Write what was held back until now, though nothing else is logged. Call it every few seconds."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogHandler):
            handler.write_counts()


def _log_uncaught(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    """Log uncaught exceptions: Python's own hook would print them unredacted."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, exc, trace)
    else:
        _log.critical("unexpected error", exc_info=(kind, exc, trace))


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes records as lines; ``written`` counts them by level, for the metrics."""

    def __init__(self, settings: Settings, stream: TextIO, now: Callable[[], float]) -> None:
        super().__init__(stream)
        self.written: Counter[str] = Counter()
        self._repeats = Repeats(
            now,
            per_minute=settings.network_error_rate_limit,
            summaries_only=settings.suppress_network_errors,
        )
        self.addFilter(_without_client_noise)
        if len(settings.gateways) > 1:
            self.addFilter(_named)
        self.addFilter(_made_safe)
        self.addFilter(self._repeats)
        self.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the counts of repeats that are due, then the record."""
        self.write_counts()
        return super().handle(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write and count a record."""
        self.written[record.levelname.lower()] += 1
        super().emit(record)

    def close(self) -> None:
        """Write the counts that are left."""
        self.write_counts(everything=True)
        super().close()

    def write_counts(self, *, everything: bool = False) -> None:
        """Write the lines that are due, or everything that was held back."""
        for summary in self._repeats.due(everything=everything):
            self.emit(summary)


def _without_client_noise(record: logging.LogRecord) -> bool:
    """Turn a traceback that a client caused into one line at DEBUG, or into nothing."""
    exc = record.exc_info[1] if record.exc_info else None
    if not isinstance(exc, _CAUSED_BY_CLIENTS.get(record.name, ())):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    record.msg, record.args, record.exc_info = "client error", (), None
    record.cause = type(exc).__name__
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def _named(record: logging.LogRecord) -> bool:
    """Name the gateway that a line is about."""
    gateway = GATEWAY.get()
    if gateway and "gateway" not in vars(record):
        record.gateway = gateway
    return True


def _made_safe(record: logging.LogRecord) -> bool:
    """Redact and cut everything that a record carries."""
    if isinstance(record.args, tuple):
        record.args = tuple(_cut(arg) if isinstance(arg, str | bytes) else arg for arg in record.args)
    record.msg, record.args = redact(record.getMessage(), _LONGEST_MESSAGE), ()
    if record.exc_info:
        lines = "".join(traceback.format_exception(*record.exc_info))
        record.exc_text, record.exc_info = redact(lines, _LONGEST_TRACEBACK), None
    for key, value in fields(record).items():
        setattr(record, key, _safe(value))
    return True


def _safe(value: Any) -> Any:
    """Give a field as it may be written: numbers as they are, the values of a mapping one by one, texts cut."""
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {_cut(key): _safe(each) for key, each in value.items()}
    return _cut(value)


def _cut(value: Any) -> str:
    """Give the beginning of a value's text, and how much is missing."""
    text = value if isinstance(value, str) else str(value)
    shown = redact(text, _LONGEST_FIELD)
    missing = len(text) - _LONGEST_FIELD
    return f"{shown}… ({missing} more)" if missing > 0 else shown


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Give what was passed as ``extra``."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class TextLines(logging.Formatter):
    """``time LEVEL event key=value …``, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as a line, and its traceback indented below."""
        origin = "" if record.name.split(".")[0] in _OURS else f"{record.name}: "
        words = [_moment(record), record.levelname, printable(f"{origin}{record.getMessage()}")]
        words += [f"{key}={_shown(value)}" for key, value in fields(record).items()]
        lines = [" ".join(words)]
        if record.exc_text:
            lines += [f"    | {printable(line)}" for line in record.exc_text.rstrip().split("\n")]
        return "\n".join(lines)


class JsonLines(logging.Formatter):
    """One JSON object per line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as an object."""
        line = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **fields(record),
        }
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _shown(value: Any) -> str:
    """Write a value so that it ends where it seems to end: "reserve:30,mode:backup" for a mapping."""
    if isinstance(value, Mapping):
        value = ",".join(f"{key}:{_shown(each)}" for key, each in value.items()) or None
    text = show(value) if value is not None else "-"
    if text and text.isprintable() and not set(text) & set(' "='):
        return text
    return printable(json.dumps(text, ensure_ascii=False))
