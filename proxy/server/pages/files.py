"""The files of ``web/``: read once, packed once in each coding, named by their hash.

A page's script is one file on the wire: the modules that it imports are put in
front of it, each once, without their comments. What is sent is thus no file of the
folder, so packed ones beside the sources would be of no use: they are made in memory
when first requested. Requests are answered from this dictionary only, so no path of a
client ever reaches the file system.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from proxy.server.http.coding import pack
from proxy.server.memory import give_back
from proxy.server.pages import compact

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|function|class|async)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{([\w.-]+)\}\}")
_SAY = "say."
# Pages whose words are in a file of their own, beside those that pages share.
_OWN_WORDS = {
    "status.html": "status-words.json",
    "history.html": "past-words.json",
    "docs.html": "docs-words.json",
    "example.html": "example-words.json",
}
# Characters that could end a <script> block or a line of script inside it.
_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent; ``version`` is the start of its SHA-256."""

    body: bytes
    media_type: str
    _packed: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def version(self) -> str:
        """Name this content."""
        return hashlib.sha256(self.body).hexdigest()[:12]

    async def packed(self, coding: str) -> bytes:
        """Return the body in a coding ("": as it is), packed at the first request, beside everything else."""
        if not coding:
            return self.body
        if coding not in self._packed:
            self._packed[coding] = await asyncio.to_thread(_packed_once, self.body, coding)
        return self._packed[coding]


def _packed_once(body: bytes, coding: str) -> bytes:
    try:
        return pack(body, coding, once=True)
    finally:
        give_back()


def find_folder() -> Path:
    """Return the folder of the pages: inside the installed package, or beside it in a working copy."""
    package = Path(__file__).parents[2]
    return next(folder for folder in (package / "web", package.parent / "web") if folder.is_dir())


@cache
def load(folder: Path) -> Pages:
    """Read the files of a folder, once in a process, however many proxies it runs."""
    return Pages(folder)


def inline_json(value: Any) -> str:
    """Encode a value for a data block of a page; it may hold foreign text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)


class Pages:
    """Everything in ``web/`` by file name: ``files`` are served as they are, pages are filled in."""

    def __init__(self, folder: Path) -> None:
        contents = {
            path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES
        }
        scripts = {name: body.decode() for name, body in contents.items() if name.endswith(".js")}
        for name in scripts:
            contents[name] = compact.script(_joined(name, scripts, set())).encode()
        contents |= {
            name: compact.style(body.decode()).encode()
            for name, body in contents.items()
            if name.endswith(".css")
        }
        self.files = {
            name: StaticFile(body, MEDIA_TYPES[Path(name).suffix])
            for name, body in contents.items()
            if not name.endswith(".html")
        }
        self._templates = {name: body.decode() for name, body in contents.items() if name.endswith(".html")}
        # By language; those of the power flow travel with it, so they are apart from those of all other pages.
        self.words: Mapping[str, Mapping[str, str]] = json.loads(contents["words.json"])
        self.page_words: Mapping[str, Mapping[str, str]] = json.loads(contents["pages.json"])
        self._own_words: Mapping[str, Mapping[str, Mapping[str, str]]] = {
            page: json.loads(contents[name]) for page, name in _OWN_WORDS.items()
        }
        self._examples = contents["examples.json"]

    @cached_property
    def examples(self) -> Mapping[str, str]:
        """Beginnings of answers by path, for the reference."""
        known: Mapping[str, str] = json.loads(self._examples)
        return known

    def address(self, name: str) -> str:
        """Return the address of a file with its version."""
        return f"{name}?v={self.files[name].version}"

    def render(self, name: str, values: Mapping[str, str], language: str = "en") -> bytes:
        """Fill in a page. ``{{file}}`` becomes the file's address with its version; values are HTML.

        ``{{say.name}}`` becomes a word of a language, ``{{words}}`` those of the power flow and the page's own.
        """
        own = self._own_words[name][language] if name in self._own_words else {}
        said = {**self.page_words[language], **own}
        values = {"words": inline_json({**self.words[language], **own}), **values}

        def fill(match: re.Match[str]) -> str:
            key = match[1]
            if key.startswith(_SAY):
                return html.escape(said[key.removeprefix(_SAY)])
            return values[key] if key in values else self.address(key)

        return _PLACEHOLDER.sub(fill, self._templates[name]).encode()


def attributes(values: Mapping[str, str | None]) -> str:
    """Write data attributes; those without a value are left out."""
    return " ".join(f'data-{name}="{html.escape(value)}"' for name, value in values.items() if value)


def _joined(name: str, scripts: Mapping[str, str], seen: set[str]) -> str:
    """Return a module with those that it imports in front of it, each once; what these export is for it alone."""
    seen.add(name)
    before = [_joined(other, scripts, seen) for other in _IMPORT.findall(scripts[name]) if other not in seen]
    return _EXPORT.sub("", "".join(before)) + _IMPORT.sub("", scripts[name])
