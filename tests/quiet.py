"""What a test's proxy does without, unless the test is about it: a reader of its own, and announcements in the network."""

from __future__ import annotations

from proxy.config.settings import SETTINGS

_ROWS = {row.key: row for row in SETTINGS if row.key in {"history", "mdns"}}
QUIET = {key: row.kind.parse("no") for key, row in _ROWS.items()}
QUIET_ENVIRON = {row.env: "no" for row in _ROWS.values()}
