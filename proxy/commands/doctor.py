"""``doctor``: what stands between the proxy and its gateway, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time

from proxy.config.console import FAILED, OK, chosen, load_or_exit, report_instead_of_logging
from proxy.config.gateway_settings import GatewaySettings
from proxy.config.settings import Settings
from proxy.core.clock import Clock
from proxy.core.redaction import redact
from proxy.drivers.diagnosis import diagnose, verdict
from proxy.drivers.finding import Finding, verdict_document
from proxy.drivers.registry import drivers_for
from proxy.state.folder import folder_of
from proxy.state.store import StateStore

_GREEN, _RED, _BOLD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"


def run(args: argparse.Namespace) -> int:
    """Diagnose; the exit code is 0 if all is well."""
    report_instead_of_logging()
    settings = load_or_exit(needs_gateway=False).settings
    gateways = chosen(settings, args.gateway)
    documents = {}
    for gateway in gateways:
        if len(gateways) > 1 and not args.json:
            print(_coloured(_BOLD, f"Gateway {gateway.id}"))
        findings = asyncio.run(_diagnose(settings, gateway, show=not args.json))
        ill = verdict(findings)
        documents[gateway.id] = {
            **verdict_document(ill),
            "steps": [finding.document() for finding in findings],
        }
        if not args.json:
            print(f"\n{_spoken(ill)}")
    if args.json:
        shown = {"gateways": documents} if len(gateways) > 1 else documents[gateways[0].id]
        print(json.dumps(shown, indent=2))
    return OK if all(document["healthy"] for document in documents.values()) else FAILED


def _spoken(ill: Finding | None) -> str:
    if ill and ill.cause:
        return f"{_coloured(_BOLD, f'It is {ill.cause.spoken}.')} {ill.advice}"
    return _coloured(_BOLD, "All is well.")


async def _diagnose(settings: Settings, gateway: GatewaySettings, *, show: bool) -> list[Finding]:
    memory = StateStore(folder_of(settings.state_path, gateway.id))
    drivers = tuple(drivers_for(gateway, memory, Clock(time.monotonic, time.time)))
    findings = []
    try:
        async for finding in diagnose(gateway, memory, drivers):
            findings.append(finding)
            if show:
                result = _coloured(_RED, "fails") if finding.cause else _coloured(_GREEN, "ok   ")
                print(f"{result}  {finding.step:<20} {redact(finding.detail)}", flush=True)
    finally:
        for driver in drivers:
            await driver.close()
    return findings


def _coloured(colour: str, text: str) -> str:
    """Colour a text for a terminal, unless its owner said not to (no-color.org)."""
    return f"{colour}{text}{_PLAIN}" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
