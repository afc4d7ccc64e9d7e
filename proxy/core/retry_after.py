"""Retry-After (RFC 9110 section 10.2.3): a number of seconds, or a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str], received_at: float) -> float | None:
    """Return the requested wait in seconds, None if there is none that can be read.

    A date counts from the answer's own Date, because the clocks of gateways may be wrong;
    without one from ``received_at`` (wall-clock seconds). One that has passed is no wait.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _date(text)
    if until is None:
        return None
    sent = _date(headers.get("Date", ""))
    return max(until.timestamp() - (sent.timestamp() if sent else received_at), 0.0)


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
