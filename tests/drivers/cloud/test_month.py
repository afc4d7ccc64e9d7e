"""The budget in the driver: counted before it is sent, across restarts, and stretched to the end of the month."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from proxy.core.budget import Budget
from proxy.core.cloud_errors import BudgetSpent
from proxy.core.errors import GatewayError
from proxy.core.model import Command, Setting
from proxy.core.sources import METERS, OPERATION
from proxy.drivers.cloud.ledger import Ledger
from proxy.state.store import StateStore
from tests.clock import EPOCH

DAY = 86400.0
# The tests' clock starts on 9 October 2025.
NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC).timestamp() - EPOCH


async def test_a_month_of_twenty_clients_stays_within_its_budget(connect, cloud, clock):
    """Each client reads once an hour; a command a day goes through all the same."""
    clock.advance(NOVEMBER)
    driver = connect(budget=500)
    refused = 0

    for minute in range(0, 30 * 24 * 60, 60):
        for _ in range(20):
            try:
                await driver.fetch("live_status")
            except GatewayError:
                refused += 1
        if minute % 1440 == 720:
            await driver.execute(Command({Setting.RESERVE: minute // 1440}))
        clock.advance(3600)

    assert cloud.api_requests <= 500
    assert cloud.api_requests > 450
    assert len(cloud.writes) == 30
    assert refused == 0


async def test_intervals_show_how_far_they_are_stretched(connect, clock):
    """A reading a minute is 44,000 a month; 5,000 are one in nine minutes."""
    clock.advance(NOVEMBER)
    driver = connect(budget=5_000)

    reported = await driver.fetch("live_status")

    assert METERS in reported
    assert 500 < driver.policy(METERS).ttl < 600
    assert driver.policy(OPERATION).ttl == pytest.approx(60 * driver.policy(METERS).ttl)
    requests = driver.describe()["requests"]
    assert (requests["month"], requests["reads"], requests["budget"]) == ("2025-11", 2, 5_000)


async def test_a_spent_budget_is_said_with_the_time_of_the_next_request(connect, cloud, clock):
    """No read gets through; a command still does."""
    clock.advance(NOVEMBER)
    driver = connect(budget=20)  # one is held back, and a day's share is one
    await driver.fetch("live_status")
    clock.advance(3600)

    with pytest.raises(BudgetSpent) as caught:
        await driver.fetch("site_info")
    await driver.execute(Command({Setting.RESERVE: 30}))

    assert caught.value.retry_after == pytest.approx(DAY - 3600, abs=5)
    assert len(cloud.writes) == 1


async def test_restarts_give_no_requests_back(connect, cloud, clock):
    """Thirty processes, each killed after its first readings."""
    clock.advance(NOVEMBER)
    for _ in range(30):
        with contextlib.suppress(GatewayError):
            await connect(budget=300).fetch("live_status")
        clock.advance(10)

    assert cloud.api_requests <= 15  # half as much again as a day's share of 285


async def test_a_killed_process_has_never_counted_too_little(clock, tmp_path):
    """What is on disk runs ahead by at most five reads and five commands."""
    ledger = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(None))

    for sent in range(1, 40):
        await ledger.spend(command=sent % 3 == 0)
        found = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(None)).describe()
        true = ledger.describe()
        assert true["reads"] <= found["reads"] <= true["reads"] + 5
        assert true["commands"] <= found["commands"] <= true["commands"] + 5
    await ledger.close()

    found = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(None)).describe()
    assert (found["reads"], found["commands"]) == (26, 13)


async def test_without_a_budget_requests_are_counted_only(connect, cloud, clock):
    driver = connect()

    await driver.fetch("live_status")

    assert driver.describe()["requests"]["budget"] is None
    assert driver.describe()["requests"]["reads"] == cloud.api_requests == 2


async def test_a_count_that_cannot_be_read_gives_the_month_no_second_time(clock, tmp_path):
    """It is taken to be as planned: on the tenth day of thirty, a third is spent."""
    clock.advance(NOVEMBER + 10 * DAY)
    (tmp_path / "cloud-requests.json").write_text("{damaged")

    ledger = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(3000))

    assert ledger.describe()["reads"] == pytest.approx(2900 / 3, abs=2)
    assert ledger.describe()["left"] == pytest.approx(2900 * 2 / 3, abs=2)


async def test_processes_on_one_folder_add_to_one_count(clock, tmp_path):
    """What the doctor sends beside a running daemon counts for the daemon, and survives its end."""
    daemon, doctor = (Ledger(StateStore(str(tmp_path)), clock.clock, Budget(None)) for _ in range(2))
    for _ in range(8):
        await daemon.spend()
    for _ in range(3):
        await doctor.spend()
    await doctor.spend(command=True)
    await doctor.close()
    for _ in range(9):
        await daemon.spend()
    await daemon.close()

    found = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(None)).describe()
    assert (found["reads"], found["commands"]) == (20, 1)


async def test_processes_on_one_folder_share_one_budget(clock, tmp_path):
    """However their requests alternate, the day's part of the month is sent once; what is held back is for commands."""
    clock.advance(NOVEMBER)
    ledgers = [Ledger(StateStore(str(tmp_path)), clock.clock, Budget(300)) for _ in range(4)]
    sent = 0

    for _ in range(20):
        for ledger in ledgers:
            with contextlib.suppress(BudgetSpent):
                await ledger.spend()
                sent += 1

    assert sent == 15  # half as much again as a day's share of 285
    await ledgers[0].spend(command=True)


async def test_a_count_that_cannot_be_written_goes_on_in_memory(clock, tmp_path):
    """A folder that is not there, such as one below a file: the budget holds for as long as the process lives."""
    clock.advance(NOVEMBER)
    (tmp_path / "file").write_text("")
    ledger = Ledger(StateStore(str(tmp_path / "file" / "state")), clock.clock, Budget(300))

    sent = 0
    for _ in range(40):
        with contextlib.suppress(BudgetSpent):
            await ledger.spend()
            sent += 1

    assert (sent, ledger.describe()["reads"]) == (15, 15)


async def test_a_month_that_begins_has_none_of_the_last_ones_requests(clock, tmp_path):
    clock.advance(NOVEMBER + 29 * DAY)
    ledger = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(3000))
    await ledger.spend()
    clock.advance(2 * DAY)
    await ledger.spend()
    await ledger.close()

    found = Ledger(StateStore(str(tmp_path)), clock.clock, Budget(3000)).describe()
    assert (found["month"], found["reads"]) == ("2025-12", 1)
