"""Firmware versions that changed something, as listed in docs/protocol.md, "Firmware"."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Version: TypeAlias = tuple[int, int, int]

FIRST: Final[Version] = (1, 0, 0)
V1_17: Final[Version] = (1, 17, 0)
V1_20: Final[Version] = (1, 20, 0)
V1_40: Final[Version] = (1, 40, 0)
V20: Final[Version] = (20, 0, 0)
V20_49: Final[Version] = (20, 49, 0)
V21: Final[Version] = (21, 0, 0)
V21_13: Final[Version] = (21, 13, 0)
V21_39: Final[Version] = (21, 39, 0)
V23_44: Final[Version] = (23, 44, 0)
LAST: Final[Version] = (9999, 0, 0)


def version_of(text: str) -> Version:
    """Read the firmware number out of a version text ("23.44.3-msa eb113390" is (23, 44, 3))."""
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[\s-]", text, maxsplit=1)[0])]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch
