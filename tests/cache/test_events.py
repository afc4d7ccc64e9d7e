"""What is published of a gateway: events that say what happened, each once, when it is done."""

import pytest

from proxy.cache.events import (
    CommandDone,
    EventBus,
    LinkChanged,
    OptionsChanged,
    SnapshotDiscarded,
    SnapshotStored,
)
from proxy.core.breaker import State
from proxy.core.model import Command, Setting
from proxy.core.sources import METERS, SOE, SYSTEM_STATUS
from tests.clock import until
from tests.drivers.houses import FULL

SECRET = "a long secret"


@pytest.fixture
def published(proxy):
    """Everything that is published of the proxy's gateway from now on."""
    return listen(proxy)


def listen(proxy):
    found = []
    proxy.context.gateway.events.subscribe(object, found.append)
    return found


async def test_a_reading_is_announced_with_its_revision(sim, proxy, published):
    await proxy.get("/soe")

    snapshot = proxy.context.gateway.cache.store.get(SOE)
    assert published == [SnapshotStored("default", SOE, snapshot.revision)]


async def test_a_reading_is_announced_when_all_of_its_exchange_is_stored(sim, start):
    """Who listens may read the other sources of the same answer."""
    proxy = await start(sim, **FULL)
    store, announced, known = proxy.context.gateway.cache.store, [], []
    proxy.context.gateway.events.subscribe(SnapshotStored, announced.append)
    proxy.context.gateway.events.subscribe(
        SnapshotStored, lambda _: known.append({snapshot.source: snapshot.revision for snapshot in store})
    )
    await proxy.get("/soe")

    assert {METERS, SOE} <= {event.source for event in announced}
    assert known[0] == {event.source: event.revision for event in announced}


async def test_a_link_is_announced_when_it_changes_and_not_before(sim, proxy, clock, published):
    """An answer that was to be expected changes nothing; a refusal does, and so does the recovery."""
    await proxy.get("/soe")
    sim.answers(status=429)
    clock.advance(6)
    await proxy.get("/soe")
    sim.clear_faults()
    clock.advance(601)
    await proxy.get("/soe")
    await until(lambda: proxy.context.gateway.status().is_healthy)

    changes = [event for event in published if isinstance(event, LinkChanged)]
    assert changes == [
        LinkChanged("default", "local", State.OPEN),
        LinkChanged("default", "local", State.CLOSED),
    ]


async def test_what_a_command_may_have_changed_is_announced_before_the_command(sim, start):
    """First that the readings are gone, then what became of the command."""
    proxy = await start(sim, control_secret=SECRET)
    await proxy.get("/operation")
    published = listen(proxy)
    await proxy.context.gateway.commands.execute(Command({Setting.RESERVE: 30}), "a test")

    discarded = [event.source for event in published if isinstance(event, SnapshotDiscarded)]
    (done,) = [event for event in published if isinstance(event, CommandDone)]
    assert "/api/operation" in discarded
    assert done == CommandDone("default", {Setting.RESERVE: 30}, "ok")
    assert published.index(done) > max(
        at for at, event in enumerate(published) if isinstance(event, SnapshotDiscarded)
    )


async def test_numbered_packs_are_announced(sim, proxy, published):
    """What was rendered without the numbers has to be rendered again."""
    await proxy.get("/pod")

    kinds = [type(event) for event in published]
    assert OptionsChanged in kinds
    assert SYSTEM_STATUS in {event.source for event in published if isinstance(event, SnapshotStored)}


def test_a_listener_that_fails_keeps_no_event_from_the_others(caplog):
    """Its error is logged."""
    bus, taken = EventBus("default"), []

    def fail(_: SnapshotDiscarded) -> None:
        raise ValueError("a bug of a feature")

    bus.subscribe(SnapshotDiscarded, fail)
    bus.subscribe(SnapshotDiscarded, taken.append)
    event = SnapshotDiscarded("default", SOE)
    bus.publish(event)

    assert taken == [event]
    (record,) = caplog.records
    assert record.message == "listener failed"
    assert "a bug of a feature" in record.exc_text


def test_a_listener_hears_of_its_kind_until_it_unsubscribes():
    bus, taken = EventBus("default"), []
    unsubscribe = bus.subscribe(OptionsChanged, taken.append)
    bus.publish(SnapshotDiscarded("default", SOE), OptionsChanged("default"))
    unsubscribe()
    bus.publish(OptionsChanged("default"))

    assert taken == [OptionsChanged("default")]
