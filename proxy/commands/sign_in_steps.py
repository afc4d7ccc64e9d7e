"""What the steps of a sign-in share: what they are given, how they write, and how a site is chosen."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proxy.commands.operator import Operator
from proxy.config.gateway_settings import NO_EMAIL, GatewaySettings
from proxy.core.clock import Clock
from proxy.core.cloud_errors import SignInRequired
from proxy.core.errors import LoginRejected
from proxy.drivers.cloud.enrolment import Application, Attempt, exchange, sites
from proxy.drivers.cloud.factory import (
    TOKEN_PATH,
    CloudOptions,
    authority,
    options_of,
    resolved,
    token_tls,
)
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.ledger import Ledger
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.tokens import Tokens
from proxy.files import read_text

ATTEMPT_FILE = "sign-in.json"
_STANDARD_INPUT = "-"
_LOCK_TRIES = 60
_LOCK_PAUSE_S = 0.5

Document = dict[str, Any]


class Stopped(Exception):
    """A step cannot be finished; the message says why and what to do."""


class Unsupported(Stopped):
    """The sign-in is none that the proxy can use, however often the command is run."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What the steps of one sign-in are given."""

    args: argparse.Namespace
    operator: Operator
    settings: GatewaySettings
    http: CloudHttp
    ledger: Ledger
    clock: Clock

    @property
    def folder(self) -> Path:
        """Where the sign-in is kept."""
        return Path(self.settings.auth_path)

    @property
    def email(self) -> str:
        """The account that the operator named; empty if none."""
        return "" if self.settings.email == NO_EMAIL else self.settings.email

    @property
    def options(self) -> CloudOptions:
        """Addresses and files, as the proxy will use them."""
        return resolved(replace(options_of(self.settings), tls=self.http.tls))

    def endpoint(self) -> TokenEndpoint:
        """Make the token endpoint of the sign-in server."""
        options = self.options
        url = options.auth_url.rstrip("/") + TOKEN_PATH
        return TokenEndpoint(self.http, url, self.clock.wall, token_tls(options))

    async def sites(self, email: str = "") -> Mapping[int, Mapping[str, Any]]:
        """List the account's sites with the sign-in that is on disk, renewed if need be. Raises GatewayError."""
        options = replace(self.options, email=email or self.email)
        access = await authority(options, self.http, self.clock).access()
        return await self.sites_at(options.url, access)

    async def sites_at(self, url: str, access: str) -> Mapping[int, Mapping[str, Any]]:
        """List the account's sites with an access token. Raises GatewayError."""
        await self.ledger.spend()
        return await sites(self.http, url, access, self.clock.wall())

    async def kept_sites(self) -> Mapping[int, Mapping[str, Any]] | None:
        """Do the same; None, with a line about it, where the sign-in is no longer good."""
        try:
            return await self.sites()
        except (SignInRequired, LoginRejected) as exc:
            self.operator.show(f"The sign-in in {self.folder} is not good any more: {exc}.")
            return None

    async def sign_in(self, application: Application, auth_url: str) -> Tokens:
        """Show the address to open and exchange what comes back. Raises GatewayError, MissingArgument, Stopped."""
        file = TokenFile(self.folder / ATTEMPT_FILE)
        attempt = Attempt.resumed(file.read())
        file.write(attempt.document())
        self.operator.show("Open this address in a browser, sign in and agree:")
        self.operator.show("")
        self.operator.show(attempt.url(application, auth_url, self.email))
        self.operator.show("")
        pasted = given_text(self.args.code_file) or self.operator.secret(
            "Address that the browser ended at", "--code-file"
        )
        try:
            code = attempt.code(pasted)
        except ValueError as exc:
            raise Stopped(f"{exc}.") from exc
        tokens = await exchange(self.endpoint(), application, attempt, code)
        file.path.unlink(missing_ok=True)
        return tokens

    def needed(self, given: str | None, question: str, argument: str) -> str:
        """Return what was given, else what the operator answers; raises Stopped for nothing, MissingArgument."""
        answer = given or self.operator.answer(question, argument)
        if not answer:
            raise Stopped(f"an answer is needed: {question} ({argument}).")
        return answer


def given_text(path: str | None) -> str:
    """Read a file that an argument names (``-`` is standard input); empty without one. Raises OSError."""
    if not path:
        return ""
    text = sys.stdin.read() if path == _STANDARD_INPUT else read_text(Path(path))
    return text.strip()


async def change(file: TokenFile, changed: Callable[[Document], Document]) -> Document:
    """Change a file of tokens while no other process does: a proxy that runs may renew them. Raises OSError, ValueError."""
    for _ in range(_LOCK_TRIES):
        with file.locked() as is_ours:
            if is_ours:
                document = changed(file.read())
                file.write(document)
                return document
        await asyncio.sleep(_LOCK_PAUSE_S)
    raise Stopped(f"another process keeps {file.path} locked.")


def chosen_site(steps: Steps, found: Mapping[int, Mapping[str, Any]], known: int | None) -> int:
    """Choose the site: the one that is named, the one chosen before, the only one, or by an answer."""
    if not found:
        raise Stopped("the account has no energy site.")
    listed = ", ".join(f"{site_id} ({_name(site)})" for site_id, site in found.items())
    wanted = int(steps.settings.siteid) if steps.settings.siteid else known
    if wanted is not None and wanted in found:
        return wanted
    if steps.settings.siteid:
        raise Stopped(f"site {wanted} is not on this account; its sites are {listed} (--site).")
    if len(found) == 1:
        steps.operator.show(f"Site: {listed}.")
        return next(iter(found.keys()))
    steps.operator.show(f"Sites: {listed}.")
    answer = steps.operator.answer("Which one is it? Number", "--site")
    if not answer.isdecimal() or int(answer) not in found:
        raise Stopped(f"{answer!r} is none of them.")
    return int(answer)


def _name(site: Mapping[str, Any]) -> str:
    return str(site.get("site_name") or "no name")
