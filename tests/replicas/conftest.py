"""A real Redis for the tests of a module, with a port and a folder of its own, and replicas that share it.

Where Valkey is installed as well, all tests run with it, too; their names say which was used.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import redis as library

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.replicas import wire
from proxy.replicas.sealing import Seal, new_key, read_key
from tests.clock import settled
from tests.conftest import Proxy, client_of
from tests.processes import ServerProcess, free_port, happens
from tests.quiet import QUIET
from tests.replicas.cable import Cable

# How much time passes for replicas while a test looks once: not as much as a command of Redis may take.
_STEP_S = 0.2
ROOT = Path(__file__).parents[2]
PROGRAMS = [name for name in ("redis-server", "valkey-server") if shutil.which(name)] or ["redis-server"]
PASSWORD = "jade-anchor-3301"
KEY = new_key()
# As docs/replicas.md has it; only the tests look into it as another user.
ACL = (ROOT / "deploy/replicas/users.acl").read_text().replace("change-me", PASSWORD)
ADMIN = "user admin on >admin ~* &* +@all\n"


class RedisServer(ServerProcess):
    """A Redis; each start begins with an empty one."""

    def __init__(self, folder: Path, program: str) -> None:
        super().__init__(folder / "log")
        self._program = program
        self._is_frozen = False
        self.port = free_port()
        self.folder = folder
        (folder / "users.acl").write_text(ACL + ADMIN)
        self._ping = library.Redis(port=self.port, username="admin", password="admin", protocol=2)

    @property
    def url(self) -> str:
        return f"redis://powerwall@127.0.0.1:{self.port}"

    def start(self) -> None:
        if self.runs:
            return
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self.folder), "--aclfile", str(self.folder / "users.acl")]
        self.run(command, self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(library.ConnectionError):
            self.admin("PING")
            return True
        return False

    def admin(self, *command: object):
        """Run a command as a user who may do everything."""
        with library.Redis(port=self.port, username="admin", password="admin", protocol=2) as client:
            return client.execute_command(*command)

    async def settled(self) -> None:
        """Let everything happen, also here, that happens before more time passes."""
        for _ in range(2 if self.runs and not self._is_frozen else 0):
            await settled()
            self._ping.ping()
        await settled()

    def freeze(self) -> None:
        super().freeze()
        self._is_frozen = True

    def thaw(self) -> None:
        super().thaw()
        self._is_frozen = False

    def kill(self) -> None:
        self._ping.close()
        super().kill()


@pytest.fixture(scope="module", params=PROGRAMS)
def server(request, tmp_path_factory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"), request.param)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def redis(server) -> RedisServer:
    """The server, running and empty."""
    server.start()
    server.admin("FLUSHALL")
    return server


class Replica:
    """A proxy that shares its gateway."""

    def __init__(self, proxy: Proxy, cable: Cable, redis: RedisServer, clock, life: AsyncExitStack) -> None:
        self.proxy = proxy
        self.settled = redis.settled
        self.pass_time = partial(_pass_time, redis, clock)
        self.cable = cable
        self.get = proxy.get
        self.post = proxy.post
        self._life = life

    @property
    def cache(self):
        return self.proxy.context.gateway.cache

    @property
    def member(self):
        (relay,) = {link.relay for link in self.cache.links}
        return relay._member

    @property
    def has_duty(self) -> bool:
        return self.proxy.context.gateway.duty.is_on

    def samples(self, family: str):
        return self.proxy.context.samples[f"powerwall_proxy_replica_{family}"]()

    async def standing(self) -> dict:
        return (await self.get("/health")).json()["replica"]

    async def state(self) -> str:
        return (await self.standing())["state"]

    async def becomes(self, state: str) -> None:
        """Let time pass until this replica is something else, and has taken over what belongs to it."""

        async def has_become() -> bool:
            await self.pass_time()
            return await self.state() == state and self.has_duty is (state == "holding" or self.has_duty)

        await happens(has_become)

    async def end(self) -> None:
        """End it in an orderly way."""
        await self._life.aclose()


class Wire:
    """What replicas send each other, opened with their key."""

    def __init__(self, redis: RedisServer) -> None:
        self._client = library.Redis(port=redis.port, username="admin", password="admin", protocol=2)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe("pwp:1:{default}:*")
        self._pubsub.get_message(timeout=1)
        self._seal = Seal(read_key(KEY))

    def heard(self) -> list[tuple[str, bytes, dict]]:
        """Return what was sent since it was heard last: the channel, the message, and what it says."""
        self._client.ping()
        found = []
        while message := self._pubsub.get_message(timeout=0):
            channel, sent = message["channel"].decode(), message["data"]
            sender, _, sealed = sent.partition(b":")
            head, _ = wire.unpack(self._seal.open(sealed, f"{channel}:{sender.decode()}"))
            found.append((channel, sent, head))
        return found

    def close(self) -> None:
        self._pubsub.close()
        self._client.close()


@pytest.fixture
def wiretap(redis) -> Iterator[Wire]:
    made = Wire(redis)
    yield made
    made.close()


async def _pass_time(redis: RedisServer, clock) -> None:
    clock.advance(_STEP_S)
    await redis.settled()


async def one_fetches(*replicas: Replica) -> float:
    """Let time pass until one replica holds the lease, and all others follow it; return how long (s) it took."""
    steps = 0

    async def has_come() -> bool:
        nonlocal steps
        steps += 1
        await replicas[0].pass_time()
        states = sorted([await each.state() for each in replicas])
        return states == [*["following"] * (len(replicas) - 1), "holding"]

    await happens(has_come)
    return steps * _STEP_S


@pytest.fixture
async def replica(clock, tmp_path, redis) -> AsyncIterator[Callable]:
    """Start replicas: ``await replica(sim, cache_expire=1)``; each has a state folder and a way to Redis of its own."""
    began, began_ms = clock.clock.monotonic(), time.time_ns() // 1_000_000
    async with AsyncExitStack() as stack:
        cables = []

        def now_ms() -> int:
            return began_ms + int((clock.clock.monotonic() - began) * 1000)

        async def replica(sim=None, gateways=(), sites=(), **settings) -> Replica:
            cable = Cable(redis.port, settings.pop("tls", None), now_ms)
            await cable.join()
            stack.push_async_callback(cable.cut)
            cables.append(cable)
            settings = {
                **({"host": sim.address, "password": "password"} if sim else {}),
                "bind_address": "127.0.0.1",
                "port": 0,
                "redis_url": f"{settings.pop('scheme', 'redis')}://powerwall@127.0.0.1:{cable.port}",
                "redis_password": PASSWORD,
                "redis_key": KEY,
                "state_path": str(tmp_path / f"state{len(cables)}"),
                **QUIET,
                **settings,
            }
            life = await stack.enter_async_context(AsyncExitStack())
            own_clock = settings.pop("clock", clock.clock)
            made = replace(settings_of(**settings), listed=tuple(gateways), sites=tuple(sites))
            app = build_app(made, own_clock)
            _, port = await life.enter_async_context(listening(app, made))
            proxy = await life.enter_async_context(client_of(app, port))
            return Replica(proxy, cable, redis, clock, life)

        yield replica
