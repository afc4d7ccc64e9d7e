"""``doctor``: what stands between the proxy and its gateway, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from proxy.config.console import FAILED, OK, chosen, load_or_exit, report_instead_of_logging
from proxy.config.gateway_settings import GatewaySettings
from proxy.config.settings import Settings
from proxy.core.clock import Clock
from proxy.core.redaction import redact
from proxy.drivers.diagnosis import diagnose, verdict
from proxy.drivers.finding import Finding, verdict_document
from proxy.drivers.registry import drivers_for
from proxy.features import diagnoses
from proxy.state.folder import folder_of
from proxy.state.store import StateStore

_GREEN, _RED, _BOLD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"


def run(args: argparse.Namespace) -> int:
    """Diagnose; the exit code is 0 if all is well."""
    report_instead_of_logging()
    settings = load_or_exit(needs_gateway=False).settings
    gateways = chosen(settings, args.gateway)
    others = diagnoses(settings)
    document: dict[str, Any]
    if len(gateways) == 1:
        document = asyncio.run(_part([_of_gateway(settings, gateways[0]), *others], show=not args.json))
        is_well = document["healthy"]
    else:
        parts: dict[str, Sequence[AsyncIterator[Finding]]]
        parts = {f"Gateway {each.id}": [_of_gateway(settings, each)] for each in gateways}
        parts |= {"Proxy": others} if others else {}
        documents = [asyncio.run(_part(steps, title, show=not args.json)) for title, steps in parts.items()]
        document = {"gateways": {each.id: found for each, found in zip(gateways, documents, strict=False)}}
        document |= {"proxy": documents[-1]} if others else {}
        is_well = all(found["healthy"] for found in documents)
    if args.json:
        print(json.dumps(document, indent=2))
    return OK if is_well else FAILED


async def _part(parts: Iterable[AsyncIterator[Finding]], title: str = "", *, show: bool) -> dict[str, Any]:
    """Take the steps of a part, show them, and return them with what they come to."""
    if show and title:
        print(_coloured(_BOLD, title))
    findings = []
    for steps in parts:
        async for finding in steps:
            findings.append(finding)
            if show:
                result = _coloured(_RED, "fails") if finding.cause else _coloured(_GREEN, "ok   ")
                print(f"{result}  {finding.step:<20} {redact(finding.detail)}", flush=True)
    ill = verdict(findings)
    if show:
        print(f"\n{_spoken(ill)}")
    return {**verdict_document(ill), "steps": [finding.document() for finding in findings]}


def _spoken(ill: Finding | None) -> str:
    if ill and ill.cause:
        return f"{_coloured(_BOLD, f'It is {ill.cause.spoken}.')} {ill.advice}"
    return _coloured(_BOLD, "All is well.")


async def _of_gateway(settings: Settings, gateway: GatewaySettings) -> AsyncIterator[Finding]:
    memory = StateStore(folder_of(settings.state_path, gateway.id))
    drivers = tuple(drivers_for(gateway, memory, Clock(time.monotonic, time.time)))
    try:
        async for finding in diagnose(gateway, memory, drivers):
            yield finding
    finally:
        for driver in drivers:
            await driver.close()


def _coloured(colour: str, text: str) -> str:
    """Colour a text for a terminal, unless its owner said not to (no-color.org)."""
    return f"{colour}{text}{_PLAIN}" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
