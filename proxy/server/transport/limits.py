"""How much a request may say before its body, and the words for whoever goes beyond."""

# As Varnish bounds them. One less for a header, because aiohttp tells no other
# difference between a target that is too long (414) and a header that is (431).
TARGET_BYTES = 8190
HEADER_BYTES = TARGET_BYTES - 1
HEADERS = 64
HEAD_BYTES = 32 * 1024
DETAILS = {
    400: "This is not a well-formed request of HTTP/1.1 (RFC 9112).",
    413: "The body is too large.",
    414: f"A request target may have {TARGET_BYTES} bytes.",
    417: "Expect takes 100-continue only.",
    431: f"A head may have {HEADERS} headers, of {HEADER_BYTES} bytes each and {HEAD_BYTES} in all.",
}
