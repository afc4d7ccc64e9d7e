"""Whether the answer for a source is of use beside the snapshot that there is.

Pure; moments are monotonic seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.errors import BadAnswer, GatewayError, SourceUnavailable
from proxy.core.freshness import Freshness
from proxy.core.sources import lacking

if TYPE_CHECKING:
    from proxy.core.freshness import Policy
    from proxy.core.model import Document, Snapshot, Source

# A source whose answer was of no use is requested again after this long.
_SET_ASIDE_S = 5.0


def objection(
    source: Source,
    document: Document,
    policy: Policy,
    before: Snapshot | None,
    *,
    same_link: bool,
    started: float,
    now: float,
) -> tuple[GatewayError, float] | None:
    """Return why an answer is of no use and until when not to request its source again; None if it is of use.

    It is of none if it is past its limit already (old in part, by more than its exchange took, which began at
    ``started``), or older than what another link answered ``before``, or lacks an essential value while the
    snapshot that has it may be served. When that may not be served any more, the truth is that the value is unknown.
    """
    if document.observed_at < started and now - document.observed_at >= policy.limit:
        return SourceUnavailable(f"{source}: what is known is too old"), now + _SET_ASIDE_S
    if before is None or before.freshness(now) is Freshness.EXPIRED:
        return None
    if not same_link and document.observed_at < before.observed_at:
        return SourceUnavailable(f"{source}: a newer value is known"), before.usable_until
    missing = lacking(source, document.value, before.document.value)
    if missing is None:
        return None
    return BadAnswer(f"{source} lacks its {missing}"), min(now + _SET_ASIDE_S, before.usable_until)
