"""The names of what replicas share, of one gateway.

They begin with the prefix and the version of the schema: replicas of different versions share nothing, but that
each shows its version. The gateway is a hash tag, so that a cluster keeps what one script touches in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys and channels of a gateway."""

    prefix: str
    gateway: str

    @property
    def _base(self) -> str:
        return f"{self.prefix}:{SCHEMA}:{{{self.gateway}}}"

    @property
    def lease(self) -> str:
        """Who fetches."""
        return f"{self._base}:lease"

    @property
    def schemas(self) -> str:
        """The versions of the schema that are in use, a hash; the only name that has no version itself."""
        return f"{self.prefix}:{{{self.gateway}}}:schemas"

    @property
    def state(self) -> str:
        """The documents of the state folder, a hash."""
        return f"{self._base}:state"

    @property
    def reports(self) -> str:
        """The channel of the replica that fetches."""
        return f"{self._base}:reports"

    @property
    def requests(self) -> str:
        """The channel of all others."""
        return f"{self._base}:requests"

    def answer(self, link: str, exchange: str) -> str:
        """Return the key of what an exchange brought."""
        return f"{self._base}:answer:{link}:{exchange}"

    def command(self, number: str) -> str:
        """Return the key of a command that is handed over."""
        return f"{self._base}:command:{number}"

    def done(self, number: str) -> str:
        """Return the key of what became of a command."""
        return f"{self._base}:done:{number}"


@dataclass(frozen=True, slots=True)
class Term:
    """What the lease says: which term it is, of which replica, and marks of the key and settings of that replica."""

    number: str
    replica: str
    key: str
    settings: str

    @classmethod
    def read(cls, text: str) -> Term | None:
        """Read what the lease says; None if it is held by none, or says what no release writes."""
        parts = text.split(":")
        return cls(*parts) if len(parts) == len(cls.__slots__) else None

    def __str__(self) -> str:
        return f"{self.number}:{self.replica}:{self.key}:{self.settings}"
