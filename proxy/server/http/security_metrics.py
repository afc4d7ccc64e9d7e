"""What access control counts for the metrics: connections, and tokens that are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.metrics.families import Samples
from proxy.server.http.guard import AuthResult

if TYPE_CHECKING:
    from proxy.server.context import Context


def samples(context: Context) -> dict[str, Callable[[], Samples]]:
    """Return the metrics. There are no connections before the app listens, and no realm without a secret."""

    def connections() -> Samples:
        if context.limiter:
            yield (), len(context.limiter.active)

    def refused() -> Samples:
        if context.limiter:
            yield (), context.limiter.refused

    def tokens() -> Samples:
        for guard in (context.guard, *context.guards, context.login_guard):
            if guard.is_on:
                yield (guard.realm, AuthResult.WRONG.value), guard.wrong
                yield (guard.realm, AuthResult.WAIT.value), guard.refused

    return {
        "powerwall_proxy_connections": connections,
        "powerwall_proxy_connections_refused_total": refused,
        "powerwall_proxy_tokens_refused_total": tokens,
    }
