"""The certificates of authorities: a tenth of a second and two megabytes, for what has to trust a public server.

Only Tesla's cloud and notifications are such; a gateway has a certificate of its own. But aiohttp reads all
authorities when it is imported, and has no switch for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

# Where OpenSSL looks for authorities, instead of where they are (SSL_CTX_load_verify_locations(3)).
_PLACES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def left_out() -> Iterator[None]:
    """Import aiohttp without them: what it makes in this block trusts no certificate."""
    before = {name: os.environ.get(name) for name in _PLACES}
    os.environ |= dict.fromkeys(_PLACES, os.devnull)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@cache
def trusted() -> ssl.SSLContext:
    """Make the context of a client that trusts them; it waits for the disk."""
    import ssl  # noqa: PLC0415 - not every command needs it

    return ssl.create_default_context()
