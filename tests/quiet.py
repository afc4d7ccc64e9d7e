"""What a test's proxy does without, unless the test is about it: a reader of its own would be one more client."""

from __future__ import annotations

from proxy.config.settings import SETTINGS

_ROWS = [row for row in SETTINGS if row.key == "history"]
QUIET = {row.key: False for row in _ROWS}
QUIET_ENVIRON = {row.env: "no" for row in _ROWS}
