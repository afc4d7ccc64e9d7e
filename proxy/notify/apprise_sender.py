"""Sends one message with Apprise, or checks a URL if there is none: JSON on standard input and on standard output.

The proxy runs this text in a Python of its own (receivers.py): Apprise is synchronous, and importing it takes
seconds and memory. It needs nothing of the proxy. Apprise names its reasons only in its log, which may show
parts of the URL: only the number of an error is taken from there.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import warnings


class _Reasons(logging.Handler):
    """Keeps the errors that Apprise writes down."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.numbers: list[str] = []
        self.is_unreachable = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.numbers += re.findall(r"error[=: ]+(\d{3})\b", text)
        self.is_unreachable = self.is_unreachable or "onnection error" in text or "timed out" in text.lower()

    def sentence(self) -> str:
        if self.numbers:
            return f"answered {self.numbers[-1]}"
        return "cannot be reached" if self.is_unreachable else "did not take the message"


def main() -> str:
    """Send the message; return why that failed, or nothing."""
    given = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    reasons = _Reasons()
    log = logging.getLogger("apprise")
    log.addHandler(reasons)
    log.propagate = False
    try:
        import apprise  # noqa: PLC0415 - takes seconds

        asset = apprise.AppriseAsset(
            app_id="Powerwall Proxy", app_desc="Powerwall Proxy", async_mode=False, secure_logging=True
        )
        receiver = apprise.Apprise.instantiate(given["url"], asset=asset)
        if receiver is None:
            return "is no URL that Apprise knows"
        if "text" not in given:
            return ""
        is_sent = receiver.notify(body=given["text"], title=given["title"], notify_type=given["severity"])
    except Exception as exc:  # noqa: BLE001 - a plugin may raise anything, and its text may show the URL
        return f"failed with {type(exc).__name__}"
    return "" if is_sent else reasons.sentence()


if __name__ == "__main__":
    output = sys.stdout
    sys.stdout = sys.stderr  # plugins may print
    json.dump({"reason": main()}, output)
