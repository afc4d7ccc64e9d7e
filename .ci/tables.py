"""Write the tables of the documents from the tables that the product runs on: ``make docs``.

A part between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``, in whichever document it stands,
belongs to the function of that name in ``PARTS``. A test fails when one of them is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from proxy import __main__ as command_line
from proxy.config.settings import SETTINGS
from proxy.config.specs import show
from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.metrics.site_metrics import SITE_METRICS
from proxy.mqtt.entities import ENTITIES
from proxy.notify.events import EVENTS
from proxy.server.routes import ROUTES

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # the list of differences stands with the tests that accept them
from bench.report import table  # noqa: E402 - found through the path above
from bench.soak import report as soak  # noqa: E402 - found through the path above
from tests.compat import server_differences  # noqa: E402 - found through the path above
from tests.compat.differences import DIFFERENCES  # noqa: E402 - found through the path above

_PART = re.compile(r"(<!-- (\w+):begin -->\n).*?(<!-- \2:end -->)", re.DOTALL)


def settings() -> str:
    """List the settings, a table for each group; those that only this proxy has are marked."""
    return _grouped(
        SETTINGS,
        "| Setting | Values | Default | Meaning |\n| --- | --- | --- | --- |",
        lambda row: (
            f"`{row.env}`" + (" •" if row.ours else ""),
            _cell(row.kind.name),
            _code(show(row.default)),
            _cell(row.help) + (" *(secret)*" if row.secret else ""),
        ),
    )


def routes() -> str:
    """List the routes, a table for each group."""
    return _grouped(
        ROUTES,
        "| Route | Answer |\n| --- | --- |",
        lambda row: (f"`{row.path}`", _cell(row.summary)),
    )


def commands() -> str:
    """List the commands."""
    rows = (
        f"| `powerwall-proxy {command.name}` | {_cell(command.help)} |" for command in command_line.commands()
    )
    return "\n".join(["| Command | What it does |", "| --- | --- |", *rows])


def metrics() -> str:
    """List the metrics of the gateway and of the proxy."""
    head = "| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n"
    groups = {"The house (every one also has the label `gateway`)": SITE_METRICS, "The proxy": PROXY_METRICS}
    return "\n\n".join(
        f"**{title}**\n\n{head}"
        + "\n".join(
            f"| `{row.name}` | {row.kind.value} | {', '.join(row.labels)} | {_cell(row.help)} |"
            for row in families
        )
        for title, families in groups.items()
    )


def differences() -> str:
    """List what differs from the pypowerwall proxy; the tests accept exactly these differences."""
    return _compared(DIFFERENCES)


def server_differences_() -> str:
    """List what differs from pypowerwall-server; the tests accept exactly these differences."""
    return _compared(server_differences.DIFFERENCES)


def _compared(listed: Iterable) -> str:
    head = "| Where | There | Here | Because |\n| --- | --- | --- | --- |\n"
    rows = ((row.where, row.peer, row.here, row.reason) for row in listed)
    return head + "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def entities() -> str:
    """List what is published over MQTT and announced to Home Assistant."""
    head = "| Entity | Key in `status` | Topic | Unit, class |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(
        f"| {row.name}{' *(disabled)*' if row.is_extra else ''} | `{row.path[0]}` | {_code(row.topic)} "
        f"| {', '.join(filter(None, (row.unit, row.device_class, row.state_class)))} |"
        for row in ENTITIES
    )


def alarms() -> str:
    """List the events of which alarms are sent."""
    head = "| Event | When | Usual |\n| --- | --- | --- |\n"
    return head + "\n".join(
        f"| `{row.name}` | {row.meaning} | {'yes' if row.is_default else 'no'} |" for row in EVENTS.values()
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "routes": routes,
    "commands": commands,
    "metrics": metrics,
    "differences": differences,
    "server_differences": server_differences_,
    "entities": entities,
    "alarms": alarms,
    "measurements": table,
    "soak": soak.table,
}


def _grouped(rows: Iterable, head: str, cells: Callable[..., Iterable[str]]) -> str:
    """Make a table for each group, groups in the order in which they first appear."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(f"| {' | '.join(cells(row))} |")
    return "\n\n".join(f"**{group}**\n\n{head}\n" + "\n".join(lines) for group, lines in groups.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def documents() -> list[Path]:
    """List the documents that may have generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def rendered(text: str) -> str:
    """Return a document with its generated parts updated."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", text)


if __name__ == "__main__":
    for page in documents():
        page.write_text(rendered(page.read_text("utf-8")), "utf-8")
