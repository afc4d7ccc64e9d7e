"""Where the gateway's counters go on after a start: counters.json of this release and of earlier ones."""

from __future__ import annotations

import json

import pytest

from proxy.core.clock import Clock
from proxy.gateways.counter_state import CounterState
from proxy.state.store import StateStore

SERIES = ("powerwall_energy_joules_total", "default", "load", "imported")
CLOCK = Clock(lambda: 100.0, lambda: 1_760_000_000.0)


@pytest.fixture
def state(tmp_path):
    async def state(address="192.168.1.50", document=None):
        if document is not None:
            (tmp_path / "counters.json").write_text(json.dumps(document))
        made = CounterState(StateStore(tmp_path), address, CLOCK)
        await made.load()
        return made

    return state


def kept(tmp_path):
    return json.loads((tmp_path / "counters.json").read_text())


async def test_the_file_of_an_earlier_release_is_found_again(state, tmp_path):
    """It had one table, without an address and without marks."""
    counters = await state(document={"|".join(SERIES): 1000.0})

    assert counters.export(SERIES, 999.0) == 1000.0
    await counters.settle()
    await counters.close()

    assert kept(tmp_path) == {"192.168.1.50": {"|".join(SERIES): [1000.0, 1000.0]}}


async def test_a_counter_goes_on_at_another_address(state, tmp_path):
    document = {
        "192.168.1.50": {"|".join(SERIES): [1000.0, 1200.0]},
        "10.0.0.9": {"|".join(SERIES): [9000.0, 9000.0]},
    }
    counters = await state("gateway.lan", document)

    assert counters.export(SERIES, 1100.0) == 1200.0
    await counters.close()

    assert kept(tmp_path).keys() == {"gateway.lan", "10.0.0.9"}


async def test_another_gateway_on_the_folder_begins_with_what_it_reads(state, tmp_path):
    document = {"192.168.1.50": {"|".join(SERIES): [1000.0, 1200.0]}}
    counters = await state("cabin.lan", document)

    assert counters.export(SERIES, 50.0) == 50.0
    await counters.close()

    assert kept(tmp_path) == {**document, "cabin.lan": {"|".join(SERIES): [50.0, 50.0]}}


async def test_what_was_exported_is_on_the_disk_before_it_leaves(state, tmp_path):
    counters = await state()
    counters.export(SERIES, 1000.0)

    await counters.settle()

    assert kept(tmp_path)["192.168.1.50"]["|".join(SERIES)] == [1000.0, 1000.0]


@pytest.mark.parametrize(
    "table", [{"x": 1, "y": "z"}, {"192.168.1.50": {"x": [1], "y": [1, None, 2]}}, {"a": []}]
)
async def test_odd_entries_are_left_out(state, table):
    counters = await state(document=table)

    assert counters.export(SERIES, 5.0) == 5.0
