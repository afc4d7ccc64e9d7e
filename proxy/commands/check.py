"""``check``: the settings in force and where each comes from, or all their problems."""

from __future__ import annotations

import argparse
from itertools import groupby

from proxy.commands.common import OK, load_or_exit
from proxy.config.settings import SETTINGS, value_of
from proxy.config.specs import show
from proxy.state.folder import state_problem


def run(_: argparse.Namespace) -> int:
    """Print a table; a secret is only said to be set."""
    loaded = load_or_exit(needs_gateway=True)
    for group, rows in groupby(SETTINGS, key=lambda row: row.group):
        print(group)
        for row in rows:
            value = show(value_of(loaded.settings, row))
            if row.secret and value:
                value = "(set, not shown)"
            print(f"  {row.env:<28} {value or '-':<32} {loaded.origins[row.key]}")
    problem = state_problem(loaded.settings)
    for warning in (*loaded.warnings, *([problem] if problem else [])):
        print(f"Warning: {warning}")
    print("These settings can be used.")
    return OK
