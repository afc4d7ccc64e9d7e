"""What of a gateway's configuration may leave the proxy.

``config.json`` names the owner and the installer and holds credentials. Keys
stay, so that readers see what is there; values under the names below, and those
that show by themselves what they are, become ``"masked"``. Meters, blocks and
site settings stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASKED = "masked"

# Names are compared in snake case: objects about people, and whatever sounds like a secret, an address or a place.
_PRIVATE = re.compile(
    r"""^(customer|installer|owner|registration)$
    | (customer|installer|owner|account|first|last)_(name|id)$
    | passw | passphrase | passcode | secret | token | credential | private | certificate | psk | wpa
    | address | username | api_?key | session_?id | zip_?code | post_?code | long_form_device_id
    | (^|_)(pwd|pass|pin|puk|otp|keys?|pem|certs?|auth|authorization|oauth|bearer|jwt|cookies?|salt|digest|hmac
      |ssid|imei|imsi|iccid|mac|lfdi|sfdi|user|login|contact|emails?|mails?|phones?|mobile|fax
      |street|city|zip|postal|latitude|longitude|lat|lon|lng|gps|geo|coordinates)(_|$)""",
    re.VERBOSE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# A key or certificate as text, and an address with a user or password in it.
_SECRET_TEXT = re.compile(r"-----BEGIN |://[^/?#\s]+@")


def masked(document: Any) -> Any:
    """Copy a document with everything private replaced."""
    if isinstance(document, Mapping):
        return {
            name: _hidden(value) if _is_private(name) else masked(value) for name, value in document.items()
        }
    if isinstance(document, list):
        return [masked(item) for item in document]
    return MASKED if isinstance(document, str) and _SECRET_TEXT.search(document) else document


@lru_cache(maxsize=1024)
def _is_private(name: str) -> bool:
    return _PRIVATE.search(_HUMP.sub("_", name).lower()) is not None


def _hidden(value: Any) -> Any:
    """Replace every value below, but keep the shape, and that something is absent."""
    if isinstance(value, Mapping):
        return {name: _hidden(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return None if value is None else MASKED
