"""What answers the routes of the history: read in the thread of the archives, packed there, too."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import Any, Final, TypeAlias

from aiohttp import web

from proxy.history import reading
from proxy.history.answers import day_json, days_csv, device_json, series_csv, series_json, written
from proxy.history.archive import Unavailable, joined
from proxy.history.days import day_of
from proxy.history.energies import DayTotals
from proxy.history.query import BadQuery, Query, parse
from proxy.history.subjects import Past, Subject
from proxy.server.http.admission import target_of
from proxy.server.http.coding import choose, has_it, offered, pack
from proxy.server.http.problems import PUBLIC_HEADERS, problem

Maker: TypeAlias = Callable[[Past], Iterable[str]]

_A_MONTH_S: Final = 31 * 86_400
_SMALL: Final = 1000  # packing so few bytes gains nothing


async def history_json(request: web.Request, subject: Subject) -> web.Response:
    """Answer with series, and for steps of a day or more with energies."""
    query = parse(request.query, subject.zone, subject.now)

    def make(past: Past) -> Iterable[str]:
        return written(document(past, query, subject))

    return await _answer(request, subject, make, "application/json")


async def history_csv(request: web.Request, subject: Subject) -> web.Response:
    """Answer with a table: of energies for steps of a day or more, else of series."""
    query, zone = parse(request.query, subject.zone, subject.now), subject.zone

    def make(past: Past) -> Iterable[str]:
        if query.step:
            return days_csv(_energies(past, query, zone))
        return series_csv(past.series(query.columns, query.span), query.columns, zone)

    name = f'attachment; filename="history-{day_of(query.span.begin, zone)}.csv"'
    return await _answer(request, subject, make, "text/csv; charset=utf-8", {"Content-Disposition": name})


async def history_alerts(request: web.Request, subject: Subject) -> web.Response:
    """Answer with alerts and outages, of the last month unless ``from`` says otherwise."""
    texts = {"from": str(subject.now - _A_MONTH_S), **request.query, "step": "day"}
    span = parse(texts, subject.zone, subject.now).span

    def make(past: Past) -> Iterable[str]:
        return written(
            {"from": span.begin, "to": span.end, "alerts": past.alerts(span), "outages": past.outages(span)}
        )

    return await _answer(request, subject, make, "application/json")


def document(past: Past, query: Query, subject: Subject) -> dict[str, Any]:
    """Make the document of /history.json."""
    span = query.span
    found, extent = past.series(query.columns, span), past.extent()
    return {
        "v": 1,
        "gateway": subject.id,
        "zone": str(subject.zone),
        "simulated": subject.is_simulated,
        "now": round(subject.now),
        "first": extent[0] if extent else None,
        "from": span.begin,
        "to": span.end,
        "step": query.step or found.step_s,
        **series_json(found, query.columns),
        "devices": [*map(device_json, past.devices(query.devices, span))],
        "energies": (day_json(totals, label) for label, totals in _energies(past, query, subject.zone)),
        "outages": past.outages(span),
    }


def _energies(past: Past, query: Query, zone: tzinfo) -> Iterator[tuple[str, DayTotals]]:
    """Read the energies of the days or months of a span, if such steps are requested."""
    if query.step:
        totals = past.days(day_of(query.span.begin, zone), day_of(query.span.end - 1, zone))
        is_month = query.step == "month"
        for each in reading.months(totals) if is_month else totals:
            yield f"{each.day:%Y-%m}" if is_month else each.day.isoformat(), each


async def _answer(
    request: web.Request,
    subject: Subject,
    make: Maker,
    media_type: str,
    others: Mapping[str, str] | None = None,
) -> web.Response:
    """Make an answer in the thread of the archive, unless the client has it already."""
    coding = choose(request.headers.get("Accept-Encoding", ""), offered())
    state = f"{subject.version} {int(subject.now // 60)} {target_of(request)}"
    tag = f'"{hashlib.sha256(state.encode()).hexdigest()[:16]}"'
    headers = {
        **PUBLIC_HEADERS,
        "Cache-Control": "no-cache",
        "ETag": f"W/{tag}",  # within a minute only the time in it changes
        "Vary": "Accept-Encoding",
    }
    if has_it(request.headers.get("If-None-Match", ""), tag):
        return web.Response(status=304, headers=headers)

    def work(past: Past) -> tuple[bytes, str]:
        body = joined(make(past))
        used = coding if len(body) > _SMALL else ""
        return pack(body, used), used

    body, used = await subject.read(work)
    headers |= {"Content-Type": media_type, **(others or {})}
    if used:
        headers["Content-Encoding"] = used
    return web.Response(body=body, headers=headers)


def _guarded(
    endpoint: Callable[[web.Request, Subject], Awaitable[web.Response]],
) -> Callable[[web.Request, Subject], Awaitable[web.Response]]:
    async def answer(request: web.Request, subject: Subject) -> web.Response:
        try:
            return await endpoint(request, subject)
        except BadQuery as exc:
            return problem(400, str(exc))
        except Unavailable:
            return problem(
                503, "The history cannot be read now; the log says why.", headers={"Retry-After": "60"}
            )

    return answer


ENDPOINTS: Final = {each.__name__: _guarded(each) for each in (history_json, history_csv, history_alerts)}
