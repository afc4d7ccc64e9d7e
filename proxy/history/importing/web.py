"""JSON from another program, by plain GET."""

from __future__ import annotations

import base64
import json
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from proxy.history.importing.past import SourceError

_TIMEOUT_S: Final = 60.0
_MOST_BYTES: Final = 64 * 1024 * 1024
_AUTHORIZATION: Final = "Authorization"


class Refusal(SourceError):
    """The server answers, but not with what was requested."""


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, without credentials to another origin (RFC 9110, section 15.4)."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Return the request that follows, or None."""
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and _origin(newurl) != _origin(req.full_url):
            following.remove_header(_AUTHORIZATION)
        return following


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class Site:
    """A server by its URL; a name and a password in it are sent as Basic credentials (RFC 7617)."""

    def __init__(self, url: str, path: str | None = None) -> None:
        """``path`` replaces that of the URL."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.path = parts.path.strip("/")
        self.url = urlunsplit((parts.scheme, host, parts.path.rstrip("/") if path is None else path, "", ""))
        self._headers = {}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers[_AUTHORIZATION] = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def get(self, path: str, **query: str) -> Any:
        """Return the document at a path. Raises SourceError."""
        try:
            return json.loads(self._answer(path, query)[0] or b"null")
        except ValueError as exc:
            raise SourceError(f"{self.url}{path} answers with what is not JSON.") from exc

    def is_influx(self) -> bool:
        """Say whether an InfluxDB answers here. Raises SourceError if nothing does."""
        try:
            return "x-influxdb-version" in self._answer("/ping", {})[1]
        except Refusal:
            return False

    def _answer(self, path: str, query: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        address = f"{self.url}{path}{'?' + urlencode(query) if query else ''}"
        try:
            request = Request(address, headers=self._headers)  # noqa: S310 - the command takes http and https only
            with build_opener(_Redirects).open(request, timeout=_TIMEOUT_S) as answer:
                return answer.read(_MOST_BYTES), {name.lower(): text for name, text in answer.headers.items()}
        except HTTPError as exc:
            raise Refusal(f"{self.url}{path} answers {exc.code} {exc.reason}.") from exc
        except (URLError, HTTPException, OSError, ValueError) as exc:
            raise SourceError(f"{self.url} cannot be read: {getattr(exc, 'reason', exc)}.") from exc
