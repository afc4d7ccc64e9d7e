"""What a hostile client may send, and which statuses are a right answer. Data only: one row, one test.

0 stands for a connection that was closed without an answer.
"""

from __future__ import annotations

from tests.hostile.commands import COMMANDS, JSON, Row
from tests.hostile.raw import request

# Paths that a careless proxy would hand on to the gateway with its session.
_FORBIDDEN_PATHS = (
    "/api/sitemaster/stop",
    "/api/sitemaster/run",
    "/api/config/completed",
    "/api/powerwalls/update",
    "/api/powerwalls/phase_detection",
    "/api/solar_powerwall/reset",
    "/api/solar_powerwall/1/reset",
    "/api/system/update",
    "/api/customer/registration/legal",
    "/api/v2/islanding/mode",
    "/api/networks/connect",
    "/api/auth/toggle/start",
    "/api/password/change",
    "/tedapi/din",
    "/tedapi/v1",
    "/TEDAPI/v1r",
    "/./api/sitemaster/stop",
    "/x/../api/sitemaster/stop",
    "/app.js/../api/sitemaster/stop",
    "/app.js/..%2fapi/sitemaster/stop",
    "/%61pi/sitemaster/stop",
    "/%2561pi/sitemaster/stop",
    "/API/sitemaster/stop",
    "/Api/SiteMaster/Stop",
    "//api/sitemaster/stop",
    "///api/sitemaster/stop",
    "/api//sitemaster/stop",
    "/api/./sitemaster/stop",
    "/api/soe/../sitemaster/stop",
    "/api/%2e%2e/api/sitemaster/stop",
    "/api/sitemaster/stop/",
    "/api/sitemaster/stop;x=1",
    "/api;x=1/sitemaster/stop",
    "/api/sitemaster%2fstop",
    "/api%2fsitemaster%2fstop",
    "/api/sitemaster\\stop",
    "/api\\sitemaster\\stop",
    "\\api\\sitemaster\\stop",
    "/api/sitemaster/stop%00",
    "/api/sitemaster/stop%20",
    "/api/sitemaster/stop%0d%0aX:y",
    "/api/sitemaster/stop#x",
    "/api/status/../sitemaster/stop?x",
    "/soe/../api/sitemaster/stop",
    "/%2e%2e/%2e%2e/api/sitemaster/stop",
    "/static/..;/api/sitemaster/stop",
)
_TRAVERSALS = (
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%5c..%5cetc%5cpasswd",
    "/....//....//etc/passwd",
    "/flow.js/../../pyproject.toml",
    "/flow.js%00.html",
    "/%c0%ae%c0%ae/etc/passwd",
    "/.git/config",
    "/.env",
    "/web/../proxy/app.py",
    "/~root/.ssh/id_rsa",
    "/file:///etc/passwd",
    "/certs/key.pem",
    "/.powerwall",
)
_FRAMINGS: tuple[tuple[str, bytes], ...] = (
    ("length and chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked and length", b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    ("two lengths", b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    ("two equal lengths", b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("list of lengths", b"Content-Length: 5, 6\r\n\r\nhello!"),
    ("signed length", b"Content-Length: +5\r\n\r\nhello"),
    ("negative length", b"Content-Length: -5\r\n\r\nhello"),
    ("hexadecimal length", b"Content-Length: 0x5\r\n\r\nhello"),
    ("length with underscore", b"Content-Length: 1_0\r\n\r\nhello"),
    ("Arabic digits", "Content-Length: ٥\r\n\r\nhello".encode()),
    ("huge length", b"Content-Length: 99999999999999999999999\r\n\r\nhello"),
    ("empty length", b"Content-Length: \r\n\r\nhello"),
    ("length with a tail", b"Content-Length: 5x\r\n\r\nhello"),
    ("unknown coding", b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked not last", b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("chunked twice", b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("two codings", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("compressed chunks", b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("identity", b"Transfer-Encoding: identity\r\n\r\n"),
    ("blank before the colon", b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("tab in the coding", b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("quoted coding", b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    ("folded coding", b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("chunk size 0x1", b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
    ("chunk size +1", b"Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n"),
    ("chunk size -1", b"Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n"),
    ("chunk size 1_0", b"Transfer-Encoding: chunked\r\n\r\n1_0\r\na\r\n0\r\n\r\n"),
    ("chunk size overflow", b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\na"),
    ("chunk without end", b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    ("chunk line ends in LF", b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"),
    ("LF in an extension", b"Transfer-Encoding: chunked\r\n\r\n1;a=b\nX\r\na\r\n0\r\n\r\n"),
    ("request as a trailer", b"Transfer-Encoding: chunked\r\n\r\n0\r\nGET /api/logout HTTP/1.1\r\n\r\n"),
)
_HEADS: tuple[Row, ...] = (
    ("no Host", b"GET /soe HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts", b"GET /soe HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    ("the same Host twice", b"GET /soe HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", {400}),
    ("empty Host", b"GET /soe HTTP/1.1\r\nHost:\r\n\r\n", {400}),
    ("blank in Host", b"GET /soe HTTP/1.1\r\nHost: a b\r\n\r\n", {400}),
    ("user in Host", b"GET /soe HTTP/1.1\r\nHost: user@127.0.0.1\r\n\r\n", {400}),
    ("path in Host", b"GET /soe HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}),
    ("list in Host", b"GET /soe HTTP/1.1\r\nHost: a, b\r\n\r\n", {400}),
    ("bad port in Host", b"GET /soe HTTP/1.1\r\nHost: a:b\r\n\r\n", {400}),
    ("high port in Host", b"GET /soe HTTP/1.1\r\nHost: a:65536\r\n\r\n", {400}),
    ("open bracket in Host", b"GET /soe HTTP/1.1\r\nHost: [::1\r\n\r\n", {400}),
    ("no address in brackets", b"GET /soe HTTP/1.1\r\nHost: [:::1]\r\n\r\n", {400}),
    ("markup in Host", b"GET /soe HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n", {400}),
    ("long Host", b"GET /soe HTTP/1.1\r\nHost: " + b"a" * 8000 + b"\r\n\r\n", {400}),
    ("bare LF", b"GET /soe HTTP/1.1\nHost: a\n\n", {400}),
    ("bare CR in a value", b"GET /soe HTTP/1.1\r\nHost: a\r\nX: a\rSet-Cookie: b\r\n\r\n", {400}),
    ("NUL in a value", b"GET /soe HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", {400}),
    ("control in a value", b"GET /soe HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", {400}),
    ("blank before the colon", b"GET /soe HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", {400}),
    ("no colon", b"GET /soe HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", {400}),
    ("no name", b"GET /soe HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", {400}),
    ("parenthesis in a name", b"GET /soe HTTP/1.1\r\nHost: a\r\nX(): b\r\n\r\n", {400}),
    ("folded line", b"GET /soe HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", {400}),
    ("blank first header", b"GET /soe HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n", {400}),
    ("NUL in the path", b"GET /s\x00e HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("octet in the path", b"GET /s\xffe HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("tab in the request line", b"GET\t/soe\tHTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("path without slash", b"GET soe HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("no version", b"GET /soe\r\n\r\n", {400, 505}),
    ("HTTP/0.9", b"GET /soe HTTP/0.9\r\nHost: a\r\n\r\n", {400, 505}),
    ("HTTP/2.0", b"GET /soe HTTP/2.0\r\nHost: a\r\n\r\n", {400, 505}),
    ("HTTP/9.9", b"GET /soe HTTP/9.9\r\nHost: a\r\n\r\n", {400, 505}),
    ("HTTP/1.10", b"GET /soe HTTP/1.10\r\nHost: a\r\n\r\n", {400, 505}),
    ("lower-case version", b"GET /soe http/1.1\r\nHost: a\r\n\r\n", {400}),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    ("TLS on the plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),
    ("binary noise", bytes(range(256)) * 4, {400}),
    ("unknown method", b"BREW /soe HTTP/1.1\r\nHost: a\r\n\r\n", {400, 405}),
    ("lower-case method", b"get /soe HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("unknown Expect", b"GET /soe HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", {417}),
    ("Expect that is no text", b"GET /soe HTTP/1.1\r\nHost: a\r\nExpect: \xee\r\n\r\n", {417}),
    ("GET with a body", b"GET /soe HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", {400}),
    (
        "chunked in HTTP/1.0",
        b"POST /soe HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400},
    ),
    ("long path", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}),
    ("long query", b"GET /soe?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}),
    ("long header", b"GET /soe HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", {431}),
    ("long header name", b"GET /soe HTTP/1.1\r\nHost: a\r\n" + b"a" * 9000 + b": b\r\n\r\n", {431}),
    ("100 headers", b"GET /soe HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100 + b"\r\n", {431}),
    (
        "head of 40 KB at once",
        b"GET /soe HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"a" * 8000 + b"\r\n") * 5 + b"\r\n",
        {431},
    ),
    (
        "endless head",
        b"GET /soe HTTP/1.1\r\n" + b"X: " + b"a" * 8000 + b"\r\n" + b"Y: b\r\n" * 100_000,
        {431},
    ),
)
_FOREIGN_TARGETS = (
    b"GET ftp://evil.example/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET http://a:99999/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET @evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET ?x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)
# A whole URL is a target like any other (RFC 9112 section 3.2.2): its path has to be listed, its host to be ours.
_WHOLE_URLS = {
    b"GET http://127.0.0.1/api/sitemaster/stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 404,
    b"GET https://powerwall/api/sitemaster/stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 404,
    b"GET http://evil.example/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 421,
}
_NOT_FOR_STRANGERS = ("/status", "/stats", "/stats/clear", "/control/mode")
_WRITES = ("POST", "PUT", "DELETE", "PATCH")


def rows() -> list[Row]:
    """Give all inputs."""
    found: list[Row] = [(f"path {path}", request("GET", path), {400, 404, 405}) for path in _FORBIDDEN_PATHS]
    found += [(f"file {path}", request("GET", path), {400, 404}) for path in _TRAVERSALS]
    found += [
        (f"{method} {path}", request(method, path, JSON, "Content-Length: 2", body=b"{}"), {404, 405})
        for method in _WRITES
        for path in ("/api/operation", "/api/sitemaster/stop", "/api/site_info/site_name", "/index.html")
    ]
    smuggled = b"GET /api/sitemaster/stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    found += [
        (
            f"framing: {name}",
            b"POST /control/reserve HTTP/1.1\r\nHost: 127.0.0.1\r\n" + rest + smuggled,
            {400},
        )
        for name, rest in _FRAMINGS
    ]
    found += [(f"head: {name}", data, statuses) for name, data, statuses in _HEADS]
    targets = dict.fromkeys(_FOREIGN_TARGETS, 400) | _WHOLE_URLS
    found += [
        (f"target: {data.partition(b' HTTP')[0].decode()}", data, {status})
        for data, status in targets.items()
    ]
    found += [(f"control: {name}", data, statuses) for name, data, statuses in COMMANDS]
    found += [
        (f"rebound {path}", request("GET", path, host="rebound.example"), {421})
        for path in _NOT_FOR_STRANGERS
    ]
    return found
