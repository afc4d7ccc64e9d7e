"""The tables of quantities: what metrics, discovery and history rely on in every row."""

import pytest

from proxy.views.quantities import PACK_QUANTITIES, QUANTITIES, STRING_QUANTITIES, Kind

TABLES = {"site": QUANTITIES, "pack": PACK_QUANTITIES, "string": STRING_QUANTITIES}
# Home Assistant's device classes of sensors, with the units that it accepts for them.
SENSORS = {
    "battery": {"%"},
    "current": {"A"},
    "duration": {"s", "h"},
    "energy": {"Wh"},
    "energy_storage": {"Wh"},
    "enum": {""},
    "frequency": {"Hz"},
    "power": {"W"},
    "reactive_power": {"var"},
    "temperature": {"°C"},
    "voltage": {"V"},
}
BINARY_SENSORS = {"connectivity", "power", "running"}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_names_no_quantity_twice(table):
    assert len({row.name for row in table}) == len(table)


@pytest.mark.parametrize("row", [row for table in TABLES.values() for row in table], ids=lambda row: row.name)
def test_home_assistant_accepts_every_row(row):
    """Its device class, the unit, and that a number has a state class and nothing else has one."""
    if row.kind is Kind.FLAG:
        assert row.device_class in {"", *BINARY_SENSORS}
    elif row.device_class:
        assert row.unit in SENSORS[row.device_class]
    expected = {Kind.GAUGE: "measurement", Kind.COUNTER: "total_increasing"}
    assert row.state_class == expected.get(row.kind, "")
    assert (row.kind is Kind.COUNTER) == (row.device_class == "energy")
