"""Names and addresses of a gateway: which is tried when, and what an address that is dead costs."""

import asyncio
import socket

import pytest

from proxy.core.errors import Unreachable
from proxy.drivers.dial import Dialer
from proxy.state.certificates import trusting_context
from tests.clock import until

DEAD = "127.0.0.2"


def resolved(*addresses):
    """A name server that has these addresses for every name, and counts the lookups."""

    def resolve(host):
        resolve.hosts.append(host)
        found = asyncio.get_running_loop().create_future()
        found.set_result(list(addresses))
        return found

    resolve.hosts = []
    return resolve


async def test_an_address_that_does_not_answer_is_passed_over_after_a_second(sim, clock):
    """
    A name with a dead first address (an AAAA record that leads nowhere): the second is tried beside it
    after a second, and the connection that is not needed is closed.
    """
    dialer = Dialer("gateway.lan", sim.port, "powerwall", resolve=resolved(DEAD, "127.0.0.1"))
    with socket.create_server((DEAD, sim.port)) as dead:
        opening = asyncio.create_task(dialer.open(asyncio.Protocol, trusting_context(), within_s=5))
        silent, _ = await asyncio.get_running_loop().run_in_executor(None, dead.accept)
        assert not opening.done()

        clock.advance(1)
        transport, _ = await opening

        assert transport.get_extra_info("peername")[0] == "127.0.0.1"
        with silent:
            silent.setblocking(False)
            while await asyncio.get_running_loop().sock_recv(silent, 4096):
                pass  # its part of the handshake, then the end
    transport.abort()


async def test_an_address_that_refuses_is_passed_over_at_once(sim):
    dialer = Dialer("gateway.lan", sim.port, "powerwall", resolve=resolved(DEAD, "127.0.0.1"))

    transport, _ = await dialer.open(asyncio.Protocol, trusting_context(), within_s=5)

    assert transport.get_extra_info("peername")[0] == "127.0.0.1"
    transport.abort()


async def test_of_several_failures_the_first_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
    dialer = Dialer("gateway.lan", port, "powerwall", resolve=resolved(DEAD, "::1"))

    with pytest.raises(
        Unreachable, match=f"gateway.lan:{port} does not accept a connection: connection refused"
    ):
        await dialer.open(asyncio.Protocol, None, within_s=5)


async def test_a_silent_name_server_costs_one_lookup_however_many_wait(clock):
    """Each caller stops waiting after its own time; the lookup that is under way serves later ones."""
    answers = []

    def resolve(host):
        answers.append(asyncio.get_running_loop().create_future())
        return answers[-1]

    dialer = Dialer("gateway.lan", 1, "powerwall", resolve=resolve)
    openings = [
        asyncio.create_task(dialer.open(asyncio.Protocol, None, within_s=seconds)) for seconds in (1, 5, 5)
    ]
    await until(lambda: answers)

    clock.advance(1)
    with pytest.raises(TimeoutError):
        await openings[0]
    answers[0].set_result([DEAD])
    for opening in openings[1:]:
        with pytest.raises(Unreachable, match="connection refused"):
            await opening

    assert len(answers) == 1
