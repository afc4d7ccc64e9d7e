"""The links from page to page of one gateway."""

from __future__ import annotations

import html
from collections.abc import Container, Mapping
from typing import Final

# Address, word and endpoint of the pages that link to each other.
_LINKS: Final = (
    ("./", "now", "front_page"),
    ("history", "history", "history_page"),
    ("status", "status", "status_page"),
)
_CURRENT: Final = ' aria-current="page"'


def navigation(words: Mapping[str, str], page: str, endpoints: Container[str], root: str = "") -> str:
    """Write the links of a page; those of features only where these are switched on.

    ``page`` is the name of its file, ``root`` the path of the proxy where that is not the page's folder.
    """
    links = [(path, name) for path, name, endpoint in _LINKS if endpoint in endpoints]
    here = "now" if page == "index.html" else page.partition(".")[0]
    return "".join(
        f'<a href="{html.escape(root) + path.removeprefix("./" if root else "")}"{_CURRENT if name == here else ""}>{html.escape(words[name])}</a>'
        for path, name in links
    )
