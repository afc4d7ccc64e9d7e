"""The sign-in of the Fleet API: the operator's own application, its key, its registration, and the owner's consent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.commands.operator import MissingArgument
from proxy.commands.sign_in_steps import Document, Steps, Stopped, change, chosen_site, given_text
from proxy.config.cloud import KEY_PATH, PUBLIC_KEY, SIGN_INS, site_id
from proxy.config.gateway_settings import FLEET
from proxy.core.errors import GatewayError
from proxy.core.json_access import text
from proxy.drivers.cloud.enrolment import (
    Application,
    fleet_application,
    missing_scopes,
    new_key,
    published,
    register,
)
from proxy.drivers.cloud.factory import REGIONS
from proxy.drivers.cloud.found import sign_in_url
from proxy.drivers.cloud.token_file import TokenFile
from proxy.files import write_private

PRIVATE_KEY = "fleet-key.pem"
# Where owners agree; tokens are fetched from another host (docs/cloud.md).
_CONSENT_URL = "https://auth.tesla.com"

_APPLICATION = (
    "The Fleet API needs an application of your own: make one at https://developer.tesla.com (free), for",
    "Energy Product Information and Energy Product Commands, with a domain of yours as allowed origin and an",
    "address on it as redirect URI, such as https://DOMAIN/access (nothing need answer there).",
)
# What belongs to one application in one region, and is obtained again for another.
_OF_APPLICATION = ("partner_token", "partner_account", "access_token", "refresh_token")


async def sign_in(steps: Steps) -> Mapping[str, str]:
    """Take the steps that are not taken yet."""
    file = TokenFile(steps.folder / SIGN_INS[FLEET])
    document = await _application(steps, file)
    application = _described(document)
    await _key(steps, document)
    if not document.get("partner_account"):
        await _registration(steps, file, application, str(document["DOMAIN"]))
    is_there = bool(text(document.get("refresh_token"))) and not steps.args.replace
    found = await steps.kept_sites() if is_there else None
    if found is None:
        await _consent(steps, file, application)
        found = await steps.sites()
    chosen = chosen_site(steps, found, site_id(document.get("site_id")))
    await change(file, lambda now: {**now, "site_id": chosen})
    return {}


async def _application(steps: Steps, file: TokenFile) -> Document:
    """Take what describes the application: from arguments, else from the file, else by questions."""
    known, args = file.read(), steps.args
    if not known.get("CLIENT_ID") and not args.client_id:
        for line in _APPLICATION:
            steps.operator.show(line)
    client_id = steps.needed(args.client_id or text(known.get("CLIENT_ID")), "Client ID", "--client-id")
    is_known = client_id == known.get("CLIENT_ID")
    secret = given_text(args.client_secret_file) or (text(known.get("CLIENT_SECRET")) if is_known else "")
    if not secret and not is_known:
        secret = steps.operator.secret("Client secret (Enter if it has none)", "--client-secret-file").strip()
    domain = steps.needed(args.domain or text(known.get("DOMAIN")), "Domain (DOMAIN)", "--domain")
    redirect = args.redirect_uri or text(known.get("REDIRECT_URI"))
    if not redirect:
        usual = f"https://{domain}/access"
        redirect = steps.operator.answer(f"Redirect URI [{usual}]", "--redirect-uri") or usual
    described: Document = {
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": secret or "",
        "DOMAIN": domain,
        "REDIRECT_URI": redirect,
        "AUDIENCE": _audience(steps, known),
    }
    is_other = any(
        known.get(name) not in {None, described[name]} for name in ("CLIENT_ID", "AUDIENCE", "DOMAIN")
    )
    forgotten = dict.fromkeys(_OF_APPLICATION) if is_other else {}
    return await change(file, lambda document: {**document, **described, **forgotten})


def _audience(steps: Steps, known: Mapping[str, Any]) -> str:
    """Choose the base URL of the API: it is that of the account's region."""
    if steps.settings.cloud_url:
        return steps.settings.cloud_url.rstrip("/")
    if not steps.args.region and (audience := text(known.get("AUDIENCE"))):
        return audience
    region = steps.args.region or steps.operator.answer(
        "Region: na (North America, Asia, Pacific), eu (Europe, Middle East, Africa) or cn [na]", "--region"
    )
    if (region or "na") not in REGIONS:
        raise Stopped(f"{region!r} is no region: na, eu or cn (--region).")
    return REGIONS[region or "na"]


def _described(document: Mapping[str, Any]) -> Application:
    return fleet_application(
        *(str(document[name]) for name in ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI", "AUDIENCE"))
    )


async def _key(steps: Steps, document: Mapping[str, Any]) -> None:
    """See to it that the domain publishes a public key: one that is there already, or ours.

    Raises Stopped where it does not and no terminal is there to wait at.
    """
    domain, is_shown = str(document["DOMAIN"]), False
    while True:
        try:
            await published(steps.http, domain)
        except GatewayError as exc:
            problem = str(exc)
        else:
            steps.operator.show(f"Key: https://{domain} publishes one.")
            return
        if document.get("partner_account"):
            steps.operator.show(f"Warning: {problem}. Tesla expects the key there as long as it is used.")
            return
        if not is_shown:
            _show_key(steps, domain)
            is_shown = True
        try:
            steps.operator.answer(f"Not there yet: {problem}. Enter checks again", "")
        except MissingArgument:
            raise Stopped(f"the key is not published: {problem}.") from None


def _show_key(steps: Steps, domain: str) -> None:
    """Make a key unless there is one, and say where it belongs."""
    public = steps.folder / PUBLIC_KEY
    if not public.exists():
        private, shown = new_key()
        write_private(steps.folder / PRIVATE_KEY, private)
        write_private(public, shown)
    steps.operator.show(f"Publish {public} as https://{domain}{KEY_PATH}.")
    steps.operator.show(
        "A proxy that runs with this folder as PW_AUTH_PATH serves it at that path: it is enough"
    )
    steps.operator.show("that the domain's web server forwards this one path to it.")


async def _registration(steps: Steps, file: TokenFile, application: Application, domain: str) -> None:
    """Register the domain in the region of the account."""
    if not application.secret:
        steps.operator.show("An application without a secret is registered by Tesla; nothing to do here.")
        return
    await steps.ledger.spend(command=True)
    given = await register(steps.endpoint(), steps.http, application, domain)
    await change(file, lambda document: {**document, **given})
    steps.operator.show(f"Registered {domain} at {application.audience}.")


async def _consent(steps: Steps, file: TokenFile, application: Application) -> None:
    """Let the owner agree in a browser, and keep the tokens."""
    server = steps.settings.cloud_auth_url or sign_in_url(application.audience) or _CONSENT_URL
    tokens = await steps.sign_in(application, server)
    if missing := missing_scopes(tokens):
        steps.operator.show(
            f"Warning: the sign-in lacks {' and '.join(missing)}; without them Tesla refuses it (403)."
        )
    await change(
        file,
        lambda document: {**document, "access_token": tokens.access, "refresh_token": tokens.refresh},
    )
