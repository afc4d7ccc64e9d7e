"""Conditional requests for files that are another server's (RFC 9110 section 13.1).

A server may give the same strong entity tag to a file and to the same file compressed. Clients and caches
take what has one tag for the same bytes, so that here the compressed form has a tag of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from proxy.server.http.coding import GZIP, tag_of

_STRONG: Final = re.compile(r'"[^"]*"')
_GZIP_END: Final = tag_of('""', GZIP)[1:]


def tag_for(headers: Mapping[str, str], condition: str) -> str:
    """Return the entity tag of the server's answer for clients; "" if there is none. Weak tags stay as they are.

    An answer without content (304) confirms the form that the client has: the one in its If-None-Match.
    """
    tag = headers.get("ETag", "")
    if not _STRONG.fullmatch(tag):
        return tag
    packed = tag_of(tag, GZIP)
    is_packed = headers.get("Content-Encoding", "").lower() == GZIP or packed in condition
    return packed if is_packed else tag


def for_origin(condition: str) -> str:
    """Write an If-None-Match of a client with the tags that the server gave."""
    return condition.replace(_GZIP_END, '"')


def is_unchanged(conditions: Mapping[str, str], etag: str, modified: str) -> bool:
    """Say whether the client has this representation already; If-None-Match goes before If-Modified-Since."""
    if tags := conditions.get("If-None-Match"):
        shown = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return tags.strip() == "*" or (etag != "" and etag.removeprefix("W/") in shown)
    since = conditions.get("If-Modified-Since", "")
    if not since or not modified:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):  # no date, or one without a zone against one with it
        return False
