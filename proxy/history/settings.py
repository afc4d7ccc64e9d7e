"""The settings of the history."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config.specs import VALUES, row
from proxy.config.types import FLAG, number


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """Rows of the table of settings."""

    history: bool = row(
        VALUES, FLAG, True, "Keep the history of powers, energies, alerts and outages", ours=True
    )
    history_interval: float = row(
        VALUES,
        number(5, 60, "seconds"),
        15.0,
        "How often the history reads the powers while no client does",
        ours=True,
    )


@dataclass(frozen=True, slots=True)
class Past:
    """What a demo has beside its settings: a simulated past, kept in memory only (demo.py).

    ``speed`` is how much faster than the world its house lives, 0 in a real house; ``hour`` is the hour of its start.
    """

    speed: float = 0.0
    hour: float = 10.0
