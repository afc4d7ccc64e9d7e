"""What one step of a diagnosis found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.core.advice import Cause
from proxy.core.redaction import redact


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found; without a cause all is well. ``advice`` says what to do."""

    step: str
    detail: str
    cause: Cause | None = None
    advice: str = ""

    def document(self) -> dict[str, Any]:
        """Return the step as JSON."""
        return {"step": self.step, "ok": self.cause is None, "detail": redact(self.detail)}


def verdict_document(ill: Finding | None) -> dict[str, Any]:
    """Return as JSON what all steps come to: ``ill`` is the finding to act upon first, None if all is well."""
    return {
        "healthy": ill is None,
        "cause": ill.cause.value if ill and ill.cause else None,
        "advice": ill.advice if ill else "",
    }
