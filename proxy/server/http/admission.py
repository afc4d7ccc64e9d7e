"""Which requests are looked at at all: their form, the name they were sent to, the page they come from.

A LAN has guests and browsers, and a browser can be made to send requests by any page that it
shows. What is public (CORS ``*``) may be read under any name; what writes, and what shows how
the proxy is set up, only under names that no one on the Internet can point at this machine
(DNS rebinding) and never when requested by a page of another origin (RFC 9112 section 3.2, RFC
9110 sections 7.4 and 15.5.20).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from aiohttp import HttpVersion10, HttpVersion11, web

from proxy.server.http.problems import problem
from proxy.server.transport.limits import DETAILS, HEAD_BYTES

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.server.route import Route

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?P<port>:[0-9]{1,5})?")
# RFC 9112 section 3.2.2. A fragment is never sent; without a path it is the root (RFC 9110 section 4.2.3).
_ABSOLUTE = re.compile(r"(?i:https?)://(?P<host>[^/?#]*)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?")
# Top-level names that no registry sells: RFC 6762, RFC 8375, ICANN's reservation; .lan by custom.
_LOCAL = (".local", ".lan", ".home.arpa", ".internal", ".localhost")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Of Authorization; what begins with any other word is a secret that stands bare.
_SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate"})
_VERSIONS = frozenset({HttpVersion10, HttpVersion11})
# What ingress says of the prefix that it has stripped.
_INGRESS = "X-Ingress-Path"
# Names of query parameters that must not carry a secret: URLs are logged, kept and shown.
_SECRETIVE = frozenset(
    {
        *("token", "access_token", "x-control-token", "authorization", "secret", "password"),
        *("apikey", "api_key", "oc2-api-key"),
    }
)


def is_encrypted(request: web.BaseRequest, settings: Settings) -> bool:
    """Say whether clients use TLS, to this proxy or to a front server (PW_HTTPS=http)."""
    return request.secure or settings.https == "http"


def malformed(request: web.BaseRequest) -> web.Response | None:
    """Refuse requests other than plain ones to an origin server, which other servers might interpret differently."""
    if request.version not in _VERSIONS:
        return problem(505, "This server speaks HTTP/1.1.", headers=_CLOSE)
    if request.method == "CONNECT" or not target_of(request).startswith("/"):
        return problem(400, "A request target is a path that begins with a slash, or a URL.", headers=_CLOSE)
    # A connection bounds what it waits for; this head may have come all at once.
    if (
        len(request.raw_path) + sum(len(name) + len(value) for name, value in request.raw_headers)
        > HEAD_BYTES
    ):
        return problem(431, DETAILS[431], headers=_CLOSE)
    coding = request.headers.get("Transfer-Encoding")
    if coding is not None and (request.version == HttpVersion10 or coding.lower() != "chunked"):
        return problem(400, "The only transfer coding is chunked, since HTTP/1.1.", headers=_CLOSE)
    hosts = request.headers.getall("Host", [])
    if len(hosts) > 1 or (not hosts and request.version != HttpVersion10):
        return problem(400, "A request has exactly one Host.", headers=_CLOSE)
    host = host_of(request)
    if (hosts or host) and name_of(host) is None:
        return problem(400, "The Host is not a name or address with an optional port.", headers=_CLOSE)
    return None


_CLOSE = {"Connection": "close"}


def target_of(request: web.BaseRequest) -> str:
    """Return the path and query that a request is for, also if its target is a whole URL."""
    match = _ABSOLUTE.fullmatch(request.raw_path)
    return f"{match['path'] or '/'}{match['query'] or ''}" if match else request.raw_path


def host_of(request: web.BaseRequest) -> str:
    """Return the host that a request is for: a whole URL's own, instead of the Host field (RFC 9112 section 3.2.2)."""
    match = _ABSOLUTE.fullmatch(request.raw_path)
    return match["host"] if match else request.headers.get("Host", "")


def refusal(request: web.BaseRequest, route: Route, settings: Settings) -> web.Response | None:
    """Refuse what a page of another origin may have set off. Readings and pages are never refused."""
    writes = request.method not in _SAFE
    if not (route.local or writes):
        return None
    if not is_ours(request, settings):
        return problem(
            421,
            f"{host_of(request) or 'No name'} is not known here; add it to PW_ALLOWED_HOSTS if it is yours.",
        )
    if writes and not is_same_origin(request):
        return problem(403, "A page of another origin may not change anything here.")
    return exposed(request)


def exposed(request: web.BaseRequest) -> web.Response | None:
    """Refuse a request whose URL shows a secret."""
    if has_secret(request.query_string):
        return problem(400, "Send a secret in the body or as Authorization: Bearer, never in the URL.")
    return None


def is_ours(request: web.BaseRequest, settings: Settings) -> bool:
    """Say whether the request was sent to a name that is known to be this machine's."""
    name = name_of(host_of(request))
    return name is not None and (
        is_local(name) or name in _names(settings.allowed_hosts) or is_from_ingress(request, settings)
    )


def is_from_ingress(request: web.BaseRequest, settings: Settings) -> bool:
    """Say whether Home Assistant has passed the request on, under whatever name it is reached itself.

    It does so for its users only, by a cookie that a browser sends to no other name: rebinding gains nothing.
    """
    return bool(settings.ingress) and request.remote == settings.ingress and _INGRESS in request.headers


@lru_cache(maxsize=16)
def _names(hosts: tuple[str, ...]) -> frozenset[str]:
    """Write names as ``name_of`` does: a name with a final dot is the same one, only absolute (RFC 1034)."""
    return frozenset(host.lower().rstrip(".") for host in hosts)


@lru_cache(maxsize=256)
def name_of(host: str) -> str | None:
    """Return the name in a Host field in lower case, None if the field is malformed."""
    match = _HOST.fullmatch(host)
    if match is None or int((match["port"] or ":0")[1:]) > 65535:  # noqa: PLR2004 - the highest port
        return None
    name = match["name"].lower().rstrip(".")
    if name.startswith("["):
        try:
            return str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    return name or None


@lru_cache(maxsize=256)
def is_local(name: str) -> bool:
    """Say whether a name cannot be one of the Internet: an address, a bare name, a local domain, our own."""
    if "." not in name or name.endswith(_LOCAL) or name == _own_name():
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_name() -> str:
    return socket.gethostname().lower().rstrip(".")


def is_anonymous_browser(request: web.BaseRequest) -> bool:
    """Say whether this is a browser's GET that does not say which page caused it.

    Over plain HTTP browsers send no Sec-Fetch-Site, so a picture of any page looks like the address bar.
    """
    browses = request.headers.get("User-Agent", "").startswith("Mozilla/")
    return request.method == "GET" and browses and "Sec-Fetch-Site" not in request.headers


def is_same_origin(request: web.BaseRequest) -> bool:
    """Say whether a request comes from a program, the address bar or a page of ours.

    Sec-Fetch-Site is the browser's own word, but only on secure origins; Origin is always sent
    with a POST of a page. Neither can be set by a page.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        return parts.scheme in {"http", "https"} and parts.netloc.lower() == host_of(request).lower()
    except ValueError:
        return False


def has_secret(query: str) -> bool:
    """Say whether a query string has a parameter that is named like a secret."""
    # Some take a semicolon for a separator too.
    return bool(query) and any(
        name.strip().lower() in _SECRETIVE
        for name, _ in parse_qsl(query.replace(";", "&"), keep_blank_values=True)
    )


def bearer_of(request: web.BaseRequest) -> str | None:
    """Find the token in the one Authorization header."""
    shown = request.headers.getall("Authorization", [])
    scheme, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else None


def secret_of(request: web.BaseRequest) -> str | None:
    """Find the secret in the one Authorization header: a bearer, or bare as programs of pypowerwall-server send it."""
    shown = [value.strip() for value in request.headers.getall("Authorization", [])]
    if len(shown) == 1 and (" " not in shown[0] or shown[0].partition(" ")[0].lower() not in _SCHEMES):
        return shown[0]
    return bearer_of(request)


def client_of(request: web.BaseRequest, settings: Settings) -> str:
    """Return the client's address: the peer's, or what trusted front servers say of theirs.

    X-Forwarded-For is read from its end, because any client may have written its beginning.
    """
    networks = _networks(settings.trusted_proxies)
    address = request.remote or "unknown"
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
    for hop in [part.strip() for part in reversed(forwarded.split(","))]:
        if not _is_in(address, networks):
            break
        try:
            address = str(ipaddress.ip_address(hop))
        except ValueError:
            break
    return address


def base_of(request: web.BaseRequest, settings: Settings) -> str:
    """Return the prefix under which clients see the proxy: a trusted front server's word, or the setting."""
    if is_from_ingress(request, settings) and _PREFIX.fullmatch(prefix := request.headers[_INGRESS]):
        return prefix.rstrip("/") + "/"
    prefix = request.headers.get("X-Forwarded-Prefix", "") if settings.trusted_proxies else ""
    if (
        prefix
        and _PREFIX.fullmatch(prefix)
        and _is_in(request.remote or "", _networks(settings.trusted_proxies))
    ):
        return prefix.rstrip("/") + "/"
    return settings.base_url


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=16)
def _networks(texts: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


def _is_in(address: str, networks: tuple[_Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
