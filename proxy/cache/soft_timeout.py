"""How long a client that could be served a stale snapshot waits for a fresh one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.core.model import Source

# A gateway that answers within this is waited for, though there is a stale snapshot.
_ORDINARY_S: Final = 0.25
# What is added to the time that its answer ordinarily takes; and all that a client waits while
# the gateway is slow, or is being tried for another client.
_MARGIN_S: Final = 0.03


def soft_timeout_s(link: Link, source: Source, took_s: float, *, fail_fast: bool) -> float:
    """Say how long (s) an exchange may be under way before a client goes without its answer.

    Twice what the last one took (``took_s``), its wait for a connection included, if the gateway is as
    quick as it should be; a failure says nothing about how long an answer takes.
    """
    if not link.breaker.is_closed:
        return _MARGIN_S
    latest = link.latest.get(link.driver.sources[source])
    if fail_fast and (link.breaker.failures or (latest and latest.outcome != "ok")):
        return 0.0
    is_ordinary = latest is not None and latest.outcome == "ok" and latest.seconds <= _ORDINARY_S
    return _MARGIN_S + (2 * took_s if is_ordinary else 0.0)
