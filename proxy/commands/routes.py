"""``routes``: what clients can request, from the table that answers them."""

from __future__ import annotations

import argparse

from proxy.config.console import OK
from proxy.server.routes import ROUTES


def run(_: argparse.Namespace) -> int:
    """Print the table, group by group."""
    for group in dict.fromkeys(row.group for row in ROUTES):
        print(group)
        for row in ROUTES:
            if row.group == group:
                print(f"  {row.path:<36} {row.summary}")
    return OK
