"""The file that PW_CONFIG names: TOML of ours, JSON or YAML of pypowerwall-server.

Whatever its form, it becomes one ``ConfigFile``: settings by key, the tables of gateways, the
tables of sites. YAML is read with PyYAML, which is not always installed.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from proxy.config.types import FLAG

if TYPE_CHECKING:
    from proxy.config.given import Findings

# How pypowerwall-server calls what is written differently here.
_SERVER: Final = {"host": "bind_address", "cors_origins": "cors_origins", "port": "port"}
_GATEWAY: Final = {"authpath": "auth_path"}
_YAML: Final = re.compile(r"^(?:---|server\s*:|gateways\s*:)", re.MULTILINE)


class _Unusable(ValueError):
    """A file or a list has another form than it should; says so in half a sentence."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a settings file says; ``name`` is its path, empty without one.

    ``stronger`` are the settings that pypowerwall-server takes from its file rather than from the environment, with
    their names there.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    gateways: tuple[Mapping[str, Any], ...] = ()
    sites: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    stronger: Mapping[str, Any] = field(default_factory=dict)


def read_config(path: str, found: Findings) -> ConfigFile:
    """Read the settings file, if one is named."""
    if not path:
        return ConfigFile()
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as exc:
        found.problems.append(f"PW_CONFIG: {path} cannot be read ({exc.strerror}).")
        return ConfigFile(name=path)
    except UnicodeDecodeError:
        found.problems.append(f"PW_CONFIG: {path} is not a text in UTF-8.")
        return ConfigFile(name=path)
    try:
        return _FORMS[_form(path, text)](text, path)
    except ValueError as exc:
        found.problems.append(f"PW_CONFIG: {path} {exc}.")
        return ConfigFile(name=path)


def listed_in_json(text: str) -> tuple[Mapping[str, Any], ...]:
    """Read the list of PW_GATEWAYS. Raises ValueError with half a sentence."""
    try:
        entries = json.loads(text)
    except ValueError as exc:
        raise ValueError(f"is not JSON: {exc}") from None
    return _entries(entries)


def _form(path: str, text: str) -> str:
    """Name the form of a file: by its suffix, else by how it begins."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix in {"json", "yaml", "yml", "toml"}:
        return suffix
    if text.lstrip().startswith("{"):
        return "json"
    return "yaml" if _YAML.search(text) else "toml"


def _toml(text: str, path: str) -> ConfigFile:
    import tomllib  # noqa: PLC0415 - most starts have no file

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ValueError(f"is not TOML: {exc}") from None
    sites = table.pop("site", {})
    if not isinstance(sites, dict):
        raise _Unusable('has a key "site": the tables of sites are called [site.NAME]')
    gateways = table.pop("gateway", [])
    if not isinstance(gateways, list):
        raise _Unusable('has a key "gateway": the tables of gateways are called [[gateway]]')
    return ConfigFile(table, _entries(gateways) if gateways else (), sites, path)


def _json(text: str, path: str) -> ConfigFile:
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise ValueError(f"is not JSON: {exc}") from None
    return _of_server(document, path)


def _yaml(text: str, path: str) -> ConfigFile:
    try:
        yaml = importlib.import_module("yaml")  # optional, and only such a file needs it
    except ImportError:
        raise ValueError(
            "is YAML, and PyYAML is missing: install powerwall-proxy[yaml], or write the file as JSON or TOML"
        ) from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ValueError(f"is not YAML: {' '.join(str(exc).split())}") from None
    return _of_server(document, path)


_FORMS: Final[Mapping[str, Callable[[str, str], ConfigFile]]] = {
    "toml": _toml,
    "json": _json,
    "yaml": _yaml,
    "yml": _yaml,
}


def _of_server(document: Any, path: str) -> ConfigFile:
    """Read pypowerwall-server's form: ``server`` and ``gateways``. Raises ValueError."""
    if not isinstance(document, dict):
        raise _Unusable('must have a list "gateways"')
    server = document.get("server") or {}
    if not isinstance(server, dict):
        raise _Unusable('has a "server" that is no object')
    others = {str(key): value for key, value in document.items() if key not in {"server", "gateways"}}
    given = {_SERVER.get(key, str(key)): key for key, value in server.items() if value is not None}
    gateways = _entries(document.get("gateways"))
    values = {key: server[written] for key, written in given.items()}
    return ConfigFile({**others, **values}, gateways, name=path, stronger=given)


def _entries(entries: Any) -> tuple[Mapping[str, Any], ...]:
    """Check a list of gateways, and call its fields as they are called here."""
    if not isinstance(entries, list) or not entries:
        raise _Unusable("must be, or have, a list of gateways that is not empty")
    if not all(isinstance(entry, dict) for entry in entries):
        raise _Unusable("has a gateway that is no object with fields")
    return tuple(dict(_fields(entry)) for entry in entries)


def _fields(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a gateway: its port joins its host, the flags of the cloud become a mode."""
    host, port = entry.get("host"), entry.get("port")
    for key, value in entry.items():
        match key, value:
            case _, None | "":
                continue
            case "port", _ if host:
                continue
            case "host", str() if port:
                yield key, _with_port(value, port)
            case "fleetapi", _ if (is_set := _flag(value)) is not None:
                if is_set:
                    yield "cloud_mode", "fleet"
            case "cloud_mode", _ if (is_set := _flag(value)) is not None:
                if is_set and not _flag(entry.get("fleetapi")):
                    yield key, "owner"
            case _:
                yield _GATEWAY.get(key, key), value


def _flag(value: Any) -> bool | None:
    """Read a flag, which may stand in quotes; None for what is none."""
    try:
        return value if isinstance(value, bool) else bool(FLAG.parse(str(value)))
    except ValueError:
        return None


def _with_port(host: str, port: Any) -> str:
    """Join an address and a port; with two ports that differ it is no address, and refused as such."""
    if host.endswith(f":{port}"):
        return host
    is_six = host.count(":") > 1 and "[" not in host
    return f"[{host}]:{port}" if is_six else f"{host}:{port}"
