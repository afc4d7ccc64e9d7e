"""``pair``: make the key for v1r; register it with ``--register``, else explain how the gateway is made to trust it.

Registering is done once, through Tesla's cloud and by hand at a Powerwall; a proxy that runs takes no part in it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.commands.key_registration import Registration
from proxy.config.console import OK, complain, load_or_exit, report_instead_of_logging, the_one
from proxy.config.gateway_settings import GatewaySettings
from proxy.config.settings import Settings
from proxy.files import write_private
from proxy.state.folder import folder_of, state_problem

_BITS = 4096
_FILE = "v1r.pem"

_KEY = """\
Key: {path} (for the owner of this account only; never give it away)
Public key: {public}
"""
_EXPLANATION = """
1. Register the public key for your site, once, through Tesla's cloud. With a sign-in
   (powerwall-proxy setup --mode fleet) this does it, and waits for step 2:
     powerwall-proxy pair --register
   Any other client of Tesla's owner or Fleet API can send the same:
     POST /api/1/energy_sites/SITE_ID/command
     {{"command_properties": {{"message": {{"authorization": {{"add_authorized_client_request": {{
       "key_type": 1, "authorized_client_type": 1, "description": "Powerwall Proxy",
       "public_key": "{public}"}}}}}}, "identifier_type": 1}},
      "command_type": "grpc_command"}}
2. Within ten minutes switch one Powerwall off at its switch, wait some seconds,
   and switch it on again: that shows the gateway that you are there.
3. {settings}
   Until the key is registered and confirmed, /health says that it is not.
"""
_SETTINGS = """\
Run the proxy with
     PW_HOST=ADDRESS_IN_YOUR_NETWORK PW_GW_PWD=PASSWORD_FROM_THE_STICKER
     PW_RSA_KEY_PATH={path}"""
_SETTINGS_OF_ONE = """\
Run the proxy with these values for gateway {id} in {place}:
     host: ADDRESS_IN_YOUR_NETWORK
     gw_pwd: PASSWORD_FROM_THE_STICKER
     rsa_key_path: {path}"""


def run(args: argparse.Namespace) -> int:
    """Make the key unless there is one; register it, or print what to do with it."""
    loaded = load_or_exit(needs_gateway=False, makes_key=True)
    settings = loaded.settings
    gateway = the_one(settings, args.gateway)
    path = _path(settings, gateway)
    if not gateway.rsa_key_path and (problem := state_problem(settings)):
        return complain(problem)
    try:
        public = _public_key(path)
    except FileNotFoundError:
        try:
            write_private(path, _made())
        except OSError as exc:
            return complain(f"{path} cannot be written: {exc.strerror}.")
        public = _public_key(path)
    except (OSError, ValueError, TypeError) as exc:
        return complain(f"{path} is not a key that can be used: {exc}")
    print(_KEY.format(path=path, public=public), end="")
    text = _SETTINGS_OF_ONE if loaded.listed_in else _SETTINGS
    needed = text.format(path=path, id=gateway.id, place=loaded.listed_in)
    if not args.register:
        print(_EXPLANATION.format(public=public, settings=needed), end="")
        return OK
    report_instead_of_logging()
    folder = Path(folder_of(settings.state_path, gateway.id))
    failed = asyncio.run(Registration().run(gateway, folder, public))
    if not failed:
        print(needed)
    return failed


def _path(settings: Settings, gateway: GatewaySettings) -> Path:
    return Path(gateway.rsa_key_path or Path(folder_of(settings.state_path, gateway.id), _FILE))


def _made() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_key(path: Path) -> str:
    """Give the public half as the registration wants it: PKCS #1, DER, base64. Raises OSError, ValueError or TypeError."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("it is not an RSA key")
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return base64.b64encode(public).decode()
