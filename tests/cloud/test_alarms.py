"""Alarms of a site that is read through Tesla's cloud."""

import pytest

from tests.clock import settled
from tests.notify.conftest import Webhook

A_MINUTE = 61


@pytest.fixture
async def webhook():
    async with Webhook().listening() as receiver:
        yield receiver


@pytest.mark.parametrize("mode", ["fleet", "owner"])
async def test_storm_watch_is_reported_and_nothing_is_requested_for_it(cloud, connect, clock, webhook, mode):
    """Alarms see what clients request, and add no request to the month's budget. No reading is missed meanwhile."""
    proxy = await connect(cloud, mode, notify_webhook=(webhook.url,), timezone="Europe/Berlin")
    await proxy.get("/aggregates")
    before = len(cloud.requests)
    for _ in range(20):
        clock.advance(A_MINUTE)
        await settled()
    assert len(cloud.requests) - before <= 1
    assert webhook.events == []

    cloud.site.is_storm_active = True
    await proxy.get("/aggregates")
    clock.advance(11)
    await settled()

    assert webhook.events == ["storm_watch"]
    assert webhook.got[0]["text"] == "Storm watch has begun: Tesla fills the battery before a storm."
