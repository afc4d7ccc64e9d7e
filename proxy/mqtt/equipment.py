"""The rows of solar strings, pairs of them, units and remote meters: as many as a site has."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from proxy.mqtt.entity import COUNTED, SENSOR, Entity, Read
from proxy.views.json_access import number, text
from proxy.views.quantities import OF_PACK
from proxy.views.remote_meters import MEASURES, measured
from proxy.views.units import SIGNALS

if TYPE_CHECKING:
    from proxy.mqtt.entity import Value
    from proxy.mqtt.facts import Facts
    from proxy.views.equipment import PackState

# Signal of a string, its unit and class.
_STRING: Final = {
    "Voltage": ("V", "voltage"),
    "Current": ("A", "current"),
    "Power": ("W", "power"),
}
# A Powerwall 3 joins its strings two and two.
_PAIRS: Final = ("AB", "CD", "EF")
_NAME: Final = re.compile(r"([A-F])(\d*)")
_TOPICS: Final = {
    "pack_temp_max": "temperature/pack_max",
    "pack_temp_min": "temperature/pack_min",
    "shunt_temp": "temperature/shunt",
    "inverter_ambient": "temperature/ambient",
    "controller_ambient": "temperature/controller",
    "fan_a_rpm": "fan/a/rpm",
    "fan_a_duty": "fan/a/duty",
    "fan_b_rpm": "fan/b/rpm",
    "fan_b_duty": "fan/b/duty",
    "fan_rpm": "fan/rpm",
    "fan_target_rpm": "fan/target_rpm",
}
# Key, name and row of PACK_QUANTITIES of what a pack stores.
_STORED: Final = (("capacity", "Capacity", "energy_capacity"), ("charge", "Charge", "energy_remaining"))
# The same of what else is known of one; these stand in the document alone.
_OF_UNITS: Final = (("power", "Power", "power"), ("charge_ratio", "Battery", "charge"))
# By unit: device class, state class, decimals of a value that stands alone, and those that Home Assistant shows.
_OF_TRANSFORMER: Final = {
    "V": ("voltage", "measurement", 2, 1),
    "A": ("current", "measurement", 2, 1),
    "W": ("power", "measurement", 1, 0),
    "Wh": ("energy", COUNTED, 0, 0),
}
_PLAIN: Final = re.compile(r"[A-Z0-9]+")
_NOT_IN_IDS: Final = re.compile(r"[^a-z0-9]+")


def equipment(facts: Facts) -> Iterator[Entity]:
    """Make the rows of all equipment that is known of now."""
    for name in facts.strings:
        yield from _string(name)
    for first, second, pair in pairs(facts.strings):
        yield from _pair(first, second, pair)
    for pack in facts.state.packs:
        yield from _pack(pack)
    for serial, signals in facts.units.items():
        for signal in signals:
            yield _signal(serial, signal)
    for din, transformers in facts.remote_meters.items():
        for number_, signals in transformers.items():
            yield from _transformer(din, number_, signals)


def pairs(names: Any) -> Iterator[tuple[str, str, str]]:
    """Yield both names of each pair of which there are both strings, and its own."""
    suffixes = sorted({match[2] for name in names if (match := _NAME.fullmatch(name))})
    for suffix in suffixes:
        for first, second in _PAIRS:
            if f"{first}{suffix}" in names and f"{second}{suffix}" in names:
                yield f"{first}{suffix}", f"{second}{suffix}", f"{first}{second}{suffix}"


def slug(serial: str) -> str:
    """Write a serial number as a part of ids, as pypowerwall-server does: no two have the same."""
    if _PLAIN.fullmatch(serial):
        return serial.lower()
    digest = hashlib.sha1(serial.encode(), usedforsecurity=False).hexdigest()[:8]
    return f"{_id_part(serial)}_{digest}"


def _id_part(name: str) -> str:
    return _NOT_IN_IDS.sub("_", name.lower()).strip("_")


def string_signal(facts: Facts, name: str, signal: str) -> float | None:
    """Return one signal of a string; None if it is unknown."""
    return number(facts.strings.get(name, {}).get(signal))


def pair_signal(facts: Facts, first: str, second: str, signal: str) -> float | None:
    """Return one signal of a pair: the voltage of the first, the sum of both otherwise, if both are known."""
    one, other = string_signal(facts, first, signal), string_signal(facts, second, signal)
    if signal == "Voltage":
        return one
    return None if one is None or other is None else one + other


def _string(name: str) -> Iterator[Entity]:
    for signal in _STRING:
        yield _of_string(name, signal, partial(string_signal, name=name, signal=signal))


def _pair(first: str, second: str, pair: str) -> Iterator[Entity]:
    for signal in _STRING:
        yield _of_string(pair, signal, partial(pair_signal, first=first, second=second, signal=signal))


def _of_string(name: str, signal: str, read: Read) -> Entity:
    unit, device_class = _STRING[signal]
    return Entity(
        f"string_{name.lower()}_{signal.lower()}",
        SENSOR,
        f"String {name} {signal}",
        read,
        ("strings", name, signal),
        f"strings/{name}/{signal.lower()}",
        decimals=2,
        unit=unit,
        device_class=device_class,
        state_class="measurement",
        digits=1,
        is_diagnostic=True,
    )


def _pack(pack: PackState) -> Iterator[Entity]:
    """Make the rows of a pack; one that does not say its serial number belongs to the gateway's device."""
    number_, serial = pack.number, pack.serial or ""
    prefix = "" if serial else f"Battery {number_} "
    for key, name, quantity in _STORED:
        topic = f"batteries/{number_}/{key}"
        path = ("packs", str(number_), key)
        yield _of_pack(number_, serial, f"battery_{number_}_{key}", prefix + name, quantity, path, topic)
    for key, name, quantity in _OF_UNITS if serial else ():
        yield _of_pack(
            number_, serial, f"device_{slug(serial)}_{key}", name, quantity, ("devices", serial, key), ""
        )


def _of_pack(
    number_: int, serial: str, suffix: str, name: str, quantity: str, path: tuple[str, ...], topic: str
) -> Entity:
    """Make a row that projects one of PACK_QUANTITIES."""
    row = OF_PACK[quantity]

    def read(facts: Facts) -> Value:
        return next((row.read(pack) for pack in facts.state.packs if pack.number == number_), None)

    return Entity(
        suffix,
        SENSOR,
        name,
        read,
        path,
        topic,
        decimals=0 if row.unit == "Wh" else 1,
        unit=row.unit,
        device_class=row.device_class,
        state_class=row.state_class,
        digits=1 if row.unit == "%" else 0,
        is_extra=quantity == "power",
        unit_of=serial,
        quantity=quantity,
    )


def _signal(serial: str, name: str) -> Entity:
    signal = SIGNALS[name]
    return Entity(
        f"device_{slug(serial)}_{name}",
        SENSOR,
        signal.label,
        lambda facts: facts.units.get(serial, {}).get(name),
        ("devices", serial, name),
        f"devices/{serial}/{_TOPICS[name]}",
        decimals=signal.decimals,
        unit=signal.unit,
        device_class="temperature" if signal.unit == "°C" else "",
        state_class="measurement",
        digits=signal.decimals,
        is_diagnostic=True,
        unit_of=serial,
    )


def _transformer(din: str, number_: str, signals: Mapping[str, Any]) -> Iterator[Entity]:
    """Make the rows of a current transformer of a remote meter; its name says where it measures."""
    location = text(signals.get("Location"))
    name = f"Remote Meter {din.rpartition('--')[2]} CT{number_}" + (f" ({location})" if location else "")
    for measure, (_, unit, _) in MEASURES.items():
        device_class, state_class, decimals, digits = _OF_TRANSFORMER[unit]
        yield Entity(
            f"remote_meter_{_id_part(din)}_ct{number_}_{measure}",
            SENSOR,
            f"{name} {measure.replace('_', ' ').title()}",
            partial(_of_transformer, din=din, number_=number_, measure=measure),
            ("meters", "remote", din, f"ct{number_}", measure),
            f"meters/remote/{din}/ct{number_}/{measure}",
            decimals=decimals,
            unit=unit,
            device_class=device_class,
            state_class=state_class,
            digits=digits,
            is_diagnostic=True,
        )


def _of_transformer(facts: Facts, din: str, number_: str, measure: str) -> Value:
    return measured(facts.remote_meters.get(din, {}).get(number_, {}), measure)
