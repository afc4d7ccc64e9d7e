"""Which gateway a task is about: the log says it where there are several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

GATEWAY: Final[ContextVar[str]] = ContextVar("gateway", default="")


@contextmanager
def about(gateway: str) -> Iterator[None]:
    """Attribute log records to a gateway, including those of tasks and timers started meanwhile."""
    token = GATEWAY.set(gateway)
    try:
        yield
    finally:
        GATEWAY.reset(token)
