"""What the programs that read this proxy put on the wire, byte by byte as they send it."""

from __future__ import annotations


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


ONE = head("GET /soe HTTP/1.1", "Host: localhost")

CHROME = (
    "Host: powerwall.local:8675",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="120", "Not A(Brand";v="24"',
    "Accept: application/json, text/plain, */*",
    "sec-ch-ua-mobile: ?0",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    'sec-ch-ua-platform: "Linux"',
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Dest: empty",
    "Referer: http://powerwall.local:8675/",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
)

# Plain requests: the fast path answers them.
PLAIN: dict[str, bytes] = {
    "curl": head("GET /aggregates HTTP/1.1", "Host: localhost:8675", "User-Agent: curl/7.88.1", "Accept: */*"),
    "curl -I": head("HEAD /soe HTTP/1.1", "Host: 192.168.1.5:8675", "User-Agent: curl/7.88.1", "Accept: */*"),
    "curl --compressed": head(
        "GET /vitals HTTP/1.1", "Host: localhost:8675", "User-Agent: curl/7.88.1", "Accept: */*",
        "Accept-Encoding: deflate, gzip, br",
    ),
    "wget": head(
        "GET /csv HTTP/1.1", "Host: localhost:8675", "User-Agent: Wget/1.21.3", "Accept: */*",
        "Accept-Encoding: identity", "Connection: Keep-Alive",
    ),
    "telegraf": head(
        "GET /aggregates HTTP/1.1", "Host: powerwall:8675", "User-Agent: Telegraf/1.28.2 Go/1.21.0",
        "Accept-Encoding: gzip",
    ),
    "Prometheus": head(
        "GET /soe HTTP/1.1", "Host: pw:8675", "User-Agent: Prometheus/2.42.0",
        "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1", "Accept-Encoding: gzip",
        "X-Prometheus-Scrape-Timeout-Seconds: 10",
    ),
    "Home Assistant": head(
        "GET /freq HTTP/1.1", "Host: 10.0.0.7:8675", "User-Agent: HomeAssistant/2026.11.1 aiohttp/3.14.5 Python/3.13",
        "Accept: */*", "Accept-Encoding: gzip, deflate, br",
    ),
    "requests": head(
        "GET /json HTTP/1.1", "Host: pi.lan:8675", "User-Agent: python-requests/2.32.3",
        "Accept-Encoding: gzip, deflate", "Accept: */*", "Connection: keep-alive",
    ),
    "Node-RED": head(
        "GET /api/system_status/soe HTTP/1.1", "user-agent: got (https://github.com/sindresorhus/got)",
        "accept: application/json, text/plain, */*", "accept-encoding: gzip, deflate, br",
        "Host: pw.home.arpa", "Connection: close",
    ),
    "Chrome": head("GET /aggregates HTTP/1.1", *CHROME),
    "Chrome, again": head("GET /strings HTTP/1.1", *CHROME, 'If-None-Match: "abc"'),
    "over IPv6": head("GET /soe HTTP/1.1", "Host: [::1]:18675", "User-Agent: curl/7.88.1", "Accept: */*"),
    "wrk": head("GET /soe HTTP/1.1", "Host: 127.0.0.1:8675"),
    "ab": head("GET /soe HTTP/1.0", "Host: 127.0.0.1:8675", "User-Agent: ApacheBench/2.3", "Accept: */*"),
    "ab -k": head(
        "GET /soe HTTP/1.0", "Connection: Keep-Alive", "Host: 127.0.0.1:8675", "User-Agent: ApacheBench/2.3",
    ),
    "a shell script": head("GET /csv/v2 HTTP/1.0", "Host: localhost", "Connection: close"),
    "ESPHome": head(
        "GET /api/meters/aggregates HTTP/1.1", "Host: 192.168.4.2:8675", "User-Agent: ESPHome", "Connection: close",
    ),
    "a web page elsewhere": head(
        "GET /pod HTTP/1.1", "Host: powerwall.local:8675", "Origin: http://dash.local", "Accept: */*",
    ),
    "a client that takes it for a proxy": head("GET http://localhost:8675/soe HTTP/1.1", "Host: localhost:8675"),
    "a URL with another host": head("GET http://[::1]/soe HTTP/1.1", "Host: no host"),
}  # fmt: skip

# The same programs when they request something that only aiohttp's side can answer.
NOT_PLAIN: dict[str, bytes] = {
    "a query": head("GET /csv?headers HTTP/1.1", "Host: localhost"),
    "a query that means nothing": head("GET /soe?_=17 HTTP/1.1", "Host: localhost"),
    "evcc": head("GET /api/meters/aggregates HTTP/1.1", "Host: localhost", "Authorization: Bearer abcdef"),
    "the pypowerwall library": head(
        "GET /api/system_status/soe HTTP/1.1", "Host: localhost", "User-Agent: python-requests/2.32.3", "Accept: */*",
    ),
    "a lost session": head("GET /api/status HTTP/1.1", "Host: localhost", "Cookie: AuthCookie=abcdef"),
    "a browser's other cookies": head("GET /soe HTTP/1.1", "Host: localhost", "Cookie: theme=dark"),
    "nc": head("GET /soe HTTP/1.0"),
    "no Host": head("GET /soe HTTP/1.1", "Accept: */*"),
    "two Hosts": head("GET /soe HTTP/1.1", "Host: localhost", "Host: localhost"),
    "an odd Host": head("GET /soe HTTP/1.1", "Host: local host"),
    "an odd IPv6 Host": head("GET /soe HTTP/1.1", "Host: [:::]:8675"),
    "an upgrade": head(
        "GET /soe HTTP/1.1", "Host: localhost", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ),
    "a body": head("GET /soe HTTP/1.1", "Host: localhost", "Content-Length: 2") + b"hi",
    "an empty body": head("GET /soe HTTP/1.1", "Host: localhost", "Content-Length: 0"),
    "a chunked body": head("GET /soe HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "an expectation": head("GET /soe HTTP/1.1", "Host: localhost", "Expect: 100-continue"),
    "a WebSocket of a draft": head("GET /soe HTTP/1.1", "Host: localhost", "Sec-WebSocket-Key1: 18x 6]8vM;54"),
    "a front server that keeps its prefix": head(
        "GET /api/status HTTP/1.1", "Host: localhost", "X-Forwarded-Prefix: /api",
    ),
    "a URL of another scheme": head("GET ftp://localhost/soe HTTP/1.1", "Host: localhost"),
    "a URL without a path": head("GET http://localhost HTTP/1.1", "Host: localhost"),
    "a URL with somebody's name": head("GET http://me@localhost/soe HTTP/1.1", "Host: localhost"),
    "another method": head("DELETE /soe HTTP/1.1", "Host: localhost"),
    "a preflight": head(
        "OPTIONS /soe HTTP/1.1", "Host: localhost", "Origin: http://a.b", "Access-Control-Request-Method: GET"
    ),
    "an unknown path": head("GET /nothing HTTP/1.1", "Host: localhost"),
    "an encoded path": head("GET /%73oe HTTP/1.1", "Host: localhost"),
    "an endpoint": head("GET /version HTTP/2.0", "Host: localhost"),
    "bare line feeds": b"GET /soe HTTP/1.1\nHost: localhost\n\n",
    "a folded header": head("GET /soe HTTP/1.1", "Host: localhost", "Accept: a,", " b"),
    "a header with a blank": head("GET /soe HTTP/1.1", "Host : localhost"),
    "a header with a NUL": head("GET /soe HTTP/1.1", "Host: localhost", "X: a\0b"),
    "two requests at once": 2 * head("GET /soe HTTP/1.1", "Host: localhost"),
    "a request and a half": head("GET /soe HTTP/1.1", "Host: localhost") + b"GET /soe HT",
    "an empty line first": b"\r\n" + head("GET /soe HTTP/1.1", "Host: localhost"),
    "nothing that is HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}  # fmt: skip
