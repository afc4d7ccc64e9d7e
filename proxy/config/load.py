"""Environment, settings file and secret files -> Settings, or everything that is wrong with them.

The environment wins over the file, the file over the default; an empty value counts as none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config import checks, foreign, gateways
from proxy.config.cloud import cloud_mode
from proxy.config.config_file import read_config
from proxy.config.given import Findings, find, nearest, parsed
from proxy.config.settings import SETTINGS, Settings, settings_of
from proxy.core.redaction import printable

if TYPE_CHECKING:
    from proxy.config.config_file import ConfigFile
    from proxy.config.gateway_settings import GatewaySettings

_PREFIXES = ("PW_", "MQTT_")


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` has one line for each reason."""

    def __init__(self, problems: list[str], warnings: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, where each of them comes from (by key), and what is suspicious about them.

    ``listed_in`` is the place of the list of gateways, empty without one.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]
    listed_in: str = ""


def load(environ: Mapping[str, str], *, needs_gateway: bool = True, makes_key: bool = False) -> Loaded:
    """Read all settings.

    ``needs_gateway=False`` accepts settings without PW_HOST, for commands that do without;
    ``makes_key`` is for the one that makes what PW_RSA_KEY_PATH names.
    Raises SettingsError with every problem at once. Conceals the secrets it reads.
    """
    found = Findings()
    file = read_config(environ.get("PW_CONFIG", ""), found)
    is_complete = not found.problems  # what an unreadable file would have said is unknown
    given = {row.key: find(row, environ, file.values, file.name, found) for row in SETTINGS}
    tables = gateways.listed(file, given["gateway_list"], found)
    are_read = not found.problems
    found.conceal(SETTINGS, given)
    values = {row.key: parsed(row, text, found) for row in SETTINGS if (text := given[row.key])}
    listed = gateways.gateways_of(tables, environ, values, found)
    sites = gateways.sites_of(file.sites, listed, file.name or tables.place, found)
    settings = _completed(replace(settings_of(**values), listed=listed, sites=sites), environ)
    found.warnings += _unknown(environ, file, [each.id for each in listed])
    found.warnings += [
        f"server.{written} in {file.name} is ignored: {text.name} takes precedence here."
        for key, written in file.stronger.items()
        if (text := given.get(key)) and text.origin == "environment"
    ]
    if listed and given["host"]:
        found.warnings.append(f"{given['host'].name} is ignored: gateways are listed in {tables.place}.")
    is_named = bool(tables.place or given["host"] or file.values.get("host") or cloud_mode(settings.gateway))
    checked = _without_keys(settings) if makes_key else settings
    found.problems += checks.problems(checked, lacks_gateway=needs_gateway and is_complete and not is_named)
    if are_read:  # nothing is called missing that stands in a file of which the reader hears anyway
        found.warnings += checks.warnings(settings)
    # Foreign text in a sentence must not look like another line.
    odd = [printable(line) for line in found.warnings]
    if found.problems:
        raise SettingsError([printable(line) for line in found.problems], odd)
    origins = {key: text.origin if text else "default" for key, text in given.items()}
    return Loaded(settings, origins, tuple(odd), tables.place)


def _without_keys(settings: Settings) -> Settings:
    """Leave out the files of keys, which the command is about to make."""
    return replace(
        settings,
        gateway=replace(settings.gateway, rsa_key_path=""),
        listed=tuple(replace(each, rsa_key_path="") for each in settings.listed),
    )


def _completed(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Fill in what depends on other settings or on the user."""
    folder = _absolute(
        settings.state_path or _expanded(settings.gateway.auth_path) or _default_folder(environ)
    )
    gateway = _located(settings.gateway, folder)
    listed = tuple(_located(each, folder) for each in settings.listed)
    return replace(
        settings,
        state_path=folder,
        gateway=gateway,
        listed=gateways.without_foreign_cloud(listed, gateway.auth_path),
        log_level="debug" if settings.debug else settings.log_level,
    )


def _located(gateway: GatewaySettings, folder: str) -> GatewaySettings:
    """Make the paths of a gateway absolute; sign-ins stand in the state folder unless it says otherwise."""
    return replace(
        gateway,
        cache_file=_absolute(gateway.cache_file),
        auth_path=_absolute(_expanded(gateway.auth_path)) or folder,
    )


def _default_folder(environ: Mapping[str, str]) -> str:
    """Choose the state folder of a user who named none; empty if there is no home either."""
    if base := environ.get("XDG_STATE_HOME"):
        return str(Path(base, "powerwall-proxy"))
    if home := environ.get("HOME"):
        return str(Path(home, ".local", "state", "powerwall-proxy"))
    return ""


def _expanded(path: str) -> str:
    return os.path.expanduser(path)  # noqa: PTH111 - Path's raises without a home


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


def _unknown(environ: Mapping[str, str], file: ConfigFile, ids: Sequence[str]) -> Iterator[str]:
    """Point out names that mean nothing, with the nearest one that does, or the reason."""
    names = {row.env for row in SETTINGS} | {f"{row.env}_FILE" for row in SETTINGS if row.secret}
    names |= gateways.variables(ids)
    for name in sorted(environ.keys() - names):
        if (why := foreign.reason(name)) is not None:
            yield f"{name} has no meaning here and is ignored: {why}."
        elif (meant := name.upper()) in names:
            yield f"{name} is ignored: write {meant}."
        elif name.startswith(_PREFIXES):
            yield f"{name} is unknown and ignored{nearest(name, names)}"
    keys = {row.key for row in SETTINGS} | {f"{row.key}_file" for row in SETTINGS if row.secret}
    for key in file.values:
        if key not in keys:
            # The environment's name of a setting is a likely slip.
            hint = nearest(key.lower().removeprefix("pw_"), keys)
            yield f"{key} in {file.name} is unknown and ignored{hint}"
