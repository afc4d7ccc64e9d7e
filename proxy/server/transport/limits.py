"""How long and how large a request may be, and what a client is answered that goes beyond."""

from typing import Final

SERVER: Final = "powerwall-proxy"  # no version: it would only help an attacker
KEEP_ALIVE_S: Final = 75.0
# From the first byte of a request (or the opening of the connection) to its last one.
REQUEST_S: Final = 20.0
# How long a client may leave a response unread.
ANSWER_S: Final = 60.0
# As Varnish bounds them. One less for a header, because aiohttp makes no other
# difference between a target that is too long (414) and a header that is (431).
TARGET_BYTES: Final = 8190
HEADER_BYTES: Final = TARGET_BYTES - 1
HEADERS: Final = 64
HEAD_BYTES: Final = 32 * 1024
DETAILS: Final = {
    400: "This is not a well-formed request of HTTP/1.1 (RFC 9112).",
    413: "The body is too large.",
    414: f"A request target may have {TARGET_BYTES} bytes.",
    417: "Expect takes 100-continue only.",
    431: f"A head may have {HEADERS} headers, of {HEADER_BYTES} bytes each and {HEAD_BYTES} in all.",
}
