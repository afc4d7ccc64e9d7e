"""Write the add-on's form from the table of settings: ``make docs``.

A test fails when the files in deploy/homeassistant are not what this writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from proxy import __version__
from proxy.config import types as kinds
from proxy.config.settings import SETTINGS
from proxy.config.specs import REPLICAS, SettingSpec, show

ADDON = Path(__file__).parents[1] / "deploy" / "homeassistant" / "powerwall-proxy"
IMAGE = "ghcr.io/powerwall-proxy/powerwall-proxy"
# Shown at once; all other fields are hidden until the operator wants them.
FIRST = ("host", "password", "gw_pwd")
# What the start script sets, and what is about files or addresses that an add-on does not have.
_LEFT_OUT = frozenset(
    {"config", "state_path", "cache_file", "auth_path", "bind_address", "port", "base_url", "trusted_proxies"}
    # Its network has no neighbours, and nothing of other machines.
    | {"ingress", "mdns", "host_scan"}
    | {"https", "tls_cert", "tls_key", "gw_ca", "rsa_key_path"}
    | {"mqtt_tls_ca_cert", "mqtt_tls_cert", "mqtt_tls_key"}
    | {row.key for row in SETTINGS if row.group == REPLICAS}
)
_PORT = "8675/tcp"
_GENERATED = "# Written by `make docs` from the table of settings.\n"


def rows() -> tuple[SettingSpec, ...]:
    """Return the settings that the form has."""
    return tuple(row for row in SETTINGS if row.key not in _LEFT_OUT)


def config() -> dict[str, Any]:
    """Return config.yaml."""
    return {
        "name": "Powerwall Proxy",
        "version": __version__,
        "slug": "powerwall-proxy",
        "description": "Caching proxy for the Tesla energy gateway, with a live power-flow page",
        "url": "https://github.com/powerwall-proxy/powerwall-proxy",
        "arch": ["aarch64", "amd64"],
        "startup": "services",
        "boot": "auto",
        "init": False,
        "ingress": True,
        "ingress_port": 8675,
        "panel_icon": "mdi:home-battery",
        "panel_title": "Powerwall",
        "panel_admin": False,
        "ports": {_PORT: None},
        "services": ["mqtt:want"],
        "backup": "cold",  # a database that is being written cannot be copied file by file
        "watchdog": "http://[HOST]:[PORT:8675]/health",
        "options": dict.fromkeys(FIRST, ""),
        "schema": {row.key: _field(row) for row in rows()},
    }


def translation() -> dict[str, Any]:
    """Return translations/en.yaml."""
    return {
        "configuration": {row.key: {"name": _title(row), "description": _help(row)} for row in rows()},
        "network": {_PORT: "For programs outside of Home Assistant"},
    }


def build() -> dict[str, Any]:
    """Return build.yaml: the image of the same version."""
    return {"build_from": dict.fromkeys(config()["arch"], f"{IMAGE}:{__version__}")}


def _field(row: SettingSpec) -> str:
    """Write the type of a field; all are optional but the first, which may be empty."""
    optional = "" if row.key == FIRST[0] else "?"
    if row.kind is kinds.FLAG:
        return f"bool{optional}"
    if row.kind.words:
        return f"list({'|'.join(row.kind.words)}){optional}"
    if row.kind.bounds:
        form = "int" if isinstance(row.default, int) else "float"
        lowest, highest = row.kind.bounds
        return f"{form}({show(float(lowest))},{highest:.0f}){optional}"
    return f"{'password' if row.secret else 'str'}{optional}"


def _title(row: SettingSpec) -> str:
    return row.help.partition(":")[0].partition(",")[0].partition(";")[0]


def _help(row: SettingSpec) -> str:
    default = show(row.default)
    return f"{row.help} ({row.env}{f', default {default}' if default else ''})"


def files() -> Mapping[str, str]:
    """Return every generated file by its path in the add-on's folder."""
    contents = {"config.yaml": config(), "build.yaml": build(), "translations/en.yaml": translation()}
    return {
        name: _GENERATED + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
        for name, content in contents.items()
    }


if __name__ == "__main__":
    for name, text in files().items():
        (ADDON / name).write_text(text, "utf-8")
