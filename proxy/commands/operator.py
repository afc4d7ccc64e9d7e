"""Who runs a command: a person at a terminal, or a script that gives everything as arguments."""

from __future__ import annotations

import os
import sys
import termios
from typing import Protocol

_END = frozenset({b"\n", b"\r", b"\x04", b""})  # Enter, Ctrl-D, a terminal that is gone
_ERASE, _KILL = frozenset({b"\x7f", b"\x08"}), b"\x15"


class Operator(Protocol):
    """Who runs the command."""

    def show(self, line: str) -> None:
        """Print a line of progress."""

    def answer(self, question: str, argument: str) -> str:
        """Request an answer; raises MissingArgument without a terminal."""

    def secret(self, question: str, argument: str) -> str:
        """Request a secret, which is not echoed; raises MissingArgument without a terminal."""


class MissingArgument(Exception):
    """There is no terminal, and the argument of this name was not given."""


class Terminal:
    """A person, if standard input is a terminal."""

    def show(self, line: str) -> None:
        """Print a line."""
        print(line, flush=True)

    def answer(self, question: str, argument: str) -> str:
        """Request a line."""
        _expect_terminal(argument)
        return input(f"{question}: ").strip()

    def secret(self, question: str, argument: str) -> str:
        """Request a line that is not echoed."""
        _expect_terminal(argument)
        return _unseen(f"{question}: ")


def _expect_terminal(argument: str) -> None:
    if not sys.stdin.isatty():
        raise MissingArgument(argument)


def _unseen(prompt: str) -> str:
    """Read a line of any length.

    A terminal that edits lines itself cuts them off, Linux at 4,095 characters, macOS at 1,024: tokens are longer.
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    unseen = termios.tcgetattr(terminal)
    unseen[3] &= ~(termios.ECHO | termios.ICANON)
    unseen[6][termios.VMIN], unseen[6][termios.VTIME] = 1, 0
    typed = ""
    pending = b""
    try:
        termios.tcsetattr(terminal, termios.TCSADRAIN, unseen)
        print(prompt, end="", flush=True)
        while (key := os.read(terminal, 1)) not in _END:
            if key in _ERASE:
                typed = typed[:-1]
            elif key == _KILL:
                typed = ""
            else:
                pending += key  # a character may be of several bytes
                if text := pending.decode(errors="ignore"):
                    typed, pending = typed + text, b""
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        print(flush=True)
    return typed
