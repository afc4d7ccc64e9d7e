"""The sign-in of the Owner API: the app's own, which Tesla does not offer to other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.commands.sign_in_steps import (
    Document,
    Steps,
    Stopped,
    Unsupported,
    change,
    chosen_site,
    given_text,
)
from proxy.config.cloud import SIGN_INS, SITE_FILE, site_named
from proxy.config.gateway_settings import OWNER
from proxy.core.redaction import conceal
from proxy.drivers.cloud.enrolment import OWNER_APPLICATION
from proxy.drivers.cloud.factory import AUTH_URLS, CHINA_REFUSED, is_unsupported
from proxy.drivers.cloud.found import CHINA_AUTH_URL
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.tokens import OwnerFormat, Tokens, expiry
from proxy.files import write_private
from proxy.views.json_access import section

_BEST_EFFORT = (
    "The Owner API is made for Tesla's app. Tesla refuses it to many other programs since June 2026: "
    "this may work or not. The supported way is --mode fleet."
)
_TWO_FORMS = (
    "A browser cannot open the address that it ends at (tesla://auth/callback?...): copy it from the failed "
    "request in the developer tools. Or sign in elsewhere with a program for that, and give both of its "
    "tokens: --token-file FILE, the refresh token in the first line, the access token in the second."
)


async def sign_in(steps: Steps) -> Mapping[str, str]:
    """Sign in, unless a sign-in that is good is on disk, and choose the site."""
    auth_url = _sign_in_server(steps)
    steps.operator.show(_BEST_EFFORT)
    file = TokenFile(steps.folder / SIGN_INS[OWNER])
    is_there = OwnerFormat(steps.email).account(file.read()) is not None
    found = await steps.kept_sites() if is_there and not steps.args.replace else None
    if found is None:
        tokens = _pasted(steps) if steps.args.token_file else await _browsed(steps, auth_url)
        email = steps.needed(steps.email or tokens.account, "E-mail address of the Tesla account", "--email")
        await change(file, lambda document: _with_account(document, email, auth_url, tokens))
        found = await steps.sites(email)
    chosen = chosen_site(steps, found, site_named(OWNER, str(steps.folder)))
    write_private(steps.folder / SITE_FILE, f"{chosen}\n".encode())
    return {}


async def _browsed(steps: Steps, auth_url: str) -> Tokens:
    steps.operator.show(_TWO_FORMS)
    there = replace(steps, settings=replace(steps.settings, cloud_auth_url=auth_url))
    return await there.sign_in(OWNER_APPLICATION, auth_url)


def _pasted(steps: Steps) -> Tokens:
    """Take the tokens of a login made elsewhere. An access token is used to its end before the other one is."""
    refresh, _, access = given_text(steps.args.token_file).partition("\n")
    refresh, access = refresh.strip(), access.strip()
    if not refresh:
        raise Stopped("the first line of --token-file is the refresh token, the second the access token.")
    conceal(refresh)
    conceal(access)
    return Tokens(access, refresh, expiry(access))


def _sign_in_server(steps: Steps) -> str:
    """Choose the sign-in server: that of the settings, of the region, of the account on disk, else the common one."""
    options = steps.options
    if not steps.settings.cloud_auth_url and steps.args.region:
        url = CHINA_AUTH_URL if steps.args.region == "cn" else AUTH_URLS[OWNER]
        options = replace(options, auth_url=url)
    if is_unsupported(options):
        raise Unsupported(f"{CHINA_REFUSED}.")
    return options.auth_url.rstrip("/")


def _with_account(document: Document, email: str, auth_url: str, tokens: Tokens) -> Document:
    """Give the file with this account's tokens and where they are from; its other accounts and members stay."""
    form = OwnerFormat(email)
    account = form.account(document) or email
    entry = {**section(document.get(account)), "url": f"{auth_url}/"}
    return form.written({**document, account: entry}, tokens)
