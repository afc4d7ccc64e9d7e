"""What the doors of the proxy count for its metrics: connections, and tokens that open nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.metrics.families import Samples
from proxy.server.http.guard import AuthResult

if TYPE_CHECKING:
    from proxy.server.context import Context


def samples(context: Context) -> dict[str, Callable[[], Samples]]:
    """Return the metrics. There are no connections before the app listens, and no door without a secret."""

    def connections() -> Samples:
        if context.limiter:
            yield (), len(context.limiter.active)

    def turned_away() -> Samples:
        if context.limiter:
            yield (), context.limiter.refused

    def tokens() -> Samples:
        for guard in (context.guard, *context.guards, context.login_guard):
            if guard.is_on:
                yield (guard.door, AuthResult.WRONG.value), guard.wrong
                yield (guard.door, AuthResult.WAIT.value), guard.refused

    return {
        "powerwall_proxy_connections": connections,
        "powerwall_proxy_connections_refused_total": turned_away,
        "powerwall_proxy_tokens_refused_total": tokens,
    }
