"""The way back: devices to the protobuf that a gateway would send."""

from __future__ import annotations

from tesla_protocol.teslapower import teslapower_pb2 as schema

_IDENTITY = {"componentParentDin", "partNumber", "serialNumber", "manufacturer", "firmwareVersion"}
_TIMES = {"firstCommunicationTime", "lastCommunicationTime"}
_ATTRIBUTES = {
    "teslaEnergyEcuAttributes",
    "generatorAttributes",
    "pvInverterAttributes",
    "meterAttributes",
}
_MEMBERS = {bool: "boolValue", int: "intValue", float: "floatValue", str: "stringValue"}


def encode_vitals(devices: dict) -> bytes:
    """Write devices, keyed by DIN as ``decode_vitals`` returns them, as a DevicesWithVitals message."""
    message = schema.DevicesWithVitals()
    for din, signals in devices.items():
        entry = message.devices.add()
        entry.device.device.din.value = din
        for name, value in signals.items():
            _put(entry, name, value)
    return message.SerializeToString()


def _put(entry, name, value) -> None:
    device = entry.device.device
    if name in _IDENTITY:
        getattr(device, name).value = value
    elif name in _TIMES:
        getattr(device, name).seconds = value
    elif name in _ATTRIBUTES:
        attributes = getattr(device.deviceAttributes, name)
        attributes.SetInParent()
        for key, number in value.items():
            if isinstance(number, list):
                getattr(attributes, key).extend(number)
            else:
                setattr(attributes, key, number)
    elif name == "alerts":
        entry.alerts.extend(value)
    else:
        vital = entry.vitals.add(name=name)
        if value is not None:
            setattr(vital, _MEMBERS[type(value)], value)
