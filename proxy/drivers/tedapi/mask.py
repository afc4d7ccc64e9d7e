"""What of a gateway's configuration may leave the proxy.

``config.json`` names the owner and the installer and holds credentials. Keys
stay, so that readers see what is there; values under the names below become
``"masked"``. Meters, blocks and site settings stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASKED = "masked"

# Whole objects about people, and whatever sounds like a secret, an address or a place.
_PRIVATE = re.compile(
    r"""^(customer|installer|credentials|owner|registration)$
    | passw | passphrase | secret | token | credential | private | certificate | psk | wpa
    | (^|_)(pin|key|keys|ssid|emails?|phones?|fax|street|city|zip|postal_code|latitude|longitude|lat|lon|lng)$
    | address | session_?id | longFormDeviceID""",
    re.IGNORECASE | re.VERBOSE,
)


def masked(document: Any) -> Any:
    """Copy a document with everything private replaced."""
    if isinstance(document, Mapping):
        return {
            name: _hidden(value) if _PRIVATE.search(str(name)) else masked(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [masked(item) for item in document]
    return document


def _hidden(value: Any) -> Any:
    """Replace every value below, but keep the shape, and that something is absent."""
    if isinstance(value, Mapping):
        return {name: _hidden(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return None if value is None else MASKED
