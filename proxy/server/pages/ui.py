"""Pages for people: the power flow, the status, the reference; and what is at addresses of no row.

Nothing here sets a cookie of its own or loads anything from elsewhere; the
content security policy sees to the latter.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from aiohttp import web

from proxy.core.accept import parse_accept
from proxy.core.errors import GatewayError, NotSupported
from proxy.core.model import JSON
from proxy.core.sources import SITE_NAME, STATUS, SYSTEM_STATUS
from proxy.gateways.live import LIVE
from proxy.metrics.families import Samples
from proxy.server.gateway_api.passthrough import Passthrough
from proxy.server.http.addressing import TARGET
from proxy.server.http.admission import base_of, host_of, is_encrypted
from proxy.server.http.coding import choose, offered, pack
from proxy.server.http.dispatch import not_found, with_slash
from proxy.server.http.problems import COMMON_HEADERS, MEDIA_TYPE, PUBLIC_HEADERS
from proxy.server.live import events
from proxy.server.pages.appearance import appearance
from proxy.server.pages.docs import reference
from proxy.server.pages.files import Pages, attributes, find_folder, inline_json, load
from proxy.server.pages.language import direction, preferred
from proxy.server.pages.navigation import navigation
from proxy.server.pages.openapi import document
from proxy.server.pages.static_files import StaticFiles
from proxy.server.pages.switch import members, switch
from proxy.server.routes import ROUTES
from proxy.views import page
from proxy.views.sentence import written

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_DEMO_PORT: Final = 8676
# Pages about one gateway, with links to the same page of the others.
_OF_GATEWAY: Final = frozenset({"status.html", "history.html"})
# What an error says in its header, in whatever form it is written.
_OF_ERRORS: Final = frozenset({"Retry-After", "Allow", "Upgrade", "Connection", "Sec-WebSocket-Version"})
_NOT_STORED: Final = {"Cache-Control": "no-store"}
# What the drawing does not need: the page gets it with the first event, and begins with fewer bytes.
_LATER: Final = frozenset(
    {"v", "id", "at", "energy", "gateway", "units", "strings", "unbalanced", "alerts", "alert_list"}
)
# The page of /status waits for one round of readings, and not for long.
_ROUND: Final = (STATUS, SITE_NAME, SYSTEM_STATUS, *LIVE)
_SOFT_TIMEOUT_S: Final = 0.5


class Ui:
    """The pages of one proxy."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._apps = {
            gateway.id: Passthrough(gateway.cache, context.clock, context.settings)
            for gateway in context.gateways.values()
        }
        self._mode = context.settings.ui
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "frame-src 'self'; "
            "manifest-src 'self'; "
            f"base-uri 'none'; form-action 'none'; frame-ancestors {context.settings.frame_ancestors}"
        )
        self._page_headers = {
            **COMMON_HEADERS,
            **_NOT_STORED,
            "Content-Security-Policy": policy,
            "Content-Type": "text/html; charset=utf-8",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding, Accept-Language",
        }

    @cached_property
    def _pages(self) -> Pages:
        """The files of the pages: read when the first one is requested, because a start need not wait for them."""
        return load(find_folder())

    @cached_property
    def _files(self) -> StaticFiles:
        return StaticFiles(self._pages.files, self._context.settings.browser_cache)

    def endpoints(self) -> dict[str, Endpoint]:
        """Return what answers the rows of the group Pages, by name."""
        return {
            "front_page": self.front_page,
            "flow_page": self.flow_page,
            "flow_json": self.flow_json,
            "gateway_page": self.gateway_page,
            "events": lambda request, _, gateway: events.stream(request, gateway.live),
            "status_page": self.status_page,
            "docs_page": self.docs_page,
            "openapi": self.openapi,
            "example_page": self.example_page,
        }

    def samples(self) -> dict[str, Callable[[], Samples]]:
        """Return what is counted here, by the name of the metric."""
        live = [gateway.live for gateway in self._context.gateways.with_sites]
        apps = self._apps.values()

        def assets() -> Samples:
            total: Counter[str] = Counter()
            for app in apps:
                total.update(app.results)
            return (((name,), count) for name, count in total.items())

        return {
            "powerwall_proxy_event_streams": lambda: (((), self._context.streams),),
            "powerwall_proxy_events_dropped_total": lambda: (((), sum(each.dropped for each in live)),),
            "powerwall_proxy_assets_total": assets,
            "powerwall_proxy_asset_cache_bytes": lambda: (((), sum(app.bytes for app in apps)),),
        }

    async def front_page(self, request: web.Request, route: Route, gateway: Gateway) -> web.StreamResponse:
        """Serve the page at /: the power flow, or with PW_UI=gateway what the gateway has there."""
        if self._mode == "gateway" and not gateway.members:
            try:
                return await self._apps[gateway.id].answer(request, "/")
            except GatewayError:  # a gateway without pages, or away: our page works and says so
                return await self.flow_page(request, route, gateway)
        return await self.flow_page(request, route, gateway)

    async def gateway_page(self, request: web.Request, _: Route, gateway: Gateway) -> web.StreamResponse:
        """Serve the gateway's own front page."""
        return await self._apps[gateway.id].answer(request, "/")

    async def fallback(self, request: web.Request, path: str, gateway: Gateway) -> web.StreamResponse:
        """Serve what is no row: a file of our pages, or one of the gateway's."""
        if f"{path}/" == base_of(request, self._context.settings):
            return with_slash(request, path.rpartition("/")[2])
        ours = await self._files.answer(request, path)
        if ours is not None:
            return ours
        if self._mode == "own" or gateway.members:
            return not_found(path)
        try:
            return await self._apps[gateway.id].answer(request, path)
        except NotSupported:
            return not_found(path)

    async def flow_page(self, request: web.Request, route: Route, gateway: Gateway) -> web.StreamResponse:
        """Serve the power-flow page with the readings of this moment inside."""
        if not self._is_configured:
            return self._setup_page(request)
        chosen = appearance(request.query, self._context.settings.style)
        language = preferred(request.headers.get("Accept-Language", ""), self._pages.words)
        words = self._pages.words[language]
        snapshot = await gateway.live.obtain()
        known = None if snapshot["state"] == "none" else snapshot
        rows = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
            for name, value in page.rows(known, words)
        )
        return self.page(
            request,
            "index.html",
            {
                "language": language,
                "direction": direction(language),
                "attributes": attributes({**chosen, "past": self._past()}),
                "title": html.escape(words["flow"]),
                "name": html.escape(snapshot["name"] or words["flow"]),
                "pages": html.escape(self._pages.page_words[language]["pages"]),
                "links": navigation(self._pages.page_words[language], "index.html", self._context.endpoints),
                **{name: html.escape(words[name]) for name in ("services", "alerts")},
                "words": inline_json(words),
                "snapshot": inline_json({key: snapshot[key] for key in snapshot if key not in _LATER}),
                "icons.svg": self._pages.files["icons.svg"].body.decode(),
                "rows": rows,
                "switch": switch(self._context, request, route.path[1:], self._pages.address),
                "members": members(request, gateway, words, self._pages.address),
            },
        )

    def _past(self) -> str:
        """Return the address of the style of what the page shows of today; empty if no history is kept."""
        name = "past.css"
        has_history = "history_json" in self._context.endpoints
        return f"{name}?v={self._pages.files[name].version}" if has_history else ""

    async def flow_json(self, request: web.Request, _: Route, gateway: Gateway) -> web.StreamResponse:
        """Serve what the power-flow page shows, with its sentence in the language of the client."""
        snapshot = await gateway.live.obtain(_SOFT_TIMEOUT_S)
        language = preferred(request.headers.get("Accept-Language", ""), self._pages.words)
        age_s = snapshot["age"] if page.is_old(snapshot) else None
        said = written(
            snapshot["phrases"], self._pages.words[language], capitals=language == "de", age_s=age_s
        )
        headers = {**PUBLIC_HEADERS, **_NOT_STORED, "Vary": "Accept-Language"}
        return web.json_response({**snapshot, "sentence": said}, headers=headers)

    async def status_page(self, request: web.Request, _: Route, gateway: Gateway) -> web.StreamResponse:
        """Serve the page about the proxy; it reads /health, which has what is known: at first one round of readings."""
        await gateway.cache.get(_ROUND, _SOFT_TIMEOUT_S)
        if not self._is_configured:
            return self._setup_page(request)
        return self.page(request, "status.html", {})

    async def docs_page(self, request: web.Request, _: Route, gateway: Gateway) -> web.StreamResponse:
        """Serve the reference of the API."""
        return self.page(
            request, "docs.html", {"routes": reference(ROUTES, self._pages.examples, gateway.id)}
        )

    async def openapi(self, request: web.Request, _: Route, __: Gateway) -> web.StreamResponse:
        """Serve the same for programs."""
        gateways = self._context.gateways
        ids = ((), ()) if request[TARGET].prefix else (tuple(gateways), tuple(gateways.sites))
        headers = {
            **PUBLIC_HEADERS,
            "Cache-Control": "no-cache",
            "Content-Type": JSON,
            "Vary": "Accept-Encoding",
        }
        return packed(request, json.dumps(document(ROUTES, *ids)).encode(), headers)

    async def example_page(self, request: web.Request, _: Route, __: Gateway) -> web.StreamResponse:
        """Serve a page that frames the power flow."""
        base = base_of(request, self._context.settings)
        scheme = "https" if is_encrypted(request, self._context.settings) else "http"
        return self.page(
            request, "example.html", {"address": html.escape(f"{scheme}://{host_of(request)}{base}")}
        )

    @property
    def _is_configured(self) -> bool:
        """Say whether there is a gateway, or anything else, to read."""
        return any(gateway.cache.links for gateway in self._context.gateways.values())

    def _setup_page(self, request: web.Request) -> web.Response:
        """Serve what is missing, and how to set it."""
        host = host_of(request).rpartition(":")[0] or host_of(request)
        return self.page(request, "setup.html", {"demo": html.escape(f"http://{host}:{_DEMO_PORT}/")})

    def error_page(self, request: web.Request, answer: web.Response) -> web.Response:
        """Write a problem document for people, if a browser requests a page; else return it as it is."""
        is_wanted = answer.content_type == MEDIA_TYPE and _prefers_pages(request.headers.get("Accept", ""))
        if not is_wanted or request.method != "GET" or request.path.startswith("/api/"):
            return answer
        words = self._pages.page_words[
            preferred(request.headers.get("Accept-Language", ""), self._pages.words)
        ]
        said, root = json.loads(str(answer.text)), base_of(request, self._context.settings)
        title = words.get(f"error_{answer.status}", words["error"])
        values = {
            "title": title,
            "detail": said["detail"],
            "status": f"{answer.status} {said['title']}",
            "root": root,
        }
        shown = {name: html.escape(text) for name, text in values.items()}
        shown["links"] = navigation(words, "error.html", self._context.endpoints, root)
        page = self.page(request, "error.html", shown)
        page.set_status(answer.status)
        page.headers.update({k: v for k, v in answer.headers.items() if k in _OF_ERRORS})
        page.headers["Vary"] = f"{page.headers['Vary']}, Accept"
        return page

    def page(self, request: web.Request, name: str, values: Mapping[str, str]) -> web.Response:
        """Serve a filled-in page in the language of the reader; ``values`` are HTML."""
        words = self._pages.page_words
        language = preferred(request.headers.get("Accept-Language", ""), words)
        shared = {
            "language": language,
            "direction": direction(language),
            "links": navigation(words[language], name, self._context.endpoints),
        }
        if name in _OF_GATEWAY:
            shared["site"] = html.escape(request[TARGET].gateway.name)
            shared["switch"] = switch(self._context, request, name.partition(".")[0], self._pages.address)
        return packed(request, self._pages.render(name, {**shared, **values}, language), self._page_headers)


def packed(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Answer with what was written for this request, in the coding that suits the client best."""
    coding = choose(request.headers.get("Accept-Encoding", ""), offered())
    encoded = {"Content-Encoding": coding} if coding else {}
    return web.Response(body=pack(body, coding), headers={**headers, **encoded})


def _prefers_pages(accepted: str) -> bool:
    """Say whether Accept names HTML, and no kind of JSON that is wanted more."""
    weights = {name: weight for name, weight, _ in parse_accept(accepted)}
    others = max((weights.get(name, 0.0) for name in (JSON, MEDIA_TYPE)), default=0.0)
    return 0 < weights.get("text/html", 0.0) >= others
