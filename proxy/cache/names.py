"""What the links of a gateway are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.cache.link import Link


def names_of(links: Iterable[Link]) -> list[str]:
    """Name the links of a gateway: by driver, with a number where another one before has the same."""
    seen: Counter[str] = Counter()
    names = []
    for driver in (link.driver.name for link in links):
        seen[driver] += 1
        names.append(driver if seen[driver] == 1 else f"{driver}_{seen[driver]}")
    return names
