"""The standard files of a process, which its caller may have closed."""

from __future__ import annotations

import os
import sys


def open_standard_files() -> None:
    """Open what a caller has closed (``powerwall-proxy <&-``).

    The first connections would get the numbers 0 to 2, which libuv refuses to close, and to which
    everything writes that reports a problem.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))
