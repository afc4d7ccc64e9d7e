"""What a setting's text may be, and the value it stands for.

A kind turns text into a value or raises ValueError with half a sentence that
says what would be right. Text is taken as it is: quotes, ``$`` and ``#`` have
no meaning here. Nothing here opens a file or a connection.
"""

from __future__ import annotations

import ipaddress
import json
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_YES = frozenset({"yes", "y", "true", "t", "1", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_ORIGIN = re.compile(r"\*|https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_SOURCE = re.compile(r"[A-Za-z0-9.:*/\[\]'_-]+")

_HOST_AND_PORT = re.compile(r"(?:\[(?P<six>[^]]+)\]|(?P<name>[^:]+))(?::(?P<port>\d{1,5}))?", re.ASCII)
_ADDRESS = "host, host:port or [IPv6]:port, without a path"

HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class SettingType:
    """A kind of setting: what its text is called in the documentation, and how it is read.

    ``words`` are all that a choice can be, ``bounds`` the lowest and highest number: forms are made from them.
    """

    name: str
    parse: Callable[[str], Any]
    words: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError("yes or no")


def flag_or(third: str) -> Callable[[str], str]:
    """Make the reader of a flag that has a third word."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word == third:
            return word
        try:
            return "yes" if _flag(text) else "no"
        except ValueError:
            raise ValueError(f"no, yes or {third}") from None

    return parse


def split_address(text: str) -> tuple[str, int | None]:
    """Split ``host``, ``host:port``, ``::1`` or ``[::1]:port``; the port is None if none is given."""
    match = _HOST_AND_PORT.fullmatch(text)
    host, port = (match["six"] or match["name"], match["port"]) if match else (text, None)
    is_six = not match or match["six"] is not None  # only such an address has more than one colon
    if not _is_host(host) or is_six != (":" in host) or (port and not 0 < int(port) <= HIGHEST_PORT):
        raise ValueError(_ADDRESS)
    return host, int(port) if port else None


def is_address(host: str) -> bool:
    """Say whether a host is given in numbers."""
    try:
        ipaddress.ip_address(split_address(host.removeprefix("http://"))[0])
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # Digits and dots that are no address ("192.168.1.300") are a slip, not a name.
        if re.fullmatch(r"[0-9.]+", text):
            return False
        return all(_NAME.fullmatch(label) for label in text.removesuffix(".").split("."))
    return True


def _gateway(text: str) -> str:
    """Read a gateway's address; http:// is for firmware that has no TLS."""
    scheme, plain, rest = text.strip().rpartition("http://")
    if scheme:
        raise ValueError(_ADDRESS)
    address = _address(rest.removeprefix("https://").removesuffix("/"))
    return plain + re.sub(r"^auto(?=:|$)", "auto", address, flags=re.IGNORECASE)


def _address(text: str) -> str:
    host, port = split_address(text.strip())
    # A URL needs the brackets that people leave out.
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", text):
        raise ValueError("up to 32 letters, digits, - and _, beginning with a letter or digit")
    return text


def _interface(text: str) -> str:
    if not _is_host(text):
        raise ValueError("an address of this machine, such as 127.0.0.1, or nothing for all")
    return text


def _host(text: str) -> str:
    host = text.strip()
    if not _is_host(host):
        raise ValueError("a host name or an address, without port and path")
    return host


def _time_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a name of the time zone database, such as Europe/Berlin") from None
    return text


def _base_url(text: str) -> str:
    if not re.fullmatch(r"/?[A-Za-z0-9._~/-]*", text) or "//" in text or ".." in text:
        raise ValueError("a path such as /powerwall/")
    return f"/{text.strip('/')}/" if text.strip("/") else "/"


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(part, strict=False)) for part in _parts(text))
    except ValueError:
        raise ValueError("addresses or networks separated by commas, such as 172.18.0.0/16") from None


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(part.lower() for part in _parts(text))
    if not all(_is_host(name) for name in names):
        raise ValueError("host names separated by commas, without https:// and port")
    return names


def _origins(text: str) -> tuple[str, ...]:
    """Read origins (RFC 6454), written as pypowerwall-server wants them or as other lists here."""
    expected = "* or origins such as https://grafana.lan:3000, as a JSON list or separated by commas"
    try:
        listed = json.loads(text) if text.lstrip().startswith("[") else _parts(text)
    except ValueError:
        raise ValueError(expected) from None
    if not listed or not all(isinstance(each, str) and _ORIGIN.fullmatch(each) for each in listed):
        raise ValueError(expected)
    return tuple(each.lower() for each in listed)


def _ancestors(text: str) -> str:
    if not all(_SOURCE.fullmatch(part) for part in text.split()):
        raise ValueError("*, 'self', 'none' or origins separated by spaces")
    return " ".join(text.split())


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]


def _number(text: str) -> float:
    # float() also takes "nan", "1_0" and digits of any script.
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text.strip(), re.ASCII):
        raise ValueError("a number")
    return float(text)


def whole(lowest: int, highest: int, unit: str = "") -> SettingType:
    """Make the kind of whole numbers within bounds."""

    def parse(text: str) -> int:
        if re.fullmatch(r"\d{1,12}", text.strip(), re.ASCII) and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(f"a whole number from {lowest} to {highest}")

    return SettingType(unit or "number", parse, bounds=(lowest, highest))


def number(lowest: float, highest: float, unit: str) -> SettingType:
    """Make the kind of decimal numbers within bounds."""

    def parse(text: str) -> float:
        try:
            value = _number(text)
        except ValueError:
            value = lowest - 1
        if lowest <= value <= highest:
            return value
        raise ValueError(f"a number from {lowest:.15g} to {highest:.15g}")

    return SettingType(unit, parse, bounds=(lowest, highest))


def choice(*words: str) -> SettingType:
    """Make the kind of a few fixed words, read in any case; the value is the spelling given here."""
    spelling = {word.lower(): word for word in words}

    def parse(text: str) -> str:
        try:
            return spelling[text.strip().lower()]
        except KeyError:
            raise ValueError(f"{', '.join(words[:-1])} or {words[-1]}") from None

    return SettingType(" | ".join(words), parse, words)


def _cloud_url(text: str) -> str:
    """Read a base URL that gets tokens: over TLS, but for a server on this machine."""
    parts = urlsplit(text.strip())
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    is_base = not (parts.username or parts.query or parts.fragment) and parts.path in {"", "/"}
    is_private = parts.scheme == "https" or (
        parts.scheme == "http" and host in {"127.0.0.1", "::1", "localhost"}
    )
    if not (is_base and is_private and _is_host(host) and port != 0):
        raise ValueError("https://host or https://host:port, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _site_id(text: str) -> str:
    if not re.fullmatch(r"\d{1,20}", text.strip(), re.ASCII):
        raise ValueError("the digits of a site's id")
    return text.strip()


TEXT = SettingType("text", str)
PATH = SettingType("path", str)
FLAG = SettingType("yes | no", _flag)
FLAG_OR_AUTO = SettingType("auto | yes | no", flag_or("auto"))
TLS = SettingType("no | yes | http", flag_or("http"))
ADDRESS = SettingType("host[:port]", _address)
GATEWAY = SettingType("host[:port]", _gateway)
CLOUD_URL = SettingType("https://host", _cloud_url)
SITE_ID = SettingType("digits", _site_id)
ID = SettingType("id", _id)
HOST = SettingType("host", _host)
INTERFACE = SettingType("address", _interface)
TIME_ZONE = SettingType("zone name", _time_zone)
BASE_URL = SettingType("path", _base_url)
NETWORKS = SettingType("networks", _networks)
HOSTS = SettingType("names", _hosts)
ANCESTORS = SettingType("origins", _ancestors)
ORIGINS = SettingType("origins", _origins)
