"""``setup --mode fleet|owner|static``: sign in to Tesla's cloud, choose the site, and read it once.

A mode is a row of ``MODES``. Each of its steps is skipped when what it obtains is on disk already, and
writes down what it obtained before the next one begins: a set-up that was interrupted goes on where it
ended when the command is run again. No browser is driven and no captcha is answered: the operator opens
the address that is shown, and pastes the one that the browser ends at.
"""

from __future__ import annotations

import argparse
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from proxy.commands.fleet_setup import sign_in as sign_in_fleet
from proxy.commands.operator import Operator
from proxy.commands.owner_setup import sign_in as sign_in_owner
from proxy.commands.sign_in_steps import Steps, Stopped, Unsupported, chosen_site, given_text
from proxy.config.cloud import cloud_mode, monthly_budget
from proxy.config.console import EX_CONFIG, OK, complain
from proxy.config.gateway_settings import FLEET, OWNER, STATIC, GatewaySettings
from proxy.config.load import SettingsError, load
from proxy.config.settings import Settings
from proxy.config.settings_file import merged, write_settings
from proxy.core.advice import CLOUD, advice_for
from proxy.core.budget import Budget
from proxy.core.clock import Clock
from proxy.core.errors import GatewayError
from proxy.core.model import Document
from proxy.core.redaction import conceal
from proxy.core.sources import METERS, SITE_NAME, SOE
from proxy.drivers.cloud.documents import INFO, LIVE
from proxy.drivers.cloud.factory import API_URLS, make, options_of
from proxy.drivers.cloud.found import look
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.ledger import Ledger
from proxy.state.folder import folder_of
from proxy.state.store import StateStore
from proxy.views.json_access import number, section

_TIMEOUT_S = 20.0
_METERS = {"solar": "solar", "home": "load", "grid": "site", "battery": "battery"}


async def _sign_in_static(steps: Steps) -> Mapping[str, str]:
    """Take the token of a provider with the same endpoints, and choose the site."""
    url = steps.args.url or steps.settings.cloud_url
    if not url:
        url = steps.operator.answer(f"Address of the provider's API [{API_URLS[STATIC]}]", "--url")
    url = (url or API_URLS[STATIC]).rstrip("/")
    token = steps.settings.cloud_token or given_text(steps.args.token_file)
    token = token or steps.operator.secret("Token that the provider's console shows", "--token-file").strip()
    if not token:
        raise Stopped("an empty token is none.")
    conceal(token, lasting=True)
    found = await steps.sites_at(url, token)
    site_id = chosen_site(steps, found, None)
    return {"cloud_mode": STATIC, "cloud_url": url, "cloud_token": token, "siteid": str(site_id)}


MODES: Final[Mapping[str, Callable[[Steps], Awaitable[Mapping[str, str]]]]] = {
    FLEET: sign_in_fleet,
    OWNER: sign_in_owner,
    STATIC: _sign_in_static,
}


async def set_up(
    args: argparse.Namespace,
    operator: Operator,
    environ: Mapping[str, str],
    file: Path,
    *,
    tls: ssl.SSLContext | bool = True,
) -> int:
    """Sign in, choose the site, read it, and write what the proxy needs to find the sign-in; return the exit code."""
    try:
        settings, state = _settings(args, _with_file(environ, file))
    except SettingsError as exc:
        complain(*exc.problems)
        return EX_CONFIG
    except OSError as exc:
        return complain(f"{exc.filename} cannot be used: {exc.strerror}.")
    if args.dry_run:
        operator.show(f"Dry run: the sign-in would be kept in {settings.auth_path}; nothing was sent.")
        return OK
    clock = Clock(time.monotonic, time.time)
    http = CloudHttp(clock.monotonic, timeout_s=_TIMEOUT_S, tls=tls)
    ledger = Ledger(StateStore(state), clock, Budget(monthly_budget(settings), attended=True))
    try:
        values = await MODES[args.mode](Steps(args, operator, settings, http, ledger, clock))
        signed_in = replace(settings, **dict[str, Any](values))
        operator.show(await _reading(signed_in, ledger, clock))
        _write(_with_file(environ, file), file, signed_in, values, operator)
    except GatewayError as exc:
        return complain(f"{exc}.", advice_for(exc, CLOUD)[1], _AGAIN)
    except OSError as exc:
        return complain(f"{exc.filename} cannot be used: {exc.strerror}.", _AGAIN)
    except Unsupported as exc:
        return complain(str(exc))
    except (Stopped, ValueError) as exc:
        return complain(str(exc), _AGAIN)
    finally:
        await ledger.close()
        await http.close()
    return OK


def _with_file(environ: Mapping[str, str], file: Path) -> Mapping[str, str]:
    """Take the settings file into account if there is one; PW_CONFIG may name the one that is about to be written."""
    if file.exists():
        return {**environ, "PW_CONFIG": str(file)}
    return {name: value for name, value in environ.items() if (name, Path(value)) != ("PW_CONFIG", file)}


def _settings(args: argparse.Namespace, environ: Mapping[str, str]) -> tuple[GatewaySettings, str]:
    """Take the settings that are in force and the arguments, and make the folder. Raises SettingsError, OSError.

    Returns the settings, and the state folder of the gateway that they are for.
    """
    folder = {"PW_AUTH_PATH": args.auth_path} if args.auth_path else {}
    loaded = load({**environ, **folder}, needs_gateway=False).settings
    given = loaded.gateway
    if not args.dry_run:
        Path(given.auth_path).mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = replace(
        given, cloud_mode=args.mode, email=args.email or given.email, siteid=args.site or given.siteid
    )
    return settings, folder_of(loaded.state_path, _reader(loaded, settings).id)


def _reader(loaded: Settings, signed_in: GatewaySettings) -> GatewaySettings:
    """Return the one of several gateways that uses the sign-in; the first that does, where it is shared."""
    using = (
        each
        for each in loaded.listed
        if (cloud_mode(each), each.auth_path) == (signed_in.cloud_mode, signed_in.auth_path)
    )
    return next(using, signed_in)


_AGAIN = "What was obtained so far is kept; run the same command again to go on from there."


async def _reading(settings: GatewaySettings, ledger: Ledger, clock: Clock) -> str:
    """Read the site as the proxy will, and say what it reported. Raises GatewayError."""
    options = replace(options_of(settings), history=False, budget=None)
    driver = make(options, StateStore(""), clock, ledger=ledger)
    try:
        answers = {**await driver.fetch(LIVE), **await driver.fetch(INFO)}
    finally:
        await driver.close()
    powers = answers[METERS]
    if isinstance(powers, GatewayError):
        raise powers
    name = _member(answers[SITE_NAME], "site_name") or "the site"
    read = [
        f"{spoken} {power:,.0f} W"
        for spoken, meter in _METERS.items()
        if (power := number(section(section(powers.value).get(meter)).get("instant_power"))) is not None
    ]
    charge = number(_member(answers.get(SOE), "percentage"))
    if charge is not None:
        read.append(f"charge {charge:.0f} %")
    return f"Read {name}: {', '.join(read)}."


def _member(answer: Document | GatewayError | None, key: str) -> Any:
    return section(answer.value).get(key) if isinstance(answer, Document) else None


def _write(
    environ: Mapping[str, str],
    file: Path,
    settings: GatewaySettings,
    values: Mapping[str, str],
    operator: Operator,
) -> None:
    """Write what the settings lack to find the sign-in again. Raises OSError, ValueError."""
    loaded = load(environ, needs_gateway=False).settings
    found = loaded.gateway
    if loaded.listed:
        _show_table(settings, values, operator)
        return
    if not values and (cloud_mode(found), found.auth_path) == (settings.cloud_mode, settings.auth_path):
        operator.show(
            f"The sign-in is in {settings.auth_path}, where the proxy finds it; no setting is needed."
        )
        return
    needed = values or {"cloud_mode": settings.cloud_mode, "auth_path": settings.auth_path}
    write_settings(file, merged(file, needed))
    operator.show(f"It works. The settings are in {file}.")


def _show_table(settings: GatewaySettings, values: Mapping[str, str], operator: Operator) -> None:
    """Say what belongs into the table of one of several gateways: only the operator knows which of them it is."""
    site_id = look(settings.cloud_mode, settings.auth_path, settings.email).site_id
    needed = values or {
        "cloud_mode": settings.cloud_mode,
        "auth_path": settings.auth_path,
        "siteid": str(site_id),
    }
    operator.show("There are several gateways. Put this into the table of the one that is meant:")
    for key, value in needed.items():
        shown = "..." if key == "cloud_token" else value
        operator.show(f"{key} = {json.dumps(shown)}")
