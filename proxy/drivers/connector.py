"""aiohttp's pool over our own way of opening connections."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiohttp

from proxy.core.errors import CertificateChanged
from proxy.state.certificates import trusting_context

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

    from proxy.drivers.dial import Dialer


class GatewayConnector(aiohttp.BaseConnector):
    """Connections to the one gateway that ``dialer`` leads to; ``address`` is what sentences call it.

    At most ``size`` at once; those to ``keep`` outlive their request. Failures to connect are GatewayErrors,
    for which aiohttp does not repeat a request.
    """

    def __init__(self, dialer: Dialer, address: str, size: int, *, keep: bool) -> None:
        super().__init__(limit=size, force_close=not keep, keepalive_timeout=75 if keep else None)
        self._dialer = dialer
        self._address = address
        self._trusting = trusting_context()
        self._trusting.set_alpn_protocols(["http/1.1"])

    def close(self, *, abort_ssl: bool = True) -> Awaitable[None]:
        """Close all connections, without waiting for a gateway's part in it."""
        return super().close(abort_ssl=abort_ssl)

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],  # noqa: ARG002 - aiohttp's; nothing is traced here
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's, and it is passed by keyword
    ) -> ResponseHandler:
        """Open a connection for a request: the method that aiohttp documents for its subclasses."""
        trust = req.ssl
        tls = (trust if isinstance(trust, ssl.SSLContext) else self._trusting) if req.is_ssl() else None
        while True:
            transport, protocol = await self._dialer.open(self._factory, tls, within_s=timeout.sock_connect)
            if not (tls and isinstance(trust, aiohttp.Fingerprint)):
                return protocol
            try:
                trust.check(transport)
            except aiohttp.ServerFingerprintMismatch as exc:
                transport.abort()
                self._dialer.report(is_there=False)
                if not self._dialer.may_be_elsewhere:
                    raise CertificateChanged(
                        f"{self._address} shows another certificate than before; if that is right (new gateway, new "
                        "firmware), run: powerwall-proxy cert accept"
                    ) from exc
            else:
                return protocol
