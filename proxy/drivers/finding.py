"""What one step of a diagnosis found."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.core.advice import Cause


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found; without a cause all is well. ``advice`` says what to do."""

    step: str
    detail: str
    cause: Cause | None = None
    advice: str = ""
