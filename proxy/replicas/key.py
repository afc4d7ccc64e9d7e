"""``replica-key``: make the key that replicas share."""

from __future__ import annotations

import argparse

from proxy.replicas.sealing import new_key


def run(_: argparse.Namespace) -> int:
    """Print a new key, for PW_REDIS_KEY or the file of PW_REDIS_KEY_FILE."""
    print(new_key())  # noqa: T201 - printing is what the command is for
    return 0
