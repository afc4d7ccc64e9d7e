"""What a row of ENTITIES says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from proxy.mqtt.facts import Facts

Value = float | str | bool | None
Read = Callable[["Facts"], Value]

SENSOR: Final = "sensor"
BINARY: Final = "binary_sensor"
# The state class of counters: what is published of them never falls (gateways/counter_state.py).
COUNTED: Final = "total_increasing"
# By unit, the smallest change that is worth a message of its own. Below it is the noise of a calm house; such a
# change goes along with what is repeated. What has no unit here is sent whenever it changes.
STEPS: Final[Mapping[str, float]] = {
    "W": 10.0,
    "Wh": 20.0,
    "%": 0.1,
    "h": 0.1,
    "V": 1.0,
    "A": 0.1,
    "Hz": 0.05,
    "°C": 0.5,
    "rpm": 50.0,
}


def as_set(value: float) -> float:
    """Write 33 as it was set, where the scale of the app makes 32.99999999999999 of what the gateway holds."""
    return round(value, 6)


@dataclass(frozen=True, slots=True)
class Entity:
    """One row.

    ``suffix`` ends the unique id. ``path`` leads to the value in the document of the gateway, ``topic`` is
    where the value stands alone ("": nowhere), with ``decimals``. ``digits`` is how many decimals Home
    Assistant shows. ``unit_of`` is the serial number of the device that it belongs to; "": the gateway's.
    ``is_extra``: disabled until the operator enables it. ``quantity`` names the row of QUANTITIES.
    """

    suffix: str
    platform: str
    name: str
    read: Read
    path: tuple[str, ...]
    topic: str = ""
    decimals: int = 1
    unit: str = ""
    device_class: str = ""
    state_class: str = ""
    digits: int | None = None
    options: tuple[str, ...] = ()
    is_diagnostic: bool = False
    is_extra: bool = False
    expires: bool = True
    unit_of: str = ""
    quantity: str = ""

    @property
    def step(self) -> float:
        """The smallest change that is worth a message, in the row's unit; 0: any."""
        return STEPS.get(self.unit, 0.0)

    def text(self, value: Value) -> str:
        """Write a value as it stands alone in its topic."""
        match value:
            case bool():
                return "true" if value else "false"
            case int() | float():
                return f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"
        return str(value)
