"""Which gateway is simulated: one row per firmware generation.

What changed with which firmware is listed in docs/protocol.md, "Firmware"; rows of the endpoint tables compare against ``version``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.sim.firmware import Version, version_of

DAY_S = 24 * 3600.0
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Persona:
    """How one firmware on one kind of hardware behaves."""

    name: str
    firmware: str
    git_hash: str = "223a56cd575b7b19bad7e12a4ebad0eb52d1f50a"
    tls: bool = True
    session_s: float = DAY_S
    full_rest: bool = True  # False: login, aggregates, soe and grid_status only
    web_app: bool = True
    customer_writes: bool = True
    part_number: str = "1232100-00-E"
    device_type: str = "teg"
    packs: int = 1
    inverters: int = 0  # Tesla solar inverters
    strings: int = 4
    followers: int = 0
    expansions: int = 0
    tedapi: bool = False
    wifi_only: bool = False  # TEDAPI by gateway password needs the gateway's own Wi-Fi
    v1r: bool = False
    gzip: bool = False  # TEDAPI answers are compressed without a request for it

    @property
    def version(self) -> Version:
        """The firmware as three comparable numbers."""
        return version_of(self.firmware)

    @property
    def is_powerwall3(self) -> bool:
        """Whether the gateway is built into a Powerwall 3."""
        return self.device_type == "pw3"


_PW3 = Persona(
    name="pw3",
    firmware="25.42.2 1c3bd2f7",
    git_hash="1c3bd2f7f0a54d2f4b7ad3ad5a0e1f3b6f3f8a11",
    session_s=HOUR_S,
    full_rest=False,
    web_app=False,
    customer_writes=False,
    part_number="1707000-11-J",
    device_type="pw3",
    strings=6,
    tedapi=True,
    v1r=True,
    gzip=True,
)

# What its owner can read in a minute: the customer's login, without the gateway's Wi-Fi and without a key.
_PW3_LAN = replace(_PW3, name="pw3_lan", tedapi=False, v1r=False, gzip=False)

PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        Persona("fw1_15", "1.15.0\n", "dc337851c6cf0ba8cc2f10a5d1ae6a7b5a5a7b4d\n", tls=False, web_app=True),
        Persona("fw1_40", "1.40.2", "14f7c1769ec307d1a0e4b6b6fa3ac0a1a6b7e9c1+"),
        Persona("fw20_49", "20.49.0", inverters=1),
        Persona("fw21_13", "21.13.2", inverters=1),
        Persona("fw21_44", "21.44 223a56cd", inverters=1, tedapi=True),
        Persona("fw23_44", "23.44.0 eb113390", inverters=1, packs=2, tedapi=True),
        Persona(
            "fw25_10",
            "25.10.4 4a4191ff",
            inverters=1,
            packs=2,
            customer_writes=False,
            tedapi=True,
            wifi_only=True,
            v1r=True,
            gzip=True,
        ),
        _PW3,
        _PW3_LAN,
        Persona("solar_only", "21.44 223a56cd", device_type="smc", packs=0, inverters=1, tedapi=True),
    )
}
