"""``health``: the exit code that a container health check wants, without curl and shell."""

from __future__ import annotations

import argparse
import http.client
import json

from proxy.config.console import OK, complain, load_or_exit, the_one
from proxy.config.settings import Settings
from proxy.state.certificates import trusting_context

_SOFT_TIMEOUT_S = 5.0
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def run(args: argparse.Namespace) -> int:
    """Request /ready of the daemon that runs with these settings."""
    settings = load_or_exit(needs_gateway=False).settings
    path = f"/gateways/{the_one(settings, args.gateway).id}/ready" if args.gateway else "/ready"
    client = _client(settings)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as exc:
        reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        return complain(f"no answer on port {settings.port}: {reason}")
    finally:
        client.close()
    if answer.status == http.client.OK:
        print("ready")
        return OK
    return complain(_detail(body) or f"{path} answers {answer.status}")


def _client(settings: Settings) -> http.client.HTTPConnection:
    host = _LOOPBACK.get(settings.bind_address, settings.bind_address)
    if settings.scheme == "http":
        return http.client.HTTPConnection(host, settings.port, timeout=_SOFT_TIMEOUT_S)
    # Our own daemon on our own machine.
    return http.client.HTTPSConnection(
        host, settings.port, timeout=_SOFT_TIMEOUT_S, context=trusting_context()
    )


def _detail(body: bytes) -> str:
    """Give the sentence of a problem document (RFC 9457), if this is one."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return str(document.get("detail", "")) if isinstance(document, dict) else ""
