"""PW1, PW2, …: which pack has which number, and what is reported of it."""

from __future__ import annotations

from hypothesis import given

from proxy.core.sources import GRID_STATUS, METERS, OPERATION, SYSTEM_STATUS, VITALS
from proxy.views import batteries
from proxy.views.options import Options
from proxy.views.packs import order_packs, packs
from tests.views.strategies import documents as any_documents

PART = "3012170-05-B"


def block(serial, **reported):
    return {"PackagePartNumber": PART, "PackageSerialNumber": serial, **reported}


def devices(serial, energy=0.0, volts=0.0, celsius=0.0):
    """The devices of a Powerwall 2: only the controller has the serial number of the pack."""
    controller = f"TETHC--{PART}--{serial}"
    return {
        controller: {"componentParentDin": "STSTSM--1--2", "THC_AmbientTemp": celsius},
        f"TEPOD--1081100-10-U--C{serial}": {
            "componentParentDin": controller,
            "POD_nom_energy_remaining": energy,
            "POD_enable_line": True,
        },
        f"TEPINV--1081100-10-U--C{serial}": {"componentParentDin": controller, "PINV_VSplit1": volts},
    }


def site(blocks, vitals):
    return {SYSTEM_STATUS: {"battery_blocks": blocks}, VITALS: vitals}


def test_devices_belong_to_the_pack_that_their_parent_names():
    """Blocks and vitals come in any order (the peer gave PW2 the serial of one pack and the cells of another)."""
    reported = site(
        [block("A", p_out=1), block("B", p_out=2)],
        {**devices("B", energy=22.0, volts=122.0, celsius=2.0), **devices("A", 11.0, 111.0, 1.0)},
    )

    pod, freq = batteries.pod(reported, Options()), batteries.freq(reported, Options())

    assert (pod["PW1_PackageSerialNumber"], pod["PW1_POD_nom_energy_remaining"]) == ("A", 11.0)
    assert (pod["PW2_PackageSerialNumber"], pod["PW2_POD_nom_energy_remaining"]) == ("B", 22.0)
    assert (freq["PW1_p_out"], freq["PW1_PINV_VSplit1"]) == (1, 111.0)
    assert (freq["PW2_p_out"], freq["PW2_PINV_VSplit1"]) == (2, 122.0)
    assert batteries.temp_numbers(reported, Options()) == {"PW1_temp": 1.0, "PW2_temp": 2.0}


def test_an_expansion_pack_keeps_its_own_number():
    """Powerwall 3: cells carry the pack's own name; leader, expansion and follower stay apart."""
    reported = site(
        [block("LEAD", p_out=5), block("FOLLOW", p_out=6), block("EXPAND", Type="BatteryExpansion")],
        {
            f"TEPOD--{PART}--LEAD": {"POD_nom_energy_remaining": 1},
            f"TEPOD--{PART}--EXPAND": {"POD_nom_energy_remaining": 3, "HVP_PackTempMax": 30.5},
            f"TEPOD--{PART}--FOLLOW": {"POD_nom_energy_remaining": 2},
            f"TEPINV--{PART}--LEAD": {"PINV_VSplit1": 121.0},
            f"TEPINV--{PART}--FOLLOW": {"PINV_VSplit1": 122.0},
        },
    )

    pod, freq = batteries.pod(reported, Options()), batteries.freq(reported, Options())

    assert [pod[f"PW{n}_PackageSerialNumber"] for n in (1, 2, 3)] == ["LEAD", "FOLLOW", "EXPAND"]
    assert [pod[f"PW{n}_POD_nom_energy_remaining"] for n in (1, 2, 3)] == [1, 2, 3]
    assert [freq[f"PW{n}_PINV_VSplit1"] for n in (1, 2, 3)] == [121.0, 122.0, None]
    assert batteries.temp_numbers(reported, Options()) == {"PW3_temp": 30.5}


def test_devices_that_name_no_pack_go_by_order():
    reported = site(
        [block("A"), block("B")],
        {"TEPINV--1--": {"PINV_VSplit1": 1.0}, "TEPINV--2--": {"PINV_VSplit1": 2.0}},
    )

    freq = batteries.freq(reported, Options())

    assert (freq["PW1_PINV_VSplit1"], freq["PW2_PINV_VSplit1"]) == (1.0, 2.0)


def test_a_number_stays_with_its_pack():
    """Reordered answers, a pack that vanishes and one that appears: no other changes."""
    first = order_packs((), site([block("A"), block("B")], {}))
    options = Options(pack_order=first)

    reordered = batteries.freq(site([block("B"), block("A")], {}), options)
    alone = batteries.freq(site([block("B")], devices("B")), options)
    joined = batteries.freq(site([block("NEW"), block("B")], {}), options)

    assert reordered["PW1_PackageSerialNumber"] == "A"
    assert alone["PW2_PackageSerialNumber"] == "B"
    assert "PW1_name" not in alone
    assert joined["PW3_PackageSerialNumber"] == "NEW"


def test_nothing_is_numbered_while_the_gateway_starts():
    """It lists a pack whose serial number it does not know yet; those of before keep their numbers."""
    starting = site([block(""), block("B")], devices("A"))

    assert order_packs((), starting) == ()
    assert order_packs((f"{PART}--B",), starting) == (f"{PART}--B",)
    assert [pack.number for pack in packs((f"{PART}--B",), starting)] == [1]


def test_packs_with_masked_serial_numbers_stay_two():
    reported = site([block("X", p_out=1), block("X", p_out=2)], {})

    freq = batteries.freq(reported, Options())

    assert (freq["PW1_p_out"], freq["PW2_p_out"]) == (1, 2)


@given(any_documents(), any_documents())
def test_a_pack_once_numbered_is_never_renumbered(before, after):
    known = order_packs((), before)

    order = order_packs(known, after)

    assert order[: len(known)] == known
    assert len(set(order)) == len(order)
    numbers = [pack.number for pack in packs(known, after)]
    assert numbers == sorted(set(numbers))
    assert max(numbers, default=0) <= len(order)


def is_device(din):
    """A kind alone names no device: no gateway reports one, and several could not be distinguished."""
    kind, _, name = din.partition("--")
    return kind in {"TETHC", "TEPINV", "TEPOD"} and name != ""


@given(any_documents())
def test_every_device_of_a_pack_is_shown_once(documents):
    vitals = documents.get(VITALS)
    dins = [din for din in vitals if is_device(din)] if isinstance(vitals, dict) else []

    shown = [name for pack in packs((), documents) for name, _ in pack.devices.values() if is_device(name)]

    assert sorted(shown) == sorted(dins)


def test_without_vitals_the_block_reports_what_it_can():
    reported = {
        SYSTEM_STATUS: {
            "battery_blocks": [block("A", f_out=60.0, nominal_energy_remaining=8528, off_grid=False)],
            "nominal_full_pack_energy": 14000,
            "nominal_energy_remaining": 9100,
        },
        METERS: {"load": {"instant_power": 1450}},
        OPERATION: {"backup_reserve_percent": 24},
        GRID_STATUS: {"grid_status": "SystemTransitionToGrid"},
    }

    pod, freq = batteries.pod(reported, Options()), batteries.freq(reported, Options())

    assert (freq["PW1_name"], freq["PW1_PINV_Fout"], freq["grid_status"]) == (None, 60.0, -1)
    assert (pod["PW1_POD_nom_energy_remaining"], pod["PW1_off_grid"]) == (8528, 0)
    assert (pod["nominal_full_pack_energy"], pod["time_remaining_hours"]) == (14000, 9100 / 1450)
    assert pod["backup_reserve_percent"] == 20.0


def test_a_flag_that_is_not_reported_is_null_not_off():
    pod = batteries.pod(site([block("A")], {}), Options())

    assert pod["PW1_backup_ready"] is None
    assert pod["PW1_POD_enable_line"] is None


def test_meters_that_are_listed_but_not_there_hide_no_reading():
    vitals = {
        "TEMSA--1--2": {"METER_Z_CTA_I": 8.7, "ISLAND_GridState": "x", "other": 1},
        "TESYNC--None--None": {"METER_Z_CTA_I": None, "METER_X_CTA_I": None},
    }

    assert batteries.freq({VITALS: vitals}, Options()) == {
        "METER_Z_CTA_I": 8.7,
        "ISLAND_GridState": "x",
        "METER_X_CTA_I": None,
        "grid_status": None,
    }


def test_blocks_are_listed_by_serial_number_with_their_temperature():
    reported = site([block("A", p_out=1), {"p_out": 2}], devices("A", celsius=24.3))

    assert batteries.battery_blocks(reported, Options()) == {
        "A": {"PackagePartNumber": PART, "p_out": 1, "THC_State": None, "temperature": 24.3},
        "block 2": {"p_out": 2},
    }
