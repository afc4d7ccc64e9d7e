"""What a hostile client may send to /control, and which statuses are a right answer. Data only."""

from __future__ import annotations

from tests.hostile.raw import request

SECRET = "correct-horse-battery-staple"
BEARER = f"Authorization: Bearer {SECRET}"
FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"

Row = tuple[str, bytes, set[int]]


def _post(body: bytes, *headers: str, target: str = "/control/reserve", host: str = "127.0.0.1") -> bytes:
    return request("POST", target, *headers, f"Content-Length: {len(body)}", body=body, host=host)


_TOKEN = f"token={SECRET}".encode()
COMMANDS: tuple[Row, ...] = (
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
