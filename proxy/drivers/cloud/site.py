"""Which site of the account is read, and what to do when the cloud no longer knows it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from proxy.core.cloud_errors import AccountRefused
from proxy.core.errors import GatewayError, NotSupported
from proxy.core.json_access import number, text
from proxy.drivers.cloud.api import CloudApi, Fetched

_log = logging.getLogger(__name__)

# An id that the account has not is looked for again after this time at the earliest.
_LOOK_AGAIN_S = 3600.0


class SiteEndpoints:
    """The endpoints of one site. Without an id it is the first of the account, as the pypowerwall proxy has it."""

    def __init__(self, api: CloudApi, now: Callable[[], float], site_id: int | None = None) -> None:
        self.site_id = site_id
        self.gateway_id: str | None = None
        self._api = api
        self._now = now
        self._looked_at: float | None = None

    async def get(
        self, endpoint: str, query: Mapping[str, str] | None = None, *, fits: Callable[[Any], bool]
    ) -> Fetched:
        """Read an endpoint of the site. Raises GatewayError."""
        try:
            return await self._api.get(await self._path(endpoint), query, fits=fits)
        except NotSupported:
            if not await self.find_again():
                raise
            return await self._api.get(await self._path(endpoint), query, fits=fits)

    async def post(self, endpoint: str, body: Mapping[str, Any]) -> Any:
        """Send a command to the site. Raises GatewayError."""
        return await self._api.post(await self._path(endpoint), body)

    async def find_again(self) -> bool:
        """Look whether the account still has the site; say whether its gateway now has another id, which is used.

        Raises AccountRefused, with the ids that there are, if the site is gone.
        """
        if self._looked_at is not None and self._now() - self._looked_at < _LOOK_AGAIN_S:
            return False
        sites = await self._sites()
        if self.site_id in sites:
            return False
        same = [
            site_id for site_id, one in sites.items() if self.gateway_id and _gateway(one) == self.gateway_id
        ]
        if len(same) != 1:
            raise self._refused(
                f"site {self.site_id} is not on this account; its sites are {_listed(sites)} (PW_SITEID)"
            )
        _log.warning("site id changed", extra={"before": self.site_id, "after": same[0]})
        self.site_id = same[0]
        return True

    async def _path(self, endpoint: str) -> str:
        if self.site_id is None:
            sites = await self._sites()
            if not sites:
                raise self._refused("the account has no energy site")
            self.site_id, first = next(iter(sites.items()))
            self.gateway_id = _gateway(first)
        return f"energy_sites/{self.site_id}/{endpoint}"

    async def _sites(self) -> dict[int, Mapping[str, Any]]:
        products = await self._api.get("products", fits=lambda value: isinstance(value, list))
        self._looked_at = self._now()
        return energy_sites(products.value)

    def _refused(self, reason: str) -> GatewayError:
        error = AccountRefused(reason)
        self._api.hold(error)
        return error


def energy_sites(products: list[Any]) -> dict[int, Mapping[str, Any]]:
    """Take the energy sites out of ``products``, by id; some answers name neither their type nor their name."""
    found = {}
    for one in products:
        site_id = number(one.get("energy_site_id")) if isinstance(one, dict) else None
        if site_id is not None:
            found[int(site_id)] = one
    return found


def _gateway(product: Mapping[str, Any]) -> str | None:
    return text(product.get("gateway_id"))


def _listed(sites: Mapping[int, Mapping[str, Any]]) -> str:
    return ", ".join(str(site_id) for site_id in sites) or "none"
