"""Replicas as the proxy sees them: what is started, counted and reported."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from proxy.features import ActiveFeature, Unusable
from proxy.replicas.agreement import OTHER_KEY, differences, term_of
from proxy.replicas.connection import RedisConnection
from proxy.replicas.failures import RedisLost, RedisRefused
from proxy.replicas.lease import Role
from proxy.replicas.member import Member
from proxy.replicas.sealing import Seal, derived, read_key
from proxy.replicas.settings import ReplicaSettings
from proxy.replicas.trial import use_all_rights

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.metrics.families import Samples
    from proxy.server.context import Context

_ID_BYTES: Final = 4


class Replicas:
    """This process's part in all gateways."""

    def __init__(self, context: Context) -> None:
        settings = context.settings.of(ReplicaSettings)
        key = read_key(settings.redis_key)
        seal, self.id = Seal(key), secrets.token_hex(_ID_BYTES)
        self._prefix = settings.redis_prefix
        self._clock = context.clock
        self._sites = tuple(context.gateways.sites.values())
        self.connection = RedisConnection(settings, context.clock)
        self._members = {
            gateway.id: self._member(gateway, seal, key, settings) for gateway in context.gateways.values()
        }
        if context.sessions is not None:
            context.sessions.sign_with(
                derived(key, f"sessions {context.settings.lan_password}"), self._shared_now
            )

    def _member(self, gateway: Gateway, seal: Seal, key: bytes, settings: ReplicaSettings) -> Member:
        return Member(
            gateway,
            [site for site in self._sites if site.members[:1] == (gateway,)],
            self.connection,
            seal,
            term_of(self.id, key, gateway.settings),
            settings.redis_prefix,
            fetches_alone=settings.redis_alone,
            spread=random.random,
        )

    def active(self) -> ActiveFeature:
        """Return the parts of this feature."""
        return ActiveFeature(
            samples={
                "powerwall_proxy_replica_state": self._states,
                "powerwall_proxy_replica_lease_changes_total": self._changes,
                "powerwall_proxy_replica_messages_total": self._messages,
                "powerwall_proxy_replica_redis_errors_total": self._errors,
                "powerwall_proxy_replica_redis_seconds": self._seconds,
            },
            health=self._health,
            begin=self._begin,
            close=self._close,
        )

    async def _begin(self) -> None:
        """Contest the leases. Raises Unusable where other settings are needed; a Redis that is lost may come back."""
        await asyncio.gather(*(member.begin() for member in self._members.values()))
        try:
            await self._check()
        except Unusable:
            await self._close()
            raise

    async def _check(self) -> None:
        for member in self._members.values():
            standing = member.standing
            if standing.refused:
                raise Unusable(standing.lost)
            if standing.held and standing.held.key != standing.term.key:
                raise Unusable(OTHER_KEY)
        if not any(member.standing.lost for member in self._members.values()):
            try:
                await use_all_rights(self.connection, self._prefix)
            except RedisRefused as exc:
                raise Unusable(str(exc)) from exc
            except RedisLost:  # the next renewal will notice
                pass

    async def _close(self) -> None:
        await asyncio.gather(*(member.close() for member in self._members.values()))
        await self.connection.close()

    def _shared_now(self) -> float:
        """Return a time that all replicas agree on: that of Redis, as it was heard last; else the wall clock."""
        known = (member.standing.ahead_s for member in self._members.values())
        ahead_s = next((each for each in known if each is not None), None)
        return self._clock.wall() if ahead_s is None else self._clock.monotonic() + ahead_s

    # -- what is reported ------------------------------------------------------------------------------

    def _health(self) -> Mapping[str, Any]:
        gateways = {id_: self._role_of(member) for id_, member in self._members.items()}
        return {
            "replica": {
                "id": self.id,
                **next(iter(gateways.values())),
                "redis": "lost" if any(member.standing.lost for member in self._members.values()) else "ok",
                "problems": list(dict.fromkeys(self._problems())),
                "gateways": gateways,
            }
        }

    def _role_of(self, member: Member) -> dict[str, Any]:
        fetches = member.standing.role in {Role.HOLDING, Role.ALONE}
        holder = self.id if fetches else member.standing.held.replica if member.standing.held else None
        return {
            "state": member.standing.role.value,
            "holder": holder,
            "since_seconds": round(self._clock.monotonic() - member.standing.lease.since, 1),
        }

    def _problems(self) -> Iterator[str]:
        for id_, member in self._members.items():
            standing = member.standing
            if standing.lost:
                yield standing.lost
            yield from differences(id_, standing.held, standing.term, standing.other_schemas)

    def _states(self) -> Samples:
        return [
            ((id_, role.value), float(role is member.standing.role))
            for id_, member in self._members.items()
            for role in Role
        ]

    def _changes(self) -> Samples:
        return [((id_,), float(member.changes)) for id_, member in self._members.items()]

    def _messages(self) -> Samples:
        return [
            ((id_, outcome), float(count))
            for id_, member in self._members.items()
            for outcome, count in {
                **dict.fromkeys(("sent", "failed", "fenced"), 0),
                **member.outbox.sent,
                "dropped": member.inbox.dropped,
            }.items()
        ]

    def _errors(self) -> Samples:
        return [((kind,), float(count)) for kind, count in self.connection.errors.items()]

    def _seconds(self) -> Samples:
        return [((), self.connection.seconds)]
