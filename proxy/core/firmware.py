"""Firmware versions, as far as behaviour depends on them."""

from __future__ import annotations

import re

Version = tuple[int, int, int]

# The first firmware without /api/devices/vitals, the first that is HTTPS only and may be logged in to,
# and the first that wants a login for all that it reports.
HAS_VITALS_BELOW: Version = (23, 44, 0)
LOGIN_FROM: Version = (1, 20, 0)
CLOSED_FROM: Version = (20, 49, 0)
# The first that takes no reserve between 80 and 100 % of the app's scale.
RESERVE_IN_STEPS_FROM: Version = (25, 18, 0)
UNKNOWN: Version = (0, 0, 0)
NEWEST: Version = (99, 0, 0)


def parse_version(text: str) -> Version:
    """Read ``21.44 223a56cd`` or ``23.44.3-msa`` as three numbers; unknown is (0, 0, 0)."""
    match = re.match(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", text.strip())
    if not match:
        return UNKNOWN
    major, minor, patch = (int(part or 0) for part in match.groups())
    return (major, minor, patch)
