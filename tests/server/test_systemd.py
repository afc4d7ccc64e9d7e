"""What a service manager is sent: sd_notify(3), over a socket of its own."""

import os
import socket

import pytest

from proxy.server.systemd import ServiceManager
from tests.clock import settled

HALF_A_MINUTE = {"WATCHDOG_USEC": "30000000"}


class Manager:
    """The end of a service manager: a datagram socket in a folder, or one in the abstract namespace."""

    def __init__(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0"))
        self._socket.setblocking(False)

    def reports(self) -> list[str]:
        """Everything that has arrived since the last look."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["{}/notify", "@{}/notify"], ids=["path", "abstract"])
def name(request, tmp_path) -> str:
    return request.param.format(tmp_path)


@pytest.fixture
def manager(name):
    manager = Manager(name)
    yield manager
    manager.close()


async def test_the_watchdog_is_served_twice_per_interval_until_the_end(name, manager, passing):
    """The timer is one of the event loop: a loop that hangs sends nothing."""
    service = ServiceManager({"NOTIFY_SOCKET": name, **HALF_A_MINUTE})
    assert manager.reports() == []

    service.ready("Listening")
    assert manager.reports() == ["READY=1\nSTATUS=Listening", "WATCHDOG=1"]
    await passing(14)
    assert manager.reports() == []
    await passing(1)
    assert manager.reports() == ["WATCHDOG=1"]
    await passing(15)
    assert manager.reports() == ["WATCHDOG=1"]

    service.stopping()
    await passing(60)
    assert manager.reports() == ["STOPPING=1\nSTATUS=Stopping"]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {**HALF_A_MINUTE, "WATCHDOG_PID": "1"}],
    ids=["none", "zero", "no number", "another process's"],
)
async def test_without_a_watchdog_of_its_own_none_is_served(name, manager, watchdog, passing):
    service = ServiceManager({"NOTIFY_SOCKET": name, **watchdog})

    service.ready("Listening")
    await passing(60)

    assert manager.reports() == ["READY=1\nSTATUS=Listening"]


async def test_a_watchdog_meant_for_this_process_is_served(name, manager, passing):
    service = ServiceManager({"NOTIFY_SOCKET": name, **HALF_A_MINUTE, "WATCHDOG_PID": str(os.getpid())})

    service.ready("Listening")

    assert manager.reports()[1:] == ["WATCHDOG=1"]
    service.stopping()


async def test_a_reload_before_it_is_ready_says_nothing_of_readiness(name, manager):
    """READY=1 at its end would let the units start that wait for the port."""
    service = ServiceManager({"NOTIFY_SOCKET": name})

    with service.reloading():
        pass

    assert manager.reports() == []


@pytest.mark.parametrize("address", ["", "/run/gone/notify", "vsock:2:1234"], ids=["none", "gone", "vsock"])
async def test_without_a_listening_manager_everything_works_and_nothing_is_sent(address, passing):
    service = ServiceManager({"NOTIFY_SOCKET": address, **HALF_A_MINUTE})

    service.ready("Listening")
    await passing(60)
    with service.reloading():
        pass
    service.stopping()


@pytest.fixture
def passing(clock):
    """Let time pass and its timers fire."""

    async def passing(seconds: float) -> None:
        clock.advance(seconds)
        await settled()

    return passing
