"""The command line: ``powerwall-proxy`` or ``python -m proxy``.

A command is a module of ``proxy.commands`` and a row below. It is imported only
when it runs: the time from start to the first answer counts, and ``health``
runs every few seconds.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from proxy import __version__, authorities, peer_commands
from proxy.features import Command, features
from proxy.standard_files import open_standard_files

_INTERRUPTED = 130
_NO_READER = 1
_EX_USAGE = 64
_FASTEST = 1e5  # a simulated day in less than a second
_LAST_PORT = 65535

_DESCRIPTION = """\
A caching proxy for the Tesla energy gateway (Powerwall): any number of clients,
one session to the gateway.

    powerwall-proxy serve --demo     a simulated house, no hardware needed
    PW_HOST=192.168.1.50 PW_PASSWORD=... powerwall-proxy

Then open http://localhost:8675/. Settings are environment variables, or keys of
the TOML file that PW_CONFIG names; `powerwall-proxy check` lists them all.
"""


_PERSONA = {
    "default": "fw21_44",
    "metavar": "NAME",
    "help": "kind of gateway, such as fw1_15, fw23_44 or pw3 (default: %(default)s)",
}


def _speed(default: float) -> Mapping[str, Any]:
    text = "run the simulated day N times faster (default: %(default)g)"
    return {"type": _pace, "default": default, "metavar": "N", "help": text}


def _pace(text: str) -> float:
    pace = float(text)
    if not 0 < pace <= _FASTEST:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0, up to {_FASTEST:g}")
    return pace


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {_LAST_PORT}")
    return port


def _site(text: str) -> str:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return text


_CLOUD_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "--auth-path": {"metavar": "DIR", "help": "cloud: folder of the sign-in (default: that of PW_AUTH_PATH)"},
    "--email": {"metavar": "E", "help": "cloud: the Tesla account"},
    "--site": {"metavar": "N", "type": _site, "help": "cloud: the site, where the account has several"},
    "--region": {"choices": ["na", "eu", "cn"], "help": "cloud: the region of the account"},
    "--client-id": {"metavar": "ID", "help": "fleet: the application"},
    "--client-secret-file": {
        "metavar": "FILE",
        "help": "fleet: file that holds its secret; - is standard input",
    },
    "--domain": {"metavar": "D", "help": "fleet: its domain, which publishes its key"},
    "--redirect-uri": {"metavar": "URI", "help": "fleet: its redirect URI (default: https://DOMAIN/access)"},
    "--code-file": {
        "metavar": "FILE",
        "help": "fleet, owner: file that holds the address that the browser ended at",
    },
    "--token-file": {
        "metavar": "FILE",
        "help": "static: file that holds the token; owner: the refresh token and, in a second line, the access token",
    },
    "--url": {"metavar": "URL", "help": "static: address of the provider's API"},
}

_pace.__name__, _port.__name__, _site.__name__ = "number", "port", "site"  # argparse quotes them to people


_GATEWAY: Mapping[str, Mapping[str, Any]] = {
    "--gateway": {"metavar": "ID", "help": "of several gateways, the one that is meant"}
}

COMMANDS = (
    Command(
        "serve",
        "run the proxy (the default)",
        {
            "--demo": {
                "nargs": "?",
                "const": "gateway",
                "choices": ["gateway", "cloud", "2"],
                "help": "use a simulated gateway, a site in a simulated cloud, or two gateways and their total; "
                "leaves nothing behind",
            },
            "--persona": _PERSONA,
            "--speed": _speed(60.0),
            "--port": {"type": _port, "metavar": "N", "help": "port to listen on; overrides PW_PORT"},
        },
        "SIGTERM ends it. SIGHUP makes it read the file of PW_CONFIG and the certificate (PW_TLS_CERT) again; "
        "of the settings only those of the log change then, all others need a restart.",
    ),
    Command(
        "setup",
        "find the gateway, or sign in to Tesla's cloud; try it once, and write the settings file",
        {
            "--host": {"metavar": "ADDRESS", "help": "the address of the gateway; nothing is searched then"},
            "--scan": {"action": "store_true", "help": "try every address of this network, once each"},
            "--mode": {
                "choices": ["customer", "sticker", "fleet", "owner", "static"],
                "help": "which password of the gateway to use; or which API of the cloud: the Fleet API, the Owner API, "
                "or a provider with a fixed token",
            },
            "--password-file": {
                "metavar": "FILE",
                "help": "file that holds the password; - is standard input",
            },
            "--file": {"metavar": "FILE", "help": "settings file to write (default: the one of PW_CONFIG)"},
            "--replace": {
                "action": "store_true",
                "help": "change a file that has settings already; sign in again although a sign-in is good",
            },
            "--start": {"action": "store_true", "help": "start the proxy at the end"},
            "--dry-run": {"action": "store_true", "help": "only look; try no password, write nothing"},
            **_CLOUD_ARGUMENTS,
        },
        "Missing arguments are requested at the terminal. A gateway is recognised by its certificate in a TLS "
        "handshake; no request is sent to any other machine.",
    ),
    Command(
        "check",
        "show the settings in force, or all errors in them",
        {
            "--all": {"action": "store_true", "help": "also those that have their defaults"},
            "--offline": {
                "action": "store_true",
                "help": "do not try what the settings name, such as a broker",
            },
        },
    ),
    Command(
        "health",
        "report whether the running proxy can serve readings; for container health checks",
        _GATEWAY,
    ),
    Command(
        "doctor",
        "diagnose route, port, TLS, login, key, rate limit and firmware",
        {"--json": {"action": "store_true", "help": "for programs"}, **_GATEWAY},
        "The exit code is 0 if all is well, 1 if not, 78 if the settings cannot be used. "
        "Colours are for terminals only; NO_COLOR=1 switches them off.",
    ),
    Command("routes", "list all routes"),
    Command(
        "cert",
        "show certificates; `cert accept` drops the pinned one of the gateway, so that a new one is accepted",
        {
            "action": {"nargs": "?", "choices": ["show", "accept"], "default": "show", "help": "what to do"},
            **_GATEWAY,
        },
    ),
    Command(
        "pair",
        "create the key for v1r (Powerwall 3 over the wired network); register it, or show how",
        {
            "--register": {
                "action": "store_true",
                "help": "register it through Tesla's cloud (`setup --mode fleet`), and wait until the gateway trusts it",
            },
            **_GATEWAY,
        },
    ),
    Command(
        "simulate",
        "run a simulated gateway",
        {
            "--persona": _PERSONA,
            "--recordings": {"metavar": "DIR", "help": "serve the recorded responses in this folder instead"},
            "--bind": {"default": "127.0.0.1", "metavar": "ADDRESS", "help": "default: %(default)s"},
            "--port": {"type": _port, "default": 8443, "metavar": "N", "help": "default: %(default)s"},
            "--password": {"default": "password", "help": "of the customer login (default: %(default)s)"},
            "--speed": _speed(1.0),
            "--control-port": {
                "type": _port,
                "metavar": "N",
                "help": "port of the plain HTTP interface on loopback that controls the simulated house",
            },
        },
    ),
)


def commands() -> tuple[Command, ...]:
    """Return all subcommands, also those of features."""
    return (*COMMANDS, *(command for feature in features() for command in feature.commands))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    open_standard_files()
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}):
        words.insert(0, "serve")
    if (ours := peer_commands.translated(words)) is not None:
        sys.stderr.write(f"powerwall-proxy: this is now: powerwall-proxy {' '.join(ours)}\n")
        words = ours
    elif advice := peer_commands.instead(words):
        sys.stderr.write(f"powerwall-proxy: {words[0]} is no command here; {advice}.\n")
        return _EX_USAGE
    if (unknown := _unknown(words[0])) is not None:
        sys.stderr.write(f"powerwall-proxy: {unknown}\n")
        return _EX_USAGE
    args = _parsed(words)
    try:
        modules = {command.name: command.module or f"proxy.commands.{command.name}" for command in commands()}
        with authorities.left_out():
            module = importlib.import_module(modules[args.command])
        return int(module.run(args))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it; Python must not flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NO_READER


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; one that is wrong ends the process.

    Before Python 3.12.7, argparse takes an optional word that follows an option for none:
    ``history import --gateway home FILE``.
    """
    parser = _parser()
    args, rest = parser.parse_known_args(words)
    [command] = (each for each in commands() if each.name == args.command)
    for name, marks in command.arguments.items():
        is_left = marks.get("nargs") == "?" and "choices" not in marks and getattr(args, name) is None
        if is_left and rest and not rest[0].startswith("-"):
            setattr(args, name, rest.pop(0))
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return args


def _unknown(word: str) -> str | None:
    """Say that a word is no command, with the nearest that is; None if it is one."""
    names = [command.name for command in commands()]
    if word.startswith("-") or word in names:
        return None
    import difflib  # noqa: PLC0415 - only for what is misspelt

    near = difflib.get_close_matches(word, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(names)}."
    return f"{word} is no command; {hint}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="powerwall-proxy",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="`powerwall-proxy COMMAND --help` describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"powerwall-proxy {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in commands():
        sub = subparsers.add_parser(
            command.name, help=command.help, description=f"{command.help}.", epilog=command.more
        )
        for name, options in command.arguments.items():
            sub.add_argument(name, **options)
    return parser


if __name__ == "__main__":
    sys.exit(main())
