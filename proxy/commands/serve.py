"""``serve``: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from proxy.commands.daemon import leave, serve
from proxy.commands.simulated import settings_for, settings_for_cloud, unknown_persona
from proxy.config.console import EX_CONFIG, complain, load_or_exit
from proxy.config.gateway_settings import OFF, SiteSettings
from proxy.config.load import Loaded, SettingsError, load
from proxy.config.settings import SETTINGS, Settings, value_of
from proxy.core import events
from proxy.features import features
from proxy.files import load_pair
from proxy.logs import format as logs
from proxy.server.memory import shrink_tls_buffers
from proxy.state.certificates import serving_context
from proxy.state.folder import state_problem

_log = logging.getLogger(__name__)

IN_CLOUD = "cloud"  # the demo of a site whose gateway is out of reach
TWO = "2"  # the demo of two gateways


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, and end the process then."""
    if args.demo and (unknown := unknown_persona(args.persona)):
        return complain(unknown)
    if args.port is not None:
        os.environ["PW_PORT"] = str(args.port)  # the same setting, also when a SIGHUP reads it again
    loaded = _loaded(is_demo=args.demo)
    settings = loaded.settings
    logs.set_up(settings)
    for warning in loaded.warnings:
        _log.warning(events.SUSPICIOUS_SETTING, extra={"hint": warning})
    if args.demo:
        settings = replace(
            settings,
            state_path="",
            gateway=replace(settings.gateway, cache_file="", auth_path="", cloud_mode=OFF),
            listed=(),
            sites=(),
            default="",
        )  # it leaves nothing behind
    elif problem := state_problem(settings):
        _log.warning("state not persisted", extra={"hint": problem})
    try:
        tls = serving_context(settings) if settings.https == "yes" else None
    except OSError as exc:
        complain(f"PW_HTTPS=yes: the certificate cannot be used ({exc.strerror or exc}).")
        return EX_CONFIG
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        if args.demo:
            code = runner.run(_demonstrate(args, settings, tls, loaded))
        else:
            code = runner.run(serve(settings, tls, _Reload(loaded.settings, tls), loaded))
    return leave(code)


def _loaded(*, is_demo: bool) -> Loaded:
    """Load the settings. That no gateway is set is nothing wrong: the pages of the proxy then say what to set."""
    try:
        return load(os.environ, needs_gateway=False)
    except SettingsError:
        return load_or_exit(needs_gateway=not is_demo)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - optional: there are no wheels for every platform
    except ImportError:
        shrink_tls_buffers()
        return None
    return uvloop.new_event_loop


async def _demonstrate(
    args: argparse.Namespace, settings: Settings, tls: ssl.SSLContext | None, loaded: Loaded
) -> int:
    """Serve simulated houses in the same process."""
    async with _simulated(args, settings) as made:
        for feature in features():
            made = feature.demonstrate(made, args.speed)  # noqa: PLW2901 - each adds to what the one before has made
        logs.set_up(made)  # of several houses, lines name the one that they are about
        return await serve(made, tls, _Reload(loaded.settings, tls), loaded)


@asynccontextmanager
async def _simulated(args: argparse.Namespace, settings: Settings) -> AsyncIterator[Settings]:
    """Run what a demo reads; yields the settings that read it. Of several houses there is a total, too."""
    from proxy.sim.demo import DEMO_HOUSES, DEMO_SITE, DEMO_TOTAL, demos  # noqa: PLC0415 - only a demo pays for it

    houses = demos(len(DEMO_HOUSES) if args.demo == TWO else 1, args.persona, args.speed)
    if args.demo == IN_CLOUD:
        from proxy.sim.cloud.demo import in_cloud  # noqa: PLC0415 - only a demo pays for it

        async with in_cloud(houses[0]) as cloud:
            yield replace(settings, gateway=replace(settings.gateway, **settings_for_cloud(cloud)))
        return
    async with AsyncExitStack() as stack:
        for house in houses:
            await stack.enter_async_context(house)
        gateways = [replace(settings.gateway, **settings_for(house)) for house in houses]
        if len(gateways) == 1:
            yield replace(settings, gateway=gateways[0])
            return
        named = zip(DEMO_HOUSES, gateways, strict=True)
        listed = tuple(replace(each, id=id_, site=DEMO_SITE) for id_, each in named)
        yield replace(settings, listed=listed, sites=(SiteSettings(DEMO_SITE, DEMO_TOTAL),))


class _Reload:
    """What a SIGHUP does: read everything again, change what can be changed while running.

    ``settings`` are those that were read, not what a demo makes of them.
    """

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._tls = tls

    def __call__(self) -> None:
        try:
            wanted = load(os.environ, needs_gateway=False).settings
        except SettingsError as exc:
            _log.error("reload refused", extra={"problems": " ".join(exc.problems)})
            return
        changed = [row for row in SETTINGS if value_of(wanted, row) != value_of(self._settings, row)]
        now = {row.key: getattr(wanted, row.key) for row in changed if row.reloads}
        later = [row.env for row in changed if not row.reloads]
        if (wanted.listed, wanted.sites) != (self._settings.listed, self._settings.sites):
            later.append("the list of gateways")
        self._settings = replace(self._settings, **now)
        logs.set_up(self._settings)
        self._renew_certificate()
        _log.info("reloaded", extra={"changed": ", ".join(now) or "nothing"})
        if later:
            _log.warning("restart needed", extra={"settings": ", ".join(later)})

    def _renew_certificate(self) -> None:
        """Load the owner's certificate again: it may have been renewed. Connections in use keep the old one."""
        if self._tls and self._settings.tls_cert:
            try:
                load_pair(self._tls, self._settings.tls_cert, self._settings.tls_key)
            except OSError as exc:
                _log.error("certificate not renewed", extra={"reason": exc.strerror or str(exc)})
