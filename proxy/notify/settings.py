"""The settings of alarms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from proxy.config.specs import NOTIFY, row
from proxy.config.types import FLAG, SettingType, number
from proxy.notify.events import EVENTS
from proxy.notify.quiet import Quiet, parse

_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]*://"
_SEPARATORS: Final = re.compile(rf"\s+|,(?=\s*{_SCHEME})")
_ALL: Final = "all"
_DEFAULT: Final = tuple(event.name for event in EVENTS.values() if event.is_default)


def _urls(text: str) -> tuple[str, ...]:
    """Read URLs separated by spaces, line ends, or a comma before the next; lines that begin with # are comments."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    urls = tuple(part.strip(",") for line in lines for part in _SEPARATORS.split(line) if part.strip(","))
    if not all(re.match(rf"{_SCHEME}\S", url) for url in urls):
        raise ValueError("URLs of Apprise, such as ntfy://ntfy.sh/topic, separated by spaces or lines")
    return urls


def _webhooks(text: str) -> tuple[str, ...]:
    try:
        urls = _urls(text)
        is_usable = all(map(_is_http, urls))
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("URLs that begin with http:// or https://, separated by spaces or lines")
    return urls


def _is_http(url: str) -> bool:
    """Say whether this is an HTTP URL with a host. Raises ValueError for what is none at all."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0


def _events(text: str) -> tuple[str, ...]:
    """Read names of events; those after a minus are left out, of the usual ones if no others are named."""
    words = [word for word in re.split(r"[,\s]+", text.strip().lower()) if word]
    named = {word.removeprefix("-") for word in words} - {_ALL}
    if not named <= EVENTS.keys():
        raise ValueError(f"all, or some of {', '.join(EVENTS)}; -name leaves one out")
    chosen = {word for word in words if not word.startswith("-")} or set(_DEFAULT)
    left_out = {word.removeprefix("-") for word in words if word.startswith("-")}
    return tuple(name for name in EVENTS if (name in chosen or _ALL in chosen) and name not in left_out)


def _names(text: str) -> tuple[str, ...]:
    return _events(text) if text.strip() else ()


_URLS: Final = SettingType("URLs", _urls)
_WEBHOOKS: Final = SettingType("URLs", _webhooks)
_EVENTS: Final = SettingType("names", _events)
_NAMES: Final = SettingType("names", _names)
_QUIET: Final = SettingType("hh:mm-hh:mm", lambda text: str(parse(text) or ""))


def _row(kind: SettingType, default: Any, help_: str, **marks: Any) -> Any:
    return row(NOTIFY, kind, default, help_, ours=True, **marks)


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Rows of the table of settings."""

    notify_urls: tuple[str, ...] = _row(
        _URLS, (), "Receivers of alarms: URLs of Apprise, which needs the extra notify", secret=True
    )
    notify_webhook: tuple[str, ...] = _row(
        _WEBHOOKS, (), "Webhooks that get alarms: URLs to which JSON is posted", secret=True
    )
    notify_mqtt: bool = _row(FLAG, False, "Publish alarms over MQTT, too")
    notify_events: tuple[str, ...] = _row(
        _EVENTS, _DEFAULT, "Events that are reported: names, all, or -name for the usual ones without it"
    )
    notify_quiet: str = _row(
        _QUIET,
        "",
        "Quiet hours of the site's time zone, such as 22:00-07:00: messages wait until they are over",
    )
    notify_quiet_except: tuple[str, ...] = _row(_NAMES, (), "Events that are reported in quiet hours, too")
    notify_charge: float = _row(
        number(0, 100, "percent"),
        20.0,
        "Charge that is low while off the grid, on the scale of the Tesla app",
    )
    notify_silence: float = _row(
        number(1, 1440, "minutes"), 10.0, "Time without readings after which that is reported"
    )
    notify_settle: float = _row(
        number(0, 3600, "seconds"),
        30.0,
        "Time after which a lost or returned grid is reported",
    )

    @property
    def quiet(self) -> Quiet | None:
        """The quiet hours; None if there are none."""
        return parse(self.notify_quiet)

    @property
    def is_on(self) -> bool:
        """Whether there is any receiver."""
        return bool(self.notify_urls or self.notify_webhook or self.notify_mqtt)
