"""Time as an argument.

``monotonic`` measures ages and cooldowns, ``wall`` dates what outlives the process.
Timers run on the event loop. Its clock may stop while the machine sleeps and
``monotonic`` does not: a timer is set to a duration, never to a time of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Two readings of now, in seconds; tests hand in ones that they advance."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]
