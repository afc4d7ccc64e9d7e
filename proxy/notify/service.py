"""Alarms as the proxy sees them: what runs, is counted and reported."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.features import ActiveFeature
from proxy.notify.courier import Courier
from proxy.notify.receivers import receivers_of
from proxy.notify.settings import NotifySettings
from proxy.notify.subject import Subject

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.metrics.families import Samples
    from proxy.notify.backlog import Backlog
    from proxy.server.context import Context


class Notify:
    """The alarms of one proxy: a subject for each gateway and site, a courier for each receiver."""

    def __init__(self, context: Context) -> None:
        settings = context.settings.of(NotifySettings)
        receivers = receivers_of(settings, lambda: context.publish)
        names = [receiver.name for receiver in receivers]
        self._subjects = [
            Subject(
                gateway, grid, settings, names, self._notice, shares_site=len(_site_of(context, gateway)) > 1
            )
            for gateway, grid in _watched(context).items()
        ]
        backlogs = [subject.backlog for subject in self._subjects]
        self._couriers = [
            Courier(receiver, backlogs, context.clock, self._delivered) for receiver in receivers
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def active(self) -> ActiveFeature:
        """Return the parts of this feature."""
        return ActiveFeature(
            samples={
                "powerwall_proxy_notify_messages_total": self._messages,
                "powerwall_proxy_notify_waiting": self._waiting,
            },
            health=self._health,
            begin=self._begin,
            close=self._close,
        )

    async def _begin(self) -> None:
        """Start beside everything else: a disk that hangs delays no reading."""
        for courier in self._couriers:
            courier.open()
        self._tasks = [asyncio.create_task(self._run(subject), name="notify") for subject in self._subjects]

    async def _run(self, subject: Subject) -> None:
        """Watch while this process has the duty; of several, one reports."""
        while True:
            await subject.duty.begun()
            await subject.open()
            self._notice()
            await subject.duty.ended()
            await subject.close()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(courier.close() for courier in self._couriers))
        await asyncio.gather(*(subject.close() for subject in self._subjects))

    def _notice(self) -> None:
        for courier in self._couriers:
            courier.notice()

    def _delivered(self, backlog: Backlog) -> None:
        next(subject for subject in self._subjects if subject.backlog is backlog).delivered()

    def _messages(self) -> Samples:
        return (
            (("sent",), float(sum(courier.sent for courier in self._couriers))),
            (("failed",), float(sum(courier.failed for courier in self._couriers))),
            (("dropped",), float(sum(subject.backlog.dropped for subject in self._subjects))),
        )

    def _waiting(self) -> Samples:
        return (((), float(sum(len(subject.backlog) for subject in self._subjects))),)

    def _health(self) -> Mapping[str, Any]:
        """Say how things stand with each receiver."""
        dropped = sum(subject.backlog.dropped for subject in self._subjects)
        return {"notify": {"receivers": [courier.report() for courier in self._couriers], "dropped": dropped}}


def _site_of(context: Context, gateway: Gateway) -> tuple[Gateway, ...]:
    """Return the gateways with a battery that are at the same connection to the grid as this one."""
    site = context.gateways.sites.get(gateway.settings.site)
    members = site.members if site else (gateway,)
    return tuple(member for member in members if member.settings.type != "inverter")


def _watched(context: Context) -> dict[Gateway, tuple[Gateway, ...]]:
    """Return every gateway and site with the gateways whose grid it reports on: of a site, the site does."""
    gateways = [gateway for gateway in context.gateways.values() if gateway.cache.links]
    in_site = {member for site in context.gateways.sites.values() for member in site.members}
    alone = {gateway: () if gateway in in_site else _site_of(context, gateway) for gateway in gateways}
    sites = {
        site: _site_of(context, site.members[0]) for site in context.gateways.sites.values() if site.members
    }
    return alone | sites
