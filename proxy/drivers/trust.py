"""Which certificate a gateway may show, as PW_GW_TLS says.

A gateway signs for itself, so no authority vouches for it: by default the
certificate that is seen first is pinned in the state folder, and any other is
refused until the owner says that it is right.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import re
import ssl
from typing import TYPE_CHECKING, TypeAlias

import aiohttp

from proxy.core.errors import CertificateChanged, Unreachable
from proxy.state.certificates import PINS, trusting_context
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.drivers.dial import Dialer
    from proxy.state.store import StateStore

_log = logging.getLogger(__name__)

# What aiohttp takes as ``ssl``: False trusts any certificate, or there is no TLS.
Trusted: TypeAlias = "ssl.SSLContext | aiohttp.Fingerprint | bool"

# The names that a gateway's TLS accepts (docs/protocol.md, "Address and TLS"); any other aborts the handshake.
SERVER_NAME = "powerwall"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Trust:
    """The trust in one gateway. Its owner makes one call at a time."""

    def __init__(self, dialer: Dialer, address: str, settings: GatewaySettings, memory: StateStore) -> None:
        self._dialer = dialer
        self._address = address
        self._settings = settings
        self._memory = memory
        self._known: ssl.SSLContext | aiohttp.Fingerprint | None = None

    async def check(self) -> Trusted:
        """Say whom to trust now: another pin may have been accepted. Raises GatewayError, OSError, TimeoutError."""
        match self._settings.gw_tls:
            case "off":
                return False
            case "ca":
                self._known = self._known or self._vouched()
            case _:
                pin = await self._pin()
                if not isinstance(self._known, aiohttp.Fingerprint) or self._known.fingerprint.hex() != pin:
                    self._known = aiohttp.Fingerprint(bytes.fromhex(pin))
        return self._known

    def _vouched(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._settings.gw_ca)
        except OSError as exc:  # a file that is no certificate, too
            raise Unreachable(f"PW_GW_CA cannot be used: {exc.strerror or exc}") from exc
        # Python 3.13 demands extensions that Tesla's certificates need not have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = False  # gateways are addressed by IP, their names are always the same
        return context

    async def _pin(self) -> str:
        """Return the SHA-256 (hex) of the pinned certificate; if there is none, of the one seen now.

        Only an absent pin is a first sight: one that cannot be read may be of another certificate.
        """
        try:
            pin = self._memory.read(PINS).get(self._address)
            if pin is None:
                pin = await self._first_sight()
                await self._memory.submit(self._memory.update, PINS, {self._address: pin})
                _log.info("certificate pinned", extra={"gateway": self._address, "sha256": pin})
        except Unreadable as exc:
            if isinstance(self._known, aiohttp.Fingerprint):
                return self._known.fingerprint.hex()
            raise CertificateChanged(
                f"{exc}, so no certificate is trusted; repair it, or, to pin the certificate that the gateway "
                "shows, run: powerwall-proxy cert accept"
            ) from exc
        # An owner may have written it down as other programs show it.
        pin = pin.replace(":", "").lower() if isinstance(pin, str) else ""
        if not _SHA256.fullmatch(pin):
            raise CertificateChanged(
                f"the pin of {self._address} in {PINS} is no SHA-256; to pin the certificate that the gateway "
                "shows, run: powerwall-proxy cert accept"
            )
        return pin

    async def _first_sight(self) -> str:
        """Shake hands once without trust to learn the certificate; nothing is sent."""
        transport, _ = await self._dialer.open(
            asyncio.Protocol, trusting_context(), within_s=self._settings.timeout
        )
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        transport.close()
        return hashlib.sha256(certificate).hexdigest()


def server_name(host: str) -> str:
    """Return the name for TLS: one that gateways accept, or the address, for which no name is sent."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return SERVER_NAME
    return host
