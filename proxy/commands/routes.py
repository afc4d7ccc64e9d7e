"""``routes``: what clients can ask for, from the table that answers them."""

from __future__ import annotations

import argparse
from itertools import groupby

from proxy.commands.common import OK
from proxy.server.routes import ROUTES


def run(_: argparse.Namespace) -> int:
    """Print the table, group by group."""
    for group, rows in groupby(sorted(ROUTES, key=lambda row: row.group), key=lambda row: row.group):
        print(group)
        for row in rows:
            print(f"  {row.path:<36} {row.summary}")
    return OK
