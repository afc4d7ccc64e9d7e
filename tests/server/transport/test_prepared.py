"""An answer that is ready stays so until one of its own sources changes."""

import pytest

from proxy.cache.events import LinkChanged, OptionsChanged
from proxy.core.breaker import State
from proxy.server.transport.prepared import PreparedResponses
from tests.server.transport.clients import head

SOE = "/api/system_status/soe"
METERS = "/api/meters/aggregates"


@pytest.fixture
async def answers(proxy):
    """The answers of a proxy that has read charge and powers; none is prepared yet."""
    for path in ("/soe", "/aggregates"):
        await proxy.get(path)
    return PreparedResponses(proxy.context)


def prepared(answers, path):
    answer = answers.find(head(f"GET {path} HTTP/1.1", "Host: localhost"))
    assert answers.renew(answer, answers.now())
    return answer


def is_ready(answer):
    """Whether no event has ended it; how long it lasts without one is no matter here."""
    return answer.until > float("-inf")


async def test_an_answer_outlives_a_reading_that_is_none_of_its_own(sim, proxy, answers):
    """Powers are read every few seconds; whatever else is shown need not be written again for it."""
    charge, powers = prepared(answers, "/soe"), prepared(answers, "/aggregates")
    proxy.context.gateway.cache.discard([METERS])
    await proxy.get("/aggregates")

    assert is_ready(charge)
    assert not is_ready(powers)


async def test_an_answer_outlives_a_change_of_the_link(proxy, answers):
    """What is fresh is served, whatever becomes of the connection."""
    charge = prepared(answers, "/soe")
    proxy.context.gateway.events.publish(LinkChanged("default", "local", State.OPEN))

    assert is_ready(charge)


async def test_an_answer_that_lacks_a_source_ends_with_a_change_of_the_link(sim, proxy, answers):
    """The source may be had now."""
    sim.answers(status=404, path="/api/devices/vitals")
    for _ in range(2):
        await proxy.get("/freq")
    frequency = prepared(answers, "/freq")
    proxy.context.gateway.events.publish(LinkChanged("default", "local", State.CLOSED))

    assert not is_ready(frequency)


async def test_an_answer_ends_when_packs_are_numbered(proxy, answers):
    """Numbers of packs are part of many answers, and no reading of their own."""
    charge = prepared(answers, "/soe")
    proxy.context.gateway.events.publish(OptionsChanged("default"))

    assert not is_ready(charge)
