"""What the files of the pypowerwall proxy say of the account: which API, where, which site.

Read once, when the driver is made; a file that is missing or damaged says nothing, and the driver
reports it when it needs the tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from proxy.config.cloud import SIGN_INS, site_named
from proxy.config.gateway_settings import FLEET, OWNER
from proxy.core.json_access import text
from proxy.drivers.cloud.refusals import trusted
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.tokens import OwnerFormat

CHINA_AUTH_URL = "https://auth.tesla.cn"


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses and site of an account; empty or None where nothing says."""

    url: str = ""
    auth_url: str = ""
    site_id: int | None = None


def look(mode: str, folder: str, email: str) -> Found:
    """Read what a mode's files say. Addresses that are not Tesla's are ignored: they get the tokens."""
    if mode == FLEET:
        document = _document(Path(folder, SIGN_INS[FLEET]))
        audience = _tesla(document.get("AUDIENCE"))
        return Found(audience, sign_in_url(audience), site_named(mode, folder))
    if mode == OWNER:
        document = _document(Path(folder, SIGN_INS[OWNER]))
        entry = document.get(OwnerFormat(email).account(document) or "")
        url = entry.get("url") if isinstance(entry, dict) else None
        return Found(auth_url=_tesla(url), site_id=site_named(mode, folder))
    return Found()


def sign_in_url(url: str) -> str:
    """Name the sign-in server of a region by the base URL of its API, where it is not the common one."""
    return CHINA_AUTH_URL if is_chinese(url) else ""


def is_chinese(url: str) -> bool:
    """Say whether a server of Tesla is one of those for China."""
    return (urlsplit(url).hostname or "").endswith(".tesla.cn")


def _document(path: Path) -> Mapping[str, Any]:
    try:
        return TokenFile(path).read()
    except (OSError, ValueError):
        return {}


def _tesla(url: Any) -> str:
    address = text(url)
    return (trusted(address, "") or "") if address else ""
