"""What a request is about: the gateway that its path names, else that of its port, else the default.

``/gateways/ID/…`` and ``/sites/ID/…`` are the paths of one gateway and of one total; what follows the id
is matched like any other path. An id has no character that needs decoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from proxy.server.fleet.object_paths import PREFIX, SOCKET_ID, UnknownGateway, resolve
from proxy.server.fleet.object_routes import ALIASES
from proxy.server.routes import RAW, ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.gateways.gateway import Gateway, Gateways
    from proxy.server.route import Route

_ROWS: Final[dict[str, Route]] = {route.path: route for route in ROUTES}
BY_PATH: Final[dict[str, Route]] = {path: row for path, row in _ROWS.items() if "{" not in path} | {
    alias: _ROWS[path] for alias, path in ALIASES.items()
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about, the path below it, and the row of this path, if it is one.

    ``is_named`` says whether the request names its gateway, by path or by port: /health and /ready speak of
    all gateways otherwise. ``prefix`` is what stood before the path. ``missing`` is a sentence where the path
    names what there is not.
    """

    gateway: Gateway
    path: str
    route: Route | None
    is_named: bool = False
    prefix: str = ""
    missing: str = ""


TARGET: Final[web.RequestKey[Target]] = web.RequestKey("target", Target)


def path_of(target: str, base_url: str) -> str:
    """Return the path of a request target, without query and base URL; an odd target gives an odd path.

    A front server may have stripped the base URL, which can be the beginning of a route as well (``/pw``).
    """
    path = target.partition("?")[0]
    if base_url == "/" or not path.startswith(base_url):
        return path
    rest = path[len(base_url) - 1 :]
    return rest if rest in BY_PATH or path not in BY_PATH else path


def locate(path: str, gateways: Gateways, of_port: Gateway | None = None) -> Target:
    """Find what a path is about; ``of_port`` is the gateway whose own port the request came to."""
    default = of_port or gateways.default
    route = BY_PATH.get(path)
    if route is None and (found := _of_objects(path, gateways, default)) is not None:
        return found
    if route is None:
        for prefix, word, known in (("/gateways/", "gateway", gateways), ("/sites/", "site", gateways.sites)):
            if path.startswith(prefix):
                return _below(path[len(prefix) :], word, known, default)
    return Target(default, path, route, is_named=of_port is not None, missing=_not_there(route, default))


def _of_objects(path: str, gateways: Gateways, default: Gateway) -> Target | None:
    """Find a path of pypowerwall-server that names a gateway; None for any other."""
    if SOCKET_ID.fullmatch(path):
        return Target(default, path, _ROWS["/ws/gateway/{id}"])
    if not path.startswith(PREFIX):
        return None
    try:
        route, gateway = resolve(path, _ROWS, RAW, gateways)
    except UnknownGateway as unknown:
        return Target(default, path, None, missing=str(unknown))
    return Target(gateway, path, route, is_named=True)


def _below(path: str, word: str, known: Mapping[str, Gateway], default: Gateway) -> Target:
    id_, slash, rest = path.partition("/")
    if id_ not in known:
        there = f"there is {', '.join(known)}" if known else "there is none at all"
        return Target(default, path, None, missing=f"There is no {word} of this id; {there}.")
    route = BY_PATH.get(f"{slash}{rest}")
    missing = _not_there(route, known[id_])
    if route is not None and route.process:
        missing = f"{route.path} is about the whole proxy: it has no prefix."
    prefix = f"/{word}s/{id_}"
    return Target(known[id_], f"{slash}{rest}", route, is_named=True, prefix=prefix, missing=missing)


def _not_there(route: Route | None, gateway: Gateway) -> str:
    """Say that a total does not have what only a gateway has."""
    if route is None or route.process or route.total or not gateway.members:
        return ""
    return (
        f"A total has no {route.path}: request /gateways/{gateway.members[0].id}{route.path}, or of another."
    )
