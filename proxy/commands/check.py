"""``check``: the settings in force and where each comes from, or all their problems."""

from __future__ import annotations

import argparse
import asyncio
from itertools import groupby

from proxy.config.console import EX_CONFIG, OK, complain, load_or_exit
from proxy.config.load import Loaded
from proxy.config.settings import SETTINGS, Settings, value_of
from proxy.config.specs import show
from proxy.core.advice import Cause
from proxy.drivers.finding import Finding
from proxy.drivers.registry import mode_name
from proxy.features import diagnoses
from proxy.state.folder import state_problem


def run(args: argparse.Namespace) -> int:
    """Print what was set, or with ``--all`` everything; a secret is only said to be set."""
    loaded = load_or_exit(needs_gateway=True)
    shown = [row for row in SETTINGS if args.all or loaded.origins[row.key] != "default"]
    for group, rows in groupby(shown, key=lambda row: row.group):
        print(group)
        for row in rows:
            value = show(value_of(loaded.settings, row))
            if row.secret and value:
                value = "(set, not shown)"
            print(f"  {row.env:<28} {value or '-':<32} {loaded.origins[row.key]}")
    if len(shown) < len(SETTINGS):
        print(f"The other {len(SETTINGS) - len(shown)} have their defaults: powerwall-proxy check --all")
    if loaded.listed_in:
        _list_gateways(loaded)
    problem = state_problem(loaded.settings)
    failures = [] if args.offline else asyncio.run(_failures(loaded.settings))
    for failure in failures:
        if failure.cause is Cause.SETTINGS:
            complain(failure.detail)
            return EX_CONFIG
    tried = [f"{failure.step}: {failure.detail}" for failure in failures]
    for warning in (*loaded.warnings, *([problem] if problem else []), *tried):
        print(f"Warning: {warning}")
    print("These settings can be used.")
    return OK


async def _failures(settings: Settings) -> list[Finding]:
    """Try what the settings name, except the gateways."""
    return [finding for steps in diagnoses(settings) async for finding in steps if finding.cause]


def _list_gateways(loaded: Loaded) -> None:
    """Print a line for each gateway and each site."""
    print(f"Gateways ({loaded.listed_in})")
    for gateway in loaded.settings.listed:
        marks = [
            "inverter" if gateway.type == "inverter" else "",
            f"site {gateway.site}" if gateway.site else "",
            "" if gateway.listen is None else f"port {gateway.listen}",
        ]
        print(
            f"  {gateway.id:<28} {gateway.host or '-':<32} {', '.join([mode_name(gateway), *filter(None, marks)])}"
        )
    for site in loaded.settings.sites:
        members = [each.id for each in loaded.settings.listed if each.site == site.id]
        grid = "" if site.grid == "sum" else f", grid as {site.grid} measures it"
        print(f"  site {site.id:<23} {' + '.join(members):<32} total{grid}")
