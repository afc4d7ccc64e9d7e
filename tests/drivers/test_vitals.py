"""The device vitals, from the gateway's protobuf to one object per device."""

from __future__ import annotations

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.errors import BadAnswer
from proxy.drivers.local.vitals import decode_vitals
from tests.drivers.vitals_wire import encode_vitals
from tests.shared import SHARED

# A device as it is sent.
EXAMPLE = bytes.fromhex(
    "0ae7010a9e010a9b010a250a2354455448432d2d333031323137302d30352d422d2d5447313231303030303030303032"
    "120e0a0c333031323137302d30352d421a100a0e544731323130303030303030303222070a055445534c4132260a2453"
    "545354534d2d2d313233323130302d30302d452d2d54473132313030303030303030313a100a0e343036346663366135"
    "62333234324a060880c3bbc2065a050a0308e00112280a095448435f53746174652a1b5448435f53544154455f415554"
    "4f4e4f4d4f5553434f4e54524f4c121a0a0f5448435f416d6269656e7454656d7021cdcccccccc4c3840"
)


def test_a_device_is_its_identity_its_signals_and_its_alerts():
    assert decode_vitals(EXAMPLE) == {
        "TETHC--3012170-05-B--TG121000000002": {
            "componentParentDin": "STSTSM--1232100-00-E--TG121000000001",
            "partNumber": "3012170-05-B",
            "serialNumber": "TG121000000002",
            "manufacturer": "TESLA",
            "firmwareVersion": "4064fc6a5b3242",
            "lastCommunicationTime": 1750000000,
            "teslaEnergyEcuAttributes": {"ecuType": 224},
            "THC_State": "THC_STATE_AUTONOMOUSCONTROL",
            "THC_AmbientTemp": 24.3,
        }
    }


@pytest.mark.parametrize("name", ["failed-powerwall", "powerwall-2-with-solar"])
def test_recorded_systems_survive_the_wire(name):
    """Encoding and decoding gives the same values and types, in the same order."""
    recorded = json.loads((SHARED / "recordings" / "vitals" / f"{name}.json").read_text())

    decoded = decode_vitals(encode_vitals(recorded))

    assert decoded == recorded
    assert json.dumps(decoded, sort_keys=True) == json.dumps(recorded, sort_keys=True)
    assert list(decoded) == list(recorded)


def test_a_captured_answer_decodes_and_encodes_to_the_same_values():
    capture = json.loads((SHARED / "compat" / "gateway-pw2.json").read_text())
    decoded = decode_vitals(base64.b64decode(capture["vitals_protobuf_b64"]))

    assert decode_vitals(encode_vitals(decoded)) == decoded


@pytest.mark.parametrize("body", [b"", b"<html><body>Log in</body></html>", b'{"code":403}', EXAMPLE[:-5]])
def test_what_is_no_such_message_is_a_bad_answer(body):
    with pytest.raises(BadAnswer):
        decode_vitals(body)


@given(st.integers(0, len(EXAMPLE) * 2 - 1))
def test_half_an_answer_is_a_bad_answer_or_fewer_devices(length):
    """Nothing but BadAnswer comes out of it, wherever the connection broke."""
    body = (EXAMPLE + encode_vitals({"PVAC--1--2": {"PVAC_Pout": 1.0}}))[:length]

    try:
        devices = decode_vitals(body)
    except BadAnswer:
        return
    assert set(devices) <= {"TETHC--3012170-05-B--TG121000000002", "PVAC--1--2"}


def test_unknown_fields_and_unknown_numbers_are_no_obstacle():
    """Firmware of tomorrow: field 99 at the top, an unknown ECU type."""
    unknown = b"\x98\x06\x01"
    device = {"NEW--1--2": {"teslaEnergyEcuAttributes": {"ecuType": 9999}, "NEW_signal": 1.5}}

    assert decode_vitals(encode_vitals(device) + unknown) == device


def test_a_device_may_have_a_nameplate():
    """Generators, solar inverters and meters have no ECU type; each has its own attributes."""
    devices = {
        "GEN--1": {"generatorAttributes": {"nameplateRealPowerW": 9000, "nameplateApparentPowerVa": 9500}},
        "TESLA--1--2": {"pvInverterAttributes": {"nameplateRealPowerW": 7680}},
        "NEURIO--3": {"meterAttributes": {"meterLocation": [1, 4]}},
    }

    assert decode_vitals(encode_vitals(devices)) == devices


def test_zero_false_and_empty_are_values_and_nothing_is_null():
    device = {"TEPOD--1--2": {"a": 0.0, "b": False, "c": "", "d": 0, "e": None}}

    decoded = decode_vitals(encode_vitals(device))

    assert json.dumps(decoded) == json.dumps(device)


def test_a_number_that_json_cannot_say_is_null():
    assert decode_vitals(encode_vitals({"PVAC--1--2": {"PVAC_Pout": math.nan, "PVAC_Vout": math.inf}})) == {
        "PVAC--1--2": {"PVAC_Pout": None, "PVAC_Vout": None}
    }


def test_a_device_that_is_listed_twice_is_one():
    """The later signal wins; an alert list stays unless a later one says more."""
    reported = encode_vitals({"PVAC--1--2": {"a": 1.0, "b": 2.0, "alerts": ["x", "x"]}})
    again = encode_vitals({"PVAC--1--2": {"b": 3.0}})

    assert decode_vitals(reported + again) == {"PVAC--1--2": {"a": 1.0, "b": 3.0, "alerts": ["x", "x"]}}
