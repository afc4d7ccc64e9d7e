"""Realms: each has a secret; clients that guess it are delayed increasingly."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_log = logging.getLogger(__name__)

# An address may be wrong this often within the window; then it waits until the first of
# these is a window old. At ten guesses a minute the worst eight-character secret lasts.
_GUESSES = 10
_WINDOW_S = 60.0
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 2.0
# So many addresses are remembered, the latest: a LAN has fewer.
_ADDRESSES = 1024


class AuthResult(Enum):
    """The result of checking a token: accepted, or why not."""

    GRANTED = "granted"
    MISSING = "missing"
    WRONG = "wrong"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a token; for ``wait_s`` seconds no further one is checked."""

    entry: AuthResult
    wait_s: float = 0.0


class Guard:
    """Compares tokens with the secret of one realm and counts wrong ones by address."""

    def __init__(self, realm: str, secret: str, now: Callable[[], float]) -> None:
        self.realm = realm
        self.wrong = 0
        self.refused = 0
        self._secret = secret.encode("utf-8", "surrogatepass")
        self._now = now
        self._guesses: OrderedDict[str, deque[float]] = OrderedDict()

    @property
    def is_on(self) -> bool:
        """Say whether there is a secret at all; without one no client is admitted."""
        return bool(self._secret)

    async def admit(self, token: str | None, address: str) -> Verdict:
        """Check a token. A wrong one is answered with a delay; until an address may try again, none is checked."""
        if not token or not self.is_on:
            return Verdict(AuthResult.MISSING)
        wait = self.wait_s(address)
        if wait > 0:
            self.refused += 1
            return Verdict(AuthResult.WAIT, wait)
        # On bytes: compare_digest refuses text that is not ASCII.
        if hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._secret):
            return Verdict(AuthResult.GRANTED)
        await asyncio.sleep(self._note(address))
        return Verdict(AuthResult.WRONG)

    def wait_s(self, address: str) -> float:
        """Return the seconds for which tokens of an address are not checked."""
        guesses = self._guesses.get(address)
        if guesses is None or len(guesses) < _GUESSES:
            return 0.0
        return max(guesses[0] + _WINDOW_S - self._now(), 0.0)

    def _note(self, address: str) -> float:
        """Count a wrong token; return for how long its answer is held back."""
        self.wrong += 1
        _log.warning("wrong token", extra={"realm": self.realm, "client": address})
        now = self._now()
        guesses = self._guesses.setdefault(address, deque(maxlen=_GUESSES))
        self._guesses.move_to_end(address)
        while len(self._guesses) > _ADDRESSES:
            self._guesses.popitem(last=False)
        recent = sum(1 for at in guesses if now - at < _WINDOW_S)
        guesses.append(now)
        return min(_FIRST_DELAY_S * 2 ** (recent - 1), _LONGEST_DELAY_S) if recent else 0.0

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._guesses)
