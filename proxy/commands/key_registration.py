"""``pair --register``: register the key for v1r through Tesla's cloud, and wait until the gateway trusts it.

It needs a sign-in, as ``setup --mode fleet``, ``owner`` or ``static`` leaves it, and counts for the month like any other
request. Only a person can switch a Powerwall off and on: that is shown once. The keys of the gateway are then listed
every half minute until it trusts ours, or has forgotten it.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from proxy.config.cloud import cloud_mode, monthly_budget
from proxy.config.console import EX_CONFIG, OK, complain
from proxy.config.gateway_settings import GatewaySettings
from proxy.core.advice import CLOUD, advice_for
from proxy.core.budget import Budget
from proxy.core.clock import Clock
from proxy.core.cloud_errors import AccountRefused, BudgetSpent, SignInRequired
from proxy.core.errors import GatewayError, LoginRejected
from proxy.drivers.cloud import keys
from proxy.drivers.cloud.factory import make_api, options_of, resolved
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.ledger import Ledger
from proxy.drivers.cloud.site import SiteEndpoints
from proxy.state.store import StateStore

# The gateway forgets a key that was not confirmed within about ten minutes.
WAIT_S: Final = 600.0
EVERY_S: Final = 30.0
_DESCRIPTION = "Powerwall Proxy"
# What waiting does not cure.
_LASTING: Final = (AccountRefused, BudgetSpent, LoginRejected, SignInRequired)

_SWITCH = (
    "Registered. Now show the gateway that you are there: switch one Powerwall off at its switch, wait some",
    "seconds, and switch it on again, within ten minutes. Waiting for it ...",
)
_CONFIRMED = "The gateway trusts the key."
_TOO_LATE = "the key is registered, and not confirmed at a Powerwall yet: run the same command again."
_NO_SIGN_IN = "there is no sign-in to Tesla's cloud, through which a key is registered: run powerwall-proxy setup --mode fleet first."


@dataclass(frozen=True, slots=True)
class Registration:
    """Registers a key. ``show`` prints a line, ``sleep`` waits for some seconds; ``tls`` is for the cloud's servers."""

    show: Callable[[str], None] = print
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Clock = field(default_factory=lambda: Clock(time.monotonic, time.time))
    tls: ssl.SSLContext | bool = True

    async def run(self, settings: GatewaySettings, folder: Path, public: str) -> int:
        """Register a key for the site of these settings, and wait; return the exit code."""
        if not cloud_mode(settings):
            complain(_NO_SIGN_IN)
            return EX_CONFIG
        options = resolved(replace(options_of(settings), tls=self.tls))
        memory = StateStore(folder)
        http = CloudHttp(self.clock.monotonic, timeout_s=options.timeout_s, tls=self.tls)
        ledger = Ledger(memory, self.clock, Budget(monthly_budget(settings), attended=True))
        api = make_api(options, http, ledger, memory, self.clock)
        try:
            is_trusted = await self._register(
                SiteEndpoints(api, self.clock.monotonic, options.site_id), public
            )
        except GatewayError as exc:
            return complain(f"{exc}.", advice_for(exc, CLOUD)[1])
        finally:
            await ledger.close()
            await http.close()
        if not is_trusted:
            return complain(_TOO_LATE)
        self.show(_CONFIRMED)
        return OK

    async def _register(self, site: SiteEndpoints, public: str) -> bool:
        """Register a key that the gateway does not trust yet; say whether it does in the end. Raises GatewayError."""

        async def is_trusted(command: dict[str, Any]) -> bool:
            return bool(keys.is_verified(await site.post(keys.ENDPOINT, command), public))

        if await is_trusted(keys.listing()) or await is_trusted(keys.addition(public, _DESCRIPTION)):
            return True
        for line in _SWITCH:
            self.show(line)
        began = self.clock.monotonic()
        while self.clock.monotonic() - began < WAIT_S:
            await self.sleep(EVERY_S)
            try:
                if await is_trusted(keys.listing()):
                    return True
            except _LASTING:
                raise
            except GatewayError as exc:  # the next one may succeed
                self.show(f"{exc}.")
        return False
