"""Decoded vitals to their wire form: one ``DevicesWithVitals`` message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tesla_protocol.teslapower.teslapower_pb2 import Device, DevicesWithVitals

TEXTS = ("componentParentDin", "partNumber", "serialNumber", "manufacturer", "firmwareVersion")
TIMES = ("firstCommunicationTime", "lastCommunicationTime")
ATTRIBUTES = ("teslaEnergyEcuAttributes", "generatorAttributes", "pvInverterAttributes", "meterAttributes")


def message(devices: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Encode devices as ``/api/devices/vitals`` sends them."""
    # Imported here: a gateway without vitals needs no protobuf.
    from tesla_protocol.teslapower.teslapower_pb2 import DevicesWithVitals  # noqa: PLC0415 - only firmware with vitals needs it

    whole = DevicesWithVitals()
    for din, fields in devices.items():
        _add(whole, din, fields)
    return bytes(whole.SerializeToString())


def _add(whole: DevicesWithVitals, din: str, fields: Mapping[str, Any]) -> None:
    entry = whole.devices.add()
    _describe(entry.device.device, din, fields)
    entry.alerts.extend(fields.get("alerts", ()))
    for name, value in fields.items():
        if name in TEXTS or name in TIMES or name in ATTRIBUTES or name == "alerts":
            continue
        vital = entry.vitals.add(name=name)
        if isinstance(value, bool):
            vital.boolValue = value
        elif isinstance(value, str):
            vital.stringValue = value
        elif value is not None:
            vital.floatValue = value


def _describe(device: Device, din: str, fields: Mapping[str, Any]) -> None:
    device.din.value = din
    for name in TEXTS:
        if name in fields:
            getattr(device, name).value = fields[name]
    for name in TIMES:
        if name in fields:
            getattr(device, name).seconds = fields[name]
    for name in ATTRIBUTES:
        for key, value in fields.get(name, {}).items():
            attributes = getattr(device.deviceAttributes, name)
            if isinstance(value, list):
                getattr(attributes, key).extend(value)
            else:
                setattr(attributes, key, value)
