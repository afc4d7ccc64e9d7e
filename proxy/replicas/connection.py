"""The connection to Redis or Valkey; only this module and failures.py import the library.

Its retries would hide for minutes that a server is lost, so there are none: the automaton of the lease
decides what follows. A command has half a second, a connection one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from proxy.core.histogram import Histogram
from proxy.core.redaction import conceal
from proxy.replicas import scripts
from proxy.replicas.failures import failure_of
from proxy.replicas.keys import SCHEMA

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.replicas.keys import Keys
    from proxy.replicas.settings import ReplicaSettings

T = TypeVar("T")

_CONNECT_S: Final = 1.0
_COMMAND_S: Final = 0.5
# Each replica reports its schema once a second.
_LATELY_MS: Final = 10_000
_MOST_DIGITS: Final = 15
# The replica that fetches sends something every second.
_SILENT_S: Final = 5.0
_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a claim: renewed, acquired, taken or free; what the lease says now; times in ms.

    ``others`` are the versions of the schema, other than ours, that replicas of this gateway have had lately.
    """

    outcome: str
    held: str
    now_ms: int
    left_ms: int
    others: tuple[int, ...]


class RedisConnection:
    """The connections of one process to its Redis; ``errors`` counts by kind, ``seconds`` measures commands."""

    def __init__(self, settings: ReplicaSettings, clock: Clock) -> None:
        url = urlsplit(settings.redis_url)
        self.address = f"{url.hostname}:{url.port or 6379}{' over TLS' if url.scheme == 'rediss' else ''}"
        self.errors: Counter[str] = Counter()
        self.seconds = Histogram(_BUCKETS_S)
        self._now = clock.monotonic
        for secret in (url.password, settings.redis_password):
            if secret:
                conceal(secret, lasting=True)
        options: dict[str, Any] = {
            "socket_connect_timeout": _CONNECT_S,
            "socket_timeout": _COMMAND_S,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,  # its ACL need not allow an introduction, which old servers do not know
        }
        if settings.redis_password:
            options["password"] = settings.redis_password
        if settings.redis_ca:
            options["ssl_ca_certs"] = settings.redis_ca
        self._redis: Redis = Redis.from_url(settings.redis_url, **options)
        register = self._redis.register_script
        self._claim, self._release = register(scripts.CLAIM), register(scripts.RELEASE)
        self._report, self._keep, self._load = (
            register(scripts.REPORT),
            register(scripts.KEEP),
            register(scripts.LOAD),
        )

    async def claim(self, keys: Keys, own: str, candidate: str, lifetime_s: float) -> Claimed:
        """Renew or acquire the lease of a gateway; with an empty ``candidate`` none is acquired."""
        arguments: list[str | int] = [own, candidate, round(lifetime_s * 1000), SCHEMA]
        outcome, held, now, left, seen = await self._within(
            self._claim(keys=[keys.lease, keys.schemas], args=arguments)
        )
        others = {
            int(schema)
            for schema, at in zip(seen[::2], seen[1::2], strict=True)
            if _is_number(schema) and _is_number(at) and int(now) - int(at) < _LATELY_MS
        }
        says = held.decode(errors="replace")
        return Claimed(outcome.decode(), says, int(now), int(left), tuple(sorted(others - {SCHEMA})))

    async def release(self, lease: str, own: str, channel: str, message: bytes) -> None:
        """End a lease if it is ours."""
        await self._within(self._release(keys=[lease], args=[own, channel, message]))

    async def report(
        self, lease: str, own: str, channel: str, message: bytes, keys: Sequence[str], lifetime_s: float
    ) -> int:
        """Publish, and keep under these keys (0 s: remove them); return how many received it, -1 without the lease."""
        arguments: list[str | bytes | int] = [own, channel, message, round(lifetime_s * 1000)]
        return int(await self._within(self._report(keys=[lease, *keys], args=arguments)))

    async def keep(self, lease: str, own: str, channel: str, message: bytes, key: str, name: str) -> int:
        """Keep a document of the state and publish it; return as ``report`` does."""
        return int(await self._within(self._keep(keys=[lease, key], args=[own, channel, message, name])))

    async def load(self, state: str, keys: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
        """Return the documents of the state, and the values of those keys that there are."""
        named, *values = await self._within(self._load(keys=[state, *keys]))
        return named[1::2], [value for value in values if value]

    async def put(self, key: str, value: bytes, lifetime_s: float) -> None:
        """Set a key for a time."""
        await self._within(self._redis.set(key, value, px=round(lifetime_s * 1000)))

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key."""
        return cast("bytes | None", await self._within(self._redis.get(key)))

    async def take(self, key: str) -> bytes | None:
        """Return the value of a key and remove it: only one replica gets it."""
        return cast("bytes | None", await self._within(self._redis.getdel(key)))

    async def publish(self, channel: str, message: bytes) -> int:
        """Publish a message; return how many received it."""
        return int(await self._within(self._redis.publish(channel, message)))

    @asynccontextmanager
    async def subscribed(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        """Subscribe over a connection of its own, which is not made again; yields what comes. Raises RedisLost.

        It ends when nothing has come for so long that the connection may be dead.
        """
        pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
        try:
            with self._named():
                await pubsub.subscribe(*channels)
                for _ in channels:  # it answers with each, or with why it does not
                    if await pubsub.parse_response(block=False, timeout=_COMMAND_S) is None:
                        raise TimeoutError
            yield self._messages(pubsub)
        finally:
            await cast("Awaitable[None]", pubsub.aclose())  # type: ignore[no-untyped-call]  # the library's

    async def _messages(self, pubsub: Any) -> AsyncIterator[tuple[str, bytes]]:
        while True:
            with self._named():
                message = await pubsub.parse_response(block=False, timeout=_SILENT_S)
            if message is None:
                return
            if message[0] == b"message":
                yield message[1].decode(), message[2]

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def _within(self, command: Awaitable[T]) -> T:
        started = self._now()
        with self._named():
            result = await command
        self.seconds.add(self._now() - started)
        return result

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Raise what fails at Redis as RedisLost, and count it."""
        try:
            yield
        except (RedisError, OSError) as exc:
            self.errors[type(exc).__name__] += 1
            raise failure_of(exc, self.address) from exc


def _is_number(text: bytes) -> bool:
    """Say whether text that any program may have written is a number of a sensible length."""
    return text.isdigit() and len(text) <= _MOST_DIGITS
