"""One goal: a figure of a run, and its bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure and its bound; ``worst`` takes the results of a run, and is written with its ``unit``.

    ``per_machine``: the bound is multiplied by how much slower than the reference the machine is.
    """

    measure: str
    worst: Callable[[Results], float]
    bound: float
    unit: str = "x"
    at_least: bool = False
    per_machine: bool = False

    def bound_on(self, slowness: float) -> float:
        return self.bound * slowness if self.per_machine else self.bound

    def holds(self, seen: float, slowness: float) -> bool:
        bound = self.bound_on(slowness)
        return seen >= bound if self.at_least else seen <= bound

    def written(self, seen: float) -> str:
        return f"{seen:.{2 if self.unit == 'x' else 1 if self.unit else 0}f} {self.unit}".strip()

    def written_bound(self, slowness: float) -> str:
        bound = float(f"{self.bound_on(slowness):.3g}")
        return f"{'at least' if self.at_least else 'at most'} {bound:g} {self.unit}".strip()


def figure_of(*keys: str) -> Callable[[Results], float]:
    """Take the figure that has these keys, one in the other."""

    def take(results: Results) -> float:
        found: Any = results
        for key in keys:
            found = found[key]
        return float(found)

    return take
