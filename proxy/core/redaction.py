"""Texts that may be shown: without secrets, without control characters.

One register for the process, because its log is one: code that learns a secret
(the loader, a driver that logged in) conceals it here, code that writes text for
others redacts it. A secret is found as it is, escaped for a URL, JSON,
HTML or a Python repr, in hex, and in base64, also in the middle of a longer
base64 text as in ``Authorization: Basic``.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator

MASK = "***"
# Shorter texts occur in every other word; masking them would only make logs unreadable.
SHORTEST = 4
# Sessions come and go; the oldest ones mean nothing any more. Fifty gateways have two secrets each.
_MOST_PASSING = 256


class Redactor:
    """Replaces secrets in texts."""

    def __init__(self) -> None:
        # Dicts, because they remember the order: oldest first.
        self._lasting: dict[str, _Secret] = {}
        self._passing: dict[str, _Secret] = {}

    def conceal(self, secret: str, *, lasting: bool = False) -> None:
        """Never show this again. Texts under four characters cannot be concealed.

        The settings' secrets are lasting; of the others (sessions) the latest 256 are remembered.
        """
        if len(secret) < SHORTEST or secret in self._lasting or (secret in self._passing and not lasting):
            return
        (self._lasting if lasting else self._passing)[secret] = _Secret(secret)
        if len(self._passing) > _MOST_PASSING:
            del self._passing[next(iter(self._passing))]

    def forget(self) -> None:
        """Forget every secret: what is written from here on is about another house."""
        self._lasting.clear()
        self._passing.clear()

    def redact(self, text: str, limit: int | None = None) -> str:
        """Mask every secret in the text, or in its first ``limit`` characters.

        A secret that the limit would cut in two is masked too.
        """
        end = len(text) if limit is None else min(limit, len(text))
        lower = text.lower()
        found: list[tuple[int, int]] = []
        for secret in (*self._lasting.values(), *self._passing.values()):
            if secret.may_be_in(text, lower):
                found += secret.spans(text, end)
        if not found:
            return text[:end]
        shown, at = [], 0
        # Matches may overlap (one secret may be part of another): their union is masked.
        for start, stop in sorted(found):
            if start >= at:
                shown += [text[at:start], MASK]
            at = max(at, stop)
        shown.append(text[at:end])
        return "".join(shown)


class _Secret:
    """A secret and how it is found.

    Hardly any text has one. So substrings are looked for first, one of which is in every spelling, and
    the pattern of all spellings is compiled for the first text that has one: there are a hundred tokens where
    there are fifty gateways, and compiling one takes milliseconds.
    """

    __slots__ = ("_anchors", "_forms", "_hex", "_pattern")

    def __init__(self, secret: str) -> None:
        encoded = list(_in_base64(secret))
        # No way of escaping changes letters and digits; the longest run of them is rarest.
        self._anchors = (max(_ESCAPED.split(secret), key=len), *encoded)
        self._hex = _octets(secret).hex()
        spelled = "".join(map(_spellings, secret))
        self._forms = (spelled, f"(?i:{self._hex})", *map(re.escape, encoded))
        self._pattern: re.Pattern[str] | None = None

    def may_be_in(self, text: str, lower: str) -> bool:
        """Say whether a text, also given in lower case, has to be looked at more closely."""
        return any(anchor in text for anchor in self._anchors) or self._hex in lower

    def spans(self, text: str, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the secret begins, before ``end``, and ends."""
        if self._pattern is None:
            # Longest first, inside a lookahead: overlapping matches are all found.
            alternatives = "|".join(sorted(self._forms, key=len, reverse=True))
            self._pattern = re.compile(f"(?=({alternatives}))")
        longest = max(map(len, self._forms))  # a form is never shorter than what it matches
        for match in self._pattern.finditer(text, 0, end + longest):
            if match.start() < end:
                yield match.span(1)


_ESCAPED = re.compile("[^0-9A-Za-z]+")


def _octets(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")


def _in_base64(secret: str) -> Iterator[str]:
    """Give what is in every base64 text that has the secret in it, in both alphabets."""
    for shift in range(3):
        inside = _inside_base64(_octets(secret), shift)
        yield inside
        yield inside.translate(_URL_SAFE)


def _spellings(character: str) -> str:
    """Give a regular expression for a character as it is and escaped in any usual way."""
    if character.isascii() and character.isalnum():
        return character
    octets = character.encode("utf-8", "surrogatepass")
    percent = "".join(f"%{octet:02x}" for octet in octets)
    plain = {character, html.escape(character), "+" if character == " " else character}
    for escaped in (json.dumps(character), json.dumps(character, ensure_ascii=False)):
        plain.add(escaped[1:-1])
    plain |= {repr(character)[1:-1], ascii(character)[1:-1], repr(octets)[2:-1], f"\\{character}"}
    ordered = sorted(plain, key=len, reverse=True)
    return f"(?:(?i:{percent})|{'|'.join(map(re.escape, ordered))})"


_URL_SAFE = str.maketrans("+/", "-_")


def _inside_base64(octets: bytes, shift: int) -> str:
    """Give the characters that stand for these octets alone when ``shift`` others precede them."""
    text = base64.b64encode(bytes(shift) + octets).decode()
    # Six bits a character: the first and the last may also carry bits of the neighbours.
    return text[-(-8 * shift // 6) : 8 * (shift + len(octets)) // 6]


_REGISTER = Redactor()
conceal = _REGISTER.conceal
forget = _REGISTER.forget
redact = _REGISTER.redact


def printable(text: str) -> str:
    """Escape line ends, terminal controls and whatever else is not seen as it is."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
