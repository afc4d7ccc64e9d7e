"""What a metric is, as a row of a table: its name, kind, labels and unit, and the function that reads its samples.

A sample without a value is left out: what is unknown is absent, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

from proxy.core.histogram import Histogram
from proxy.core.model import Source

# The values of a family's labels, in their order, and what is measured.
Sample: TypeAlias = tuple[tuple[str, ...], float | Histogram | None]
Samples: TypeAlias = Iterable[Sample]

Subject = TypeVar("Subject")


class Kind(Enum):
    """The types of the exposition format that are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


GAUGE, COUNTER, HISTOGRAM = Kind

# Base units, as the names of metrics spell them; rpm is the one that has no better word.
UNITS = frozenset(
    {"amperes", "bytes", "celsius", "hertz", "joules", "ratio", "rpm", "seconds"}
    | {"vars", "voltamperes", "volts", "watts"}
)


@dataclass(frozen=True, slots=True)
class Family(Generic[Subject]):
    """One row.

    ``read`` makes the samples of its subject; ``sources`` are the documents that they come from.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    read: Callable[[Subject], Samples]
    sources: tuple[Source, ...] = ()

    @property
    def base(self) -> str:
        """The name without the suffix that counters have."""
        return self.name.removesuffix("_total")

    @property
    def unit(self) -> str:
        """The unit in which the name ends; empty for what only counts."""
        word = self.base.rpartition("_")[2]
        return word if word in UNITS else ""


def gauge(
    name: str, labels: str, help_: str, read: Callable[[Subject], Samples], *sources: Source
) -> Family[Subject]:
    """Make a row; labels are words."""
    return Family(f"powerwall_{name}", GAUGE, tuple(labels.split()), help_, read, sources)


def counter(
    name: str, labels: str, help_: str, read: Callable[[Subject], Samples], *sources: Source
) -> Family[Subject]:
    """Make a row of a value that only grows."""
    return Family(f"powerwall_{name}", COUNTER, tuple(labels.split()), help_, read, sources)
