"""The names of log events that more than one module knows."""

from __future__ import annotations

from typing import Final

UNREACHABLE: Final = "gateway unreachable"
RECOVERED: Final = "gateway recovered"
SOURCE_COOLDOWN: Final = "source in cooldown"
SOURCE_RECOVERED: Final = "source recovered"
TOO_MANY_CONNECTIONS: Final = "too many connections"
CONNECTIONS_ADMITTED: Final = "connections admitted again"
COMMAND: Final = "command"
SUSPICIOUS_SETTING: Final = "suspicious setting"
