"""Uses Redis as a replica does, beside it: what is odd, in sentences."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from proxy.core.advice import Cause
from proxy.core.clock import Clock
from proxy.drivers.finding import Finding
from proxy.replicas.agreement import OTHER_KEY, differences, term_of
from proxy.replicas.connection import RedisConnection
from proxy.replicas.failures import RedisLost, RedisRefused
from proxy.replicas.keys import Keys, Term
from proxy.replicas.sealing import read_key
from proxy.replicas.settings import ReplicaSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings

# No gateway has this id.
_NO_GATEWAY: Final = "check:"
_LIFETIME_S: Final = 5.0
_STEP: Final = "Redis"
_ADVICE: Final = "Check PW_REDIS_URL, PW_REDIS_PASSWORD and PW_REDIS_KEY, and the server (docs/replicas.md)."


async def diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    """Yield what is wrong, or what was tried."""
    found = await _trial(settings)
    for sentence, cause in found.items():
        yield Finding(_STEP, sentence, cause, _ADVICE)
    if not found:
        yield Finding(_STEP, "takes all that a replica sends to it")


async def _trial(settings: Settings) -> dict[str, Cause]:
    """Use Redis; return what is odd, and SETTINGS for that with which no replica starts."""
    own = settings.of(ReplicaSettings)
    connection = RedisConnection(own, Clock(time.monotonic, time.time))
    try:
        await use_all_rights(connection, own.redis_prefix)
        found: dict[str, Cause] = {}
        for gateway in settings.gateways:
            lease = await connection.get(Keys(own.redis_prefix, gateway.id).lease) or b""
            held, term = (
                Term.read(lease.decode(errors="replace")),
                term_of("", read_key(own.redis_key), gateway),
            )
            for sentence in differences(gateway.id, held, term):
                found[sentence] = Cause.SETTINGS if sentence == OTHER_KEY else Cause.REDIS
    except RedisLost as exc:
        return {str(exc): Cause.SETTINGS if isinstance(exc, RedisRefused) else Cause.REDIS}
    finally:
        await connection.close()
    return found


async def use_all_rights(connection: RedisConnection, prefix: str) -> None:
    """Use every right that the ACL has to give; leave nothing that lasts. Raises RedisLost."""
    keys = Keys(prefix, _NO_GATEWAY)
    term, answer = "check", keys.answer("", "")
    await connection.claim(keys, "", term, _LIFETIME_S)
    async with connection.subscribed(keys.reports, keys.requests):
        await connection.report(keys.lease, term, keys.reports, b"", [answer], _LIFETIME_S)
        await connection.keep(keys.lease, term, keys.reports, b"", keys.state, "document")
        await connection.publish(keys.requests, b"")
    await connection.load(keys.state, [answer])
    await connection.report(keys.lease, term, keys.reports, b"", [answer, keys.state], 0)
    await connection.put(keys.command(""), b"", _LIFETIME_S)
    await connection.take(keys.command(""))
    await connection.release(keys.lease, term, keys.reports, b"")
