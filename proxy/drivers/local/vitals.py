"""Device vitals: the protobuf of ``/api/devices/vitals`` as one object per device.

Message and rules: docs/protocol.md, "Vitals"; the schema is tesla-protocol's ``teslapower``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError
from tesla_protocol.teslapower import teslapower_pb2 as schema

from proxy.core.errors import BadAnswer

_TEXTS: Final = ("componentParentDin", "partNumber", "serialNumber", "manufacturer", "firmwareVersion")
_TIMES: Final = ("firstCommunicationTime", "lastCommunicationTime")


def decode_vitals(body: bytes) -> dict[str, dict[str, Any]]:
    """Decode the devices in the order of the answer, which decides how packs are numbered.

    Energies are Wh, voltages V, ``PVAC_Pout`` is W, ``PINV_Pout`` is kW. A number that JSON
    cannot say (NaN) is None. Raises BadAnswer for what is no such message, such as the HTML
    of a login page or half an answer.
    """
    message = schema.DevicesWithVitals()
    try:
        message.ParseFromString(body)
    except DecodeError as exc:
        raise BadAnswer("/api/devices/vitals is not the protobuf it should be") from exc
    if not message.devices:
        raise BadAnswer("/api/devices/vitals names no device, not even the gateway")
    devices: dict[str, dict[str, Any]] = {}
    for entry in message.devices:
        device = entry.device.device
        devices.setdefault(device.din.value, {}).update(
            (*_identity(device), *_attributes(device), *_vitals(entry), *_alerts(entry))
        )
    return devices


def _identity(device: schema.Device) -> Iterator[tuple[str, Any]]:
    for name in _TEXTS:
        if device.HasField(name):
            yield name, getattr(device, name).value
    for name in _TIMES:
        if device.HasField(name):
            yield name, getattr(device, name).seconds


def _attributes(device: schema.Device) -> Iterator[tuple[str, Any]]:
    attributes = device.deviceAttributes
    match attributes.WhichOneof("deviceAttributes"):
        case "teslaEnergyEcuAttributes" as kind:
            yield kind, {"ecuType": attributes.teslaEnergyEcuAttributes.ecuType}
        case "generatorAttributes" as kind:
            generator = attributes.generatorAttributes
            yield (
                kind,
                {
                    "nameplateRealPowerW": generator.nameplateRealPowerW,
                    "nameplateApparentPowerVa": generator.nameplateApparentPowerVa,
                },
            )
        case "pvInverterAttributes" as kind:
            yield kind, {"nameplateRealPowerW": attributes.pvInverterAttributes.nameplateRealPowerW}
        case "meterAttributes" as kind:
            yield kind, {"meterLocation": list(attributes.meterAttributes.meterLocation)}


def _vitals(entry: schema.SiteControllerConnectedDeviceWithVitals) -> Iterator[tuple[str, Any]]:
    for vital in entry.vitals:
        # The oneof keeps apart what is absent from what is 0.0, False or "".
        member = vital.WhichOneof("value")
        value = getattr(vital, member) if member else None
        yield vital.name, None if isinstance(value, float) and not math.isfinite(value) else value


def _alerts(entry: schema.SiteControllerConnectedDeviceWithVitals) -> Iterator[tuple[str, Any]]:
    if entry.alerts:
        yield "alerts", list(entry.alerts)
