"""What is recorded of each device every five minutes: a projection of the quantities of packs and strings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.history.numbers import kept
from proxy.views.quantities import OF_PACK, OF_STRING, Quantity
from proxy.views.state import SiteState

_SCALES: Final = {"°C": 10.0}


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity of devices. Values are kept as whole numbers: ``scale`` times the value."""

    name: str
    quantity: Quantity[Any]

    @property
    def unit(self) -> str:
        """The unit of its values."""
        return self.quantity.unit

    @property
    def scale(self) -> float:
        """The factor by which a value is stored."""
        return _SCALES.get(self.unit, 1.0)


@dataclass(frozen=True, slots=True)
class Signal:
    """One value of one device, scaled."""

    device: str
    metric: str
    value: int


_OF_PACKS: Final = tuple(
    Metric(name, OF_PACK[name]) for name in ("temperature", "energy_capacity", "energy_remaining")
)
_OF_STRINGS: Final = (Metric("string_power", OF_STRING["power"]),)
METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in (*_OF_PACKS, *_OF_STRINGS)}


def signals(state: SiteState) -> Iterator[Signal]:
    """Read what packs and strings report; what is unknown is left out."""
    for pack in state.packs:
        yield from _signals(pack.name, pack, _OF_PACKS)
    for name, string in state.strings.items():
        yield from _signals(name, string, _OF_STRINGS)


def _signals(device: str, subject: object, metrics: Iterable[Metric]) -> Iterator[Signal]:
    for metric in metrics:
        value = kept(metric.quantity.read(subject))
        if value is not None:
            yield Signal(device, metric.name, round(value * metric.scale))
