"""The links between the gateways and sites of one proxy: plain links, for frames and below any prefix.

With one gateway there are none, and pages are as without this module.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from proxy.server.http.addressing import BY_PATH, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context

# What a line of a member shows of its live state, in the words of the page.
_COLUMNS = ("solar", "home", "grid", "battery", "charge")


def switch(context: Context, request: web.Request, page: str, address: Callable[[str], str]) -> str:
    """Write the links to the same page of every gateway and site; nothing where there is only one.

    ``page`` is the last part of the path; a site that does not have it is linked by its first. ``address`` names
    a file of the pages with its version.
    """
    if len(context.gateways.with_sites) == 1:
        return ""
    target = request[TARGET]
    root = "../../" if target.prefix else ""
    query = f"?{request.query_string}" if request.query_string else ""
    of_site = page if BY_PATH[f"/{page}"].total else ""
    links = "".join(
        _link(each, f"{root}{place(each)}{of_site if each.members else page}{query}", each is target.gateway)
        for each in context.gateways.with_sites
    )
    return (
        f'<link rel="stylesheet" href="{address("switch.css")}">'
        f'<nav id="switch" aria-label="Gateways">{links}</nav>'
    )


def members(
    request: web.Request, site: Gateway, words: Mapping[str, str], address: Callable[[str], str]
) -> str:
    """Write a line for each member of a site, which a script keeps up to date; nothing for a gateway."""
    if not site.members:
        return ""
    root = "../../" if request[TARGET].prefix else ""
    head = "".join(f'<th scope="col">{html.escape(words[name])}</th>' for name in _COLUMNS)
    cells = "".join(f'<td data-value="{name}"></td>' for name in _COLUMNS)
    lines = "".join(
        f'<tr data-events="{root}{place(member)}flow.json"><th scope="row">{html.escape(member.name)}<small></small></th>{cells}</tr>'
        for member in site.members
    )
    return (
        f'<table id="members"><thead><tr><td></td>{head}</tr></thead><tbody>{lines}</tbody></table>'
        f'<script type="module" src="{address("members.js")}"></script>'
    )


def place(gateway: Gateway) -> str:
    """Return the path of a gateway or a site, relative to that of the proxy."""
    return f"{'sites' if gateway.members else 'gateways'}/{gateway.id}/"


def _link(gateway: Gateway, href: str, current: bool) -> str:
    mark = ' aria-current="page"' if current else ""
    return f'<a href="{html.escape(href)}"{mark}>{html.escape(gateway.name)}</a>'
