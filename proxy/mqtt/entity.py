"""What a row of ENTITIES says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from proxy.mqtt.facts import Facts

Value = float | str | bool | None
Read = Callable[["Facts"], Value]

SENSOR: Final = "sensor"
BINARY: Final = "binary_sensor"


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

    def text(self, value: Value) -> str:
        """Write a value as it stands alone in its topic."""
        match value:
            case bool():
                return "true" if value else "false"
            case int() | float():
                return f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"
        return str(value)
