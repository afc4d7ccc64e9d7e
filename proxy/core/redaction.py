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
from collections.abc import Iterable

MASK = "***"
# Shorter texts occur in every other word; masking them would only make logs unreadable.
SHORTEST = 4
# Sessions come and go; the oldest ones mean nothing any more.
_MOST_PASSING = 64


class Redactor:
    """Replaces secrets in texts."""

    def __init__(self) -> None:
        # Dicts, because they remember the order: oldest first.
        self._lasting: dict[str, None] = {}
        self._passing: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0

    def conceal(self, secret: str, *, lasting: bool = False) -> None:
        """Never show this again. Texts under four characters cannot be concealed.

        The settings' secrets are lasting; of the others (sessions) the latest 64 are remembered.
        """
        if len(secret) < SHORTEST or secret in self._lasting or (secret in self._passing and not lasting):
            return
        (self._lasting if lasting else self._passing)[secret] = None
        if len(self._passing) > _MOST_PASSING:
            del self._passing[next(iter(self._passing))]
        self._pattern = None

    def forget(self) -> None:
        """Forget every secret: what is written from here on is about another house."""
        self._lasting.clear()
        self._passing.clear()
        self._pattern = None

    def redact(self, text: str, limit: int | None = None) -> str:
        """Mask every secret in the text, or in its first ``limit`` characters.

        A secret that the limit would cut in two is masked too.
        """
        end = len(text) if limit is None else min(limit, len(text))
        if not (self._lasting or self._passing):
            return text[:end]
        pattern = self._pattern or self._compiled()
        shown, at = [], 0
        # Matches may overlap (one secret may be part of another): their union is masked.
        for match in pattern.finditer(text, 0, end + self._longest):
            start, stop = match.span(1)
            if start >= end:
                break
            if start >= at:
                shown += [text[at:start], MASK]
            at = max(at, stop)
        shown.append(text[at:end])
        return "".join(shown)

    def _compiled(self) -> re.Pattern[str]:
        forms = {form for secret in (*self._lasting, *self._passing) for form in _forms(secret)}
        self._longest = max(map(len, forms))  # a form is never shorter than what it matches
        # Longest first, inside a lookahead: overlapping matches are all found.
        alternatives = "|".join(sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(f"(?=({alternatives}))")
        return self._pattern


def _forms(secret: str) -> Iterable[str]:
    """Give regular expressions for all spellings of a secret."""
    octets = secret.encode("utf-8", "surrogatepass")
    yield "".join(map(_spellings, secret))
    yield f"(?i:{octets.hex()})"
    for shift in range(3):
        inside = _inside_base64(octets, shift)
        yield re.escape(inside)
        yield re.escape(inside.translate(_URL_SAFE))


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
