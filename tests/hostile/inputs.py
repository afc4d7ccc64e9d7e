"""What a hostile client may send, and which statuses are a right answer. Data only: one row, one test.

0 stands for a connection that was closed without an answer.
"""

from __future__ import annotations

from tests.hostile.raw import request

SECRET = "correct-horse-battery-staple"
BEARER = f"Authorization: Bearer {SECRET}"
FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"

Row = tuple[str, bytes, set[int]]

# Paths that a careless proxy would hand on to the gateway with its session.
_FORBIDDEN_PATHS = (
    "/api/sitemaster/stop",
    "/api/sitemaster/run",
    "/api/config/completed",
    "/api/config",
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
    "/tedapi/v1",
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
_HEADS: tuple[tuple[str, bytes, set[int]], ...] = (
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
        "endless head",
        b"GET /soe HTTP/1.1\r\n" + b"X: " + b"a" * 8000 + b"\r\n" + b"Y: b\r\n" * 100_000,
        {431},
    ),
)
_FOREIGN_TARGETS = (
    b"GET http://evil.example/soe HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET http://127.0.0.1/api/sitemaster/stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET https://powerwall/api/sitemaster/stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
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


def _post(body: bytes, *headers: str, target: str = "/control/reserve", host: str = "127.0.0.1") -> bytes:
    return request("POST", target, *headers, f"Content-Length: {len(body)}", body=body, host=host)


_TOKEN = f"token={SECRET}".encode()
_CONTROLS: tuple[tuple[str, bytes, set[int]], ...] = (
    ("no token", _post(b"value=50", FORM), {401}),
    ("empty token", _post(b"value=50&token=", FORM), {401}),
    ("wrong token", _post(b"value=50&token=guess", FORM), {401}),
    ("token of another case", _post(b"value=50&token=" + SECRET.upper().encode(), FORM), {401}),
    ("token and a blank", _post(b"value=50&token=" + SECRET.encode() + b"+", FORM), {401}),
    ("beginning of the token", _post(b"value=50&token=" + SECRET[:-1].encode(), FORM), {401}),
    ("token that is not ASCII", _post("value=50&token=gehëim".encode(), FORM), {401}),
    ("token that is not UTF-8", _post(b"value=50&token=%ff%fe", FORM), {400}),
    ("lone surrogate as token", _post(b'{"value": 50, "token": "\\ud800"}', JSON), {400}),
    ("number as token", _post(b'{"value": 50, "token": 0}', JSON), {401}),
    ("true as token", _post(b'{"value": 50, "token": true}', JSON), {401}),
    ("null as token", _post(b'{"value": 50, "token": null}', JSON), {400}),
    ("list as token", _post(f'{{"value": 50, "token": ["{SECRET}"]}}'.encode(), JSON), {400}),
    ("token in the URL", _post(b"value=50", FORM, target=f"/control/reserve?token={SECRET}"), {400}),
    (
        "encoded token in the URL",
        _post(b"value=50", FORM, target=f"/control/reserve?%74oken={SECRET}"),
        {400},
    ),
    (
        "token in the URL after a semicolon",
        _post(b"value=50&" + _TOKEN, FORM, target=f"/control/reserve?a=1;token={SECRET}"),
        {400},
    ),
    (
        "OpenC2's name for it in the URL",
        _post(b"value=50&" + _TOKEN, FORM, target=f"/control/reserve?X-Control-Token={SECRET}"),
        {400},
    ),
    ("token in the URL of /health", request("GET", f"/health?token={SECRET}"), {400}),
    ("token in the URL of a GET", request("GET", f"/control/max_backup?token={SECRET}"), {400}),
    ("token as Basic", _post(b"value=50", FORM, f"Authorization: Basic {SECRET}"), {401}),
    ("token as a cookie", _post(b"value=50", FORM, f"Cookie: token={SECRET}"), {401}),
    ("token in a header of its own", _post(b"value=50", FORM, f"X-Token: {SECRET}"), {401}),
    ("wrong bearer", _post(b"value=50", FORM, "Authorization: Bearer guess"), {401}),
    ("bearer that is not UTF-8", _post(b"value=50", FORM, "Authorization: Bearer \xff"), {400, 401}),
    ("two bearers", _post(b"value=50", FORM, BEARER, BEARER), {400}),
    ("token in body and header", _post(b"value=50&" + _TOKEN, FORM, BEARER), {400}),
    ("two tokens", _post(b"value=50&token=x&" + _TOKEN, FORM), {400}),
    ("two values", _post(b"value=50&value=60&" + _TOKEN, FORM), {400}),
    ("two values in JSON", _post(f'{{"value": 50, "value": 60, "token": "{SECRET}"}}'.encode(), JSON), {400}),
    ("superscript two", _post("value=²&".encode() + _TOKEN, FORM), {400}),
    ("Arabic digits", _post("value=٥٠&".encode() + _TOKEN, FORM), {400}),
    ("too much", _post(b"value=101&" + _TOKEN, FORM), {400}),
    ("a little too much", _post(b"value=100.001&" + _TOKEN, FORM), {400}),
    ("negative", _post(b"value=-1&" + _TOKEN, FORM), {400}),
    ("not a number", _post(b"value=nan&" + _TOKEN, FORM), {400}),
    ("NaN in JSON", _post(f'{{"value": NaN, "token": "{SECRET}"}}'.encode(), JSON), {400}),
    ("infinity in JSON", _post(f'{{"value": 1e999, "token": "{SECRET}"}}'.encode(), JSON), {400}),
    ("four thousand digits", _post(b'{"value": ' + b"1" * 4000 + b"}", JSON, BEARER), {400}),
    ("true as a reserve", _post(f'{{"value": true, "token": "{SECRET}"}}'.encode(), JSON), {400}),
    ("object as a value", _post(f'{{"value": {{}}, "token": "{SECRET}"}}'.encode(), JSON), {400}),
    ("exponent", _post(b"value=5e1&" + _TOKEN, FORM), {400}),
    ("blank around", _post(b"value=+50+&" + _TOKEN, FORM), {400}),
    ("line break in the value", _post(b"value=50%0d%0a&" + _TOKEN, FORM), {400}),
    ("NUL in the value", _post(b"value=50%00&" + _TOKEN, FORM), {400}),
    ("underscore in the value", _post(b"value=5_0&" + _TOKEN, FORM), {400}),
    ("unknown mode", _post(b"value=scheduler&" + _TOKEN, FORM, target="/control/mode"), {400}),
    ("mode of another case", _post(b"value=Backup&" + _TOKEN, FORM, target="/control/mode"), {400}),
    ("injection into a mode", _post(b'value=backup","x":"&' + _TOKEN, FORM, target="/control/mode"), {400}),
    ("bad level", _post(b"value=backup&level=x&" + _TOKEN, FORM, target="/control/mode"), {400}),
    ("bad mode along", _post(b"value=50&mode=x&" + _TOKEN, FORM), {400}),
    (
        "islanding without its switch",
        _post(b"value=true&" + _TOKEN, FORM, target="/control/islanding"),
        {404},
    ),
    ("unknown action", _post(b"value=1&" + _TOKEN, FORM, target="/control/stop"), {404, 405}),
    ("prefix of an action", _post(b"value=50&" + _TOKEN, FORM, target="/control/reservexyz"), {404, 405}),
    ("other case of an action", _post(b"value=50&" + _TOKEN, FORM, target="/CONTROL/reserve"), {404, 405}),
    ("slash at the end", _post(b"value=50&" + _TOKEN, FORM, target="/control/reserve/"), {404, 405}),
    ("JSON that is no object", _post(b"[1]", JSON, BEARER), {400}),
    ("JSON cut off", _post(b'{"value":', JSON, BEARER), {400}),
    ("JSON a thousand deep", _post(b"[" * 4000, JSON, BEARER), {400}),
    ("empty JSON body", _post(b"", JSON, BEARER), {400}),
    (
        "text/plain, as a form of a page sends it",
        _post(b"value=50&" + _TOKEN, "Content-Type: text/plain"),
        {415},
    ),
    (
        "multipart",
        _post(b"--x\r\n\r\n50\r\n--x--", "Content-Type: multipart/form-data; boundary=x", BEARER),
        {415},
    ),
    ("compressed body", _post(b"\x1f\x8b\x08", FORM, "Content-Encoding: gzip", BEARER), {415}),
    (
        "compressed body, also called plain",
        _post(b"value=50&" + _TOKEN, FORM, "Content-Encoding: identity", "Content-Encoding: gzip"),
        {415},
    ),
    ("body of 4097 bytes", _post(b"value=50&" + _TOKEN + b"&x=" + b"a" * 4097, FORM), {400}),
    (
        "body said to be huge",
        request("POST", "/control/reserve", FORM, "Content-Length: 99999999"),
        {0, 400, 408},
    ),
    (
        "body in endless chunks",
        request(
            "POST",
            "/control/reserve",
            FORM,
            "Transfer-Encoding: chunked",
            body=b"1000\r\n" + b"a" * 4096 + b"\r\n" + b"1000\r\n" + b"a" * 4096 + b"\r\n0\r\n\r\n",
        ),
        {400},
    ),
    ("a hundred fields", _post(b"&".join(b"x%d=1" % i for i in range(100)) + b"&" + _TOKEN, FORM), {400}),
    ("no body at all", request("POST", "/control/reserve", FORM, BEARER), {400}),
    ("PUT", request("PUT", "/control/reserve", FORM, BEARER, "Content-Length: 8", body=b"value=50"), {405}),
    ("DELETE", request("DELETE", "/control/reserve", BEARER), {405}),
    ("method override", request("GET", "/control/reserve", "X-HTTP-Method-Override: POST", BEARER), {200}),
    ("foreign Host", _post(b"value=50&" + _TOKEN, FORM, host="evil.example"), {421}),
    (
        "foreign Host that starts like ours",
        _post(b"value=50&" + _TOKEN, FORM, host="127.0.0.1.evil.example"),
        {421},
    ),
    ("foreign Host that ends in a dot", _post(b"value=50&" + _TOKEN, FORM, host="evil.example."), {421}),
    ("foreign Origin", _post(b"value=50&" + _TOKEN, FORM, "Origin: http://evil.example"), {403}),
    ("null Origin", _post(b"value=50&" + _TOKEN, FORM, "Origin: null"), {403}),
    ("Origin of another port", _post(b"value=50&" + _TOKEN, FORM, "Origin: http://127.0.0.1:81"), {403}),
    ("broken Origin", _post(b"value=50&" + _TOKEN, FORM, "Origin: http://[::1"), {403}),
    ("cross-site fetch", _post(b"value=50&" + _TOKEN, FORM, "Sec-Fetch-Site: cross-site"), {403}),
    ("same-site fetch", _post(b"value=50&" + _TOKEN, FORM, "Sec-Fetch-Site: same-site"), {403}),
)
_NOT_FOR_STRANGERS = ("/status", "/stats", "/help", "/stats/clear", "/control/mode")
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
    found += [(f"target: {data.partition(b' HTTP')[0].decode()}", data, {400}) for data in _FOREIGN_TARGETS]
    found += [(f"control: {name}", data, statuses) for name, data, statuses in _CONTROLS]
    found += [
        (f"rebound {path}", request("GET", path, host="rebound.example"), {421})
        for path in _NOT_FOR_STRANGERS
    ]
    return found
