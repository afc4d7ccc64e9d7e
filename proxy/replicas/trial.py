"""What ``check`` finds when it uses Redis as a replica does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from proxy.core.clock import Clock
from proxy.features import Unusable
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


def tried(settings: Settings) -> list[str]:
    """Use Redis; return what is odd. Raises Unusable, as a start would."""
    return asyncio.run(_tried(settings))


async def _tried(settings: Settings) -> list[str]:
    own = settings.of(ReplicaSettings)
    connection = RedisConnection(own, Clock(time.monotonic, time.time))
    try:
        await _use(connection, Keys(own.redis_prefix, _NO_GATEWAY))
        found: list[str] = []
        for gateway in settings.gateways:
            lease = await connection.get(Keys(own.redis_prefix, gateway.id).lease)
            held, term = Term.read((lease or b"").decode()), term_of("", read_key(own.redis_key), gateway)
            found += differences(gateway.id, held, term)
    except RedisRefused as exc:
        raise Unusable(str(exc)) from exc
    except RedisLost as exc:
        return [str(exc)]
    finally:
        await connection.close()
    if OTHER_KEY in found:
        raise Unusable(OTHER_KEY)
    return found


async def _use(connection: RedisConnection, keys: Keys) -> None:
    """Use every right that the ACL has to give. Raises RedisLost."""
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
