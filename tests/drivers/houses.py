"""One simulated house and a proxy for each way of reading it."""

from __future__ import annotations

import time
from dataclasses import replace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from proxy.sim.tedapi.state import KeyState

FULL = {"password": "", "gw_pwd": "ABCDEFGHIJ"}
HYBRID = {"gw_pwd": "ABCDEFGHIJ"}

# A gateway that speaks every dialect, so that their answers can be compared.
POLYGLOT = replace(PERSONAS["fw21_44"], v1r=True, packs=2, inverters=2)


class Key:
    """An RSA key on disk; 2048 bits prove as much as 4096 and are made faster."""

    def __init__(self, folder) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.path = folder / "v1r.pem"
        self.path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1
        )

    def settings(self, **more) -> dict:
        return {"password": "", "gw_pwd": "ABCDEFGHIJ", "rsa_key_path": str(self.path), **more}


def knows(sim: SimulatedGateway, key: Key, state: KeyState = KeyState.VERIFIED) -> None:
    """Register a key. Signatures are dated by the real clock, so the gateway compares them with it."""
    sim.register_key(key.public, state)
    sim.gateway.signature_clock = time.time


def link(health, driver="tedapi"):
    """The part of /health about one link to the gateway."""
    return next(way for way in health["gateways"][0]["links"] if way["driver"] == driver)
