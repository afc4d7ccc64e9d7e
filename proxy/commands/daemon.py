"""The life of the daemon: signals, notifications to the service manager, and an end that is always in time."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from proxy.app import build_app, listening
from proxy.commands.greeting import address_to_open, report_connection
from proxy.config.cloud import cloud_mode
from proxy.config.console import EX_CONFIG, EX_UNAVAILABLE, complain
from proxy.features import Unusable
from proxy.logs import format as logs
from proxy.server.context import CONTEXT, Context
from proxy.server.systemd import ServiceManager

if TYPE_CHECKING:
    from proxy.config.load import Loaded
    from proxy.config.settings import Settings
    from proxy.gateways.gateway import Gateways

_log = logging.getLogger(__name__)

# A stop takes 2 s at most.
_LONGEST_STOP_S = 1.9
# How often it is looked whether the log has lines that are due.
_LOG_S = 10.0


async def serve(
    settings: Settings, tls: ssl.SSLContext | None, reload: Callable[[], None], loaded: Loaded
) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    manager = ServiceManager(os.environ)

    def write_log() -> None:
        logs.write_due()
        loop.call_later(_LOG_S, write_log)

    def end() -> None:
        if not stop.is_set():
            stop.set()
            _limit_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    write_log()
    loop.add_signal_handler(signal.SIGHUP, manager.reloading()(reload))
    app = build_app(settings, loaded=loaded)
    try:
        async with listening(app, settings, tls, defers=True) as (host, port):
            url = _url(settings.scheme, host, port)
            gateway = ", ".join(each.host or cloud_mode(each) or "none" for each in settings.gateways)
            page = address_to_open(settings.scheme, host, port, os.environ)
            _log.info("listening", extra={"url": url, "gateway": gateway, "open": page})
            _log_more_ports(app[CONTEXT], host, "http" if tls is None else "https")
            manager.ready(f"Listening on {url}, gateway {gateway}")
            # What a start has made stays: garbage collections, during which no client is answered, pass it by.
            gc.freeze()
            first_round = asyncio.create_task(_read_once(app[CONTEXT].gateways, page), name="first round")
            await stop.wait()
            _log.info("stopping")
            first_round.cancel()
            manager.stopping()
    except Unusable as exc:
        complain(str(exc))
        return EX_CONFIG
    except OSError as exc:
        where = exc.filename or f"{settings.bind_address or '*'}:{settings.port}"
        wrong = "it" if exc.filename else "PW_PORT"
        reason = (
            "is in use by another program"
            if exc.errno == errno.EADDRINUSE
            else f"cannot be used: {exc.strerror}"
        )
        sys.stderr.write(f"powerwall-proxy: {where} {reason}; set {wrong} or PW_BIND_ADDRESS to another.\n")
        return EX_UNAVAILABLE
    return 0


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _log_more_ports(context: Context, host: str, scheme: str) -> None:
    """Log PW_HTTPS_PORT and the ports that mean one gateway."""
    if scheme == "https" and (port := context.settings.https_port):
        _log.info("listening", extra={"url": _url(scheme, host, port)})
    for port, gateway in context.ports.items():
        _log.info("listening", extra={"url": _url(scheme, host, port), "gateway": gateway.id})


async def _read_once(gateways: Gateways, page: str) -> None:
    """Log of every gateway whether it can be read; without one, where it is said what to set."""
    known = [gateway for gateway in gateways.values() if gateway.cache.links]
    if not known:
        _log.warning("no gateway is configured", extra={"hint": f"{page} shows what to set"})
    await asyncio.gather(*(report_connection(gateway, is_named=len(known) > 1) for gateway in known))


def _limit_stop() -> None:
    """Exit in time, whatever is still under way: Python would wait for threads that read from a dead disk."""

    def end() -> None:
        _log.warning("stop not finished", extra={"after_s": _LONGEST_STOP_S})
        leave(0)

    timer = threading.Timer(_LONGEST_STOP_S, end)
    timer.daemon = True
    timer.start()


def leave(code: int) -> NoReturn:
    """Exit at once, also where nothing reads the output any more.

    Python's own end takes ten times as long as the stop before it, and waits for threads without a limit.
    """
    try:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what failed beside every task, unless it is the end of a connection that was given up.

    uvloop leaves the outcome of a TLS handshake behind when the connection was cancelled in the same turn.
    """
    if "future" in context and isinstance(context.get("exception"), OSError):
        _log.debug("connection abandoned", extra={"reason": str(context["exception"])})
    else:
        loop.default_exception_handler(context)
