"""The simulated gateway as a server: what tests and the demo use.

``SimulatedGateway`` puts the gateway behind real sockets, keeps a log of requests and
lets faults strike. Several can run in one loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from proxy.core.clock import Clock
from proxy.sim.certificate import Certificate
from proxy.sim.curves import Chance
from proxy.sim.desk import RequestHandler
from proxy.sim.faults import Fault, Faults, Handle
from proxy.sim.front import HttpFrontend
from proxy.sim.gateway import LOGIN, Gateway
from proxy.sim.hardware import Sizes, install
from proxy.sim.personas import PERSONAS, Persona
from proxy.sim.plant import Plant
from proxy.sim.recordings import load_capture, load_folder
from proxy.sim.records import Record, Traffic
from proxy.sim.sessions import Limits, Sessions
from proxy.sim.tedapi.state import KeyState, Tedapi

SYSTEM_CLOCK = Clock(time.monotonic, time.time)
Body = bytes | str | Mapping[str, Any] | list[Any]


def named(persona: str | Persona) -> Persona:
    """Look a persona up. Raises KeyError for a name that is not in the table."""
    return PERSONAS[persona] if isinstance(persona, str) else persona


class SimulatedGateway:
    """One gateway on one port. Use it as an async context manager, or start and stop it."""

    def __init__(
        self,
        persona: str | Persona = "fw21_44",
        *,
        clock: Clock = SYSTEM_CLOCK,
        seed: int = 1,
        tls: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str = "password",  # noqa: S107 - the simulated one
        gw_pwd: str = "ABCDEFGHIJ",  # noqa: S107 - the simulated one
        hour: float = 12.0,
        speed: float = 1.0,
        limits: Limits | None = None,
        **sizes: Any,
    ) -> None:
        """``hour`` is the house's local hour at the start; ``sizes`` are those of ``hardware.Sizes``."""
        who = named(persona)
        hardware = install(who, Sizes(**sizes), seed)
        random = Random(seed)  # noqa: S311 - reproducible on purpose
        plant = Plant(hardware.battery(), Chance(seed), hour, nominal_hz=hardware.nominal_hz)
        plant.solar_peak_w *= max(len(hardware.inverters), 1)
        # Firmware without TLS knows one password, made of the serial number.
        self.password = password if who.tls else f"S{hardware.gateway.serial}"
        self.gw_pwd = gw_pwd
        self.clock = clock
        sessions = Sessions(self.password, gw_pwd, who.session_s, random, limits or Limits())
        if who.tedapi:
            # The end of the sticker's password is the customer's until another one is set.
            sessions.default_password = gw_pwd[-5:]
        self.gateway = Gateway(
            who, hardware, plant, sessions, clock, random, speed=speed, tedapi=Tedapi(gw_pwd)
        )
        self.traffic = Traffic()
        self.faults = Faults(random, self._faults_changed)
        desk = RequestHandler(self.gateway, self.faults, self.traffic)
        self._frontend = HttpFrontend(
            host,
            port,
            tls=tls and who.tls,
            serial=hardware.gateway.serial,
            desk=desk,
            now=lambda: clock.wall() + self.gateway.clock_error_s,
        )
        self._rebooting: asyncio.TimerHandle | None = None

    @classmethod
    def from_recordings(cls, folder: Path, **options: Any) -> Self:
        """Serve a folder of recorded answers instead of rendered ones."""
        sim = cls(**options)
        sim.replay(folder)
        return sim

    @classmethod
    def from_capture(cls, path: Path, **options: Any) -> Self:
        """Serve the answers of a captured site; its passwords are the simulated gateway's."""
        capture = json.loads(path.read_text(encoding="utf-8"))
        known = {
            "persona": "pw3" if capture["pw3"] else "fw21_44",
            "password": capture["password"],
            "gw_pwd": capture["gw_pwd"],
        }
        sim = cls(**known | options)
        sim.recapture(capture)
        sim.persona = replace(sim.persona, firmware=capture["fw"], v1r=True)
        return sim

    async def start(self) -> None:
        """Listen; ``port`` is known from now on."""
        await self._frontend.start()
        self._faults_changed()

    async def stop(self) -> None:
        """Close every socket and wait for what was under way."""
        if self._rebooting is not None:
            self._rebooting.cancel()
        await self._frontend.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # --- what can be requested ----------------------------------------------------------------

    @property
    def host(self) -> str:
        """Address that the gateway listens on."""
        return self._frontend.listener.host

    @property
    def port(self) -> int:
        """Port that the gateway listens on."""
        return self._frontend.listener.port

    @property
    def address(self) -> str:
        """Host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Base URL."""
        return f"{'https' if self._frontend.tls else 'http'}://{self.address}"

    @property
    def certificate(self) -> Certificate:
        """The certificate of new connections, with its chain."""
        return self._frontend.certificate

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate in hex."""
        return self.certificate.fingerprint

    @property
    def certificate_pem(self) -> str:
        """The certificate and its CA."""
        return self.certificate.pem

    @property
    def plant(self) -> Plant:
        """The house."""
        return self.gateway.plant

    @property
    def din(self) -> str:
        """The gateway's DIN."""
        return self.gateway.din

    @property
    def tedapi(self) -> Tedapi:
        """State and switches of TEDAPI."""
        return self.gateway.tedapi

    @property
    def requests(self) -> list[Record]:
        """Every request so far."""
        return self.traffic.requests

    def requests_for(self, path: str) -> int:
        """Count the requests for a path."""
        return sum(record.path == path for record in self.requests)

    @property
    def logins(self) -> int:
        """Count the login attempts."""
        return self.requests_for(LOGIN)

    @property
    def writes(self) -> list[Record]:
        """Requests that change something at the gateway; a reader sends none, ever."""
        return [record for record in self.requests if record.writes]

    @property
    def max_connections(self) -> int:
        """Highest number of TCP connections at once."""
        return self.traffic.max_connections

    @property
    def max_in_flight(self) -> int:
        """Highest number of requests under way at once."""
        return self.traffic.max_in_flight

    # --- what can be done to it -----------------------------------------------------------

    @property
    def persona(self) -> Persona:
        """What kind of gateway this is; setting it is a firmware update without a reboot."""
        return self.gateway.persona

    @persona.setter
    def persona(self, persona: str | Persona) -> None:
        self.gateway.persona = named(persona)

    def replay(self, folder: Path) -> None:
        """Serve a folder of recorded answers from now on. Raises OSError or ValueError."""
        self.gateway.overrides = load_folder(folder)

    def recapture(self, capture: Mapping[str, Any]) -> None:
        """Serve the answers of a captured site from now on; what was written to its configuration is lost."""
        self.gateway.overrides = load_capture(capture)
        self.tedapi.capture = capture
        self.tedapi.config = None

    def pin(self, **meters: float | None) -> None:
        """Hold meters at values; see ``Plant.pin``."""
        self.gateway.catch_up()
        self.plant.pin(meters)

    def answers(
        self,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        path: str = "*",
        times: int | None = None,
    ) -> Handle:
        """Answer like this from now on, instead of what the gateway would say."""
        return self.faults.add(Fault(path, status=status, headers=headers, body=body, times=times))

    def clear_faults(self) -> None:
        """End all faults."""
        self.faults.clear()

    def expire_sessions(self) -> None:
        """End all sessions, as a restart of the gateway's web server does."""
        self.gateway.sessions.expire()

    def register_key(self, public_key: bytes, state: KeyState = KeyState.VERIFIED) -> None:
        """Let a v1r key (PKCS#1 DER) be known."""
        self.tedapi.keys[public_key] = state

    def renew_certificate(self) -> None:
        """Get a new certificate, as a firmware update may; open connections break."""
        self._frontend.renew()
        self._frontend.abort()
        self._faults_changed()

    def move(self, host: str) -> None:
        """Get another address, as with a new DHCP lease; open connections break."""
        self._frontend.move(host)
        self._faults_changed()

    def reboot(self, seconds: float = 60.0) -> None:
        """Refuse connections for some seconds, forget all sessions, start again."""
        self.expire_sessions()
        self._frontend.shut()
        self.gateway.started = self.clock.wall() + seconds
        self._rebooting = asyncio.get_running_loop().call_later(seconds, self._finish_reboot)

    def update_firmware(self, persona: str | Persona, seconds: float = 60.0) -> None:
        """Reboot into another firmware."""
        self.gateway.site.update_state = "/update_staged"
        self.reboot(seconds)
        self.persona = named(persona)

    def _finish_reboot(self) -> None:
        self._rebooting = None
        self.gateway.site.update_state = "/update_succeeded"
        self._faults_changed()

    def _faults_changed(self) -> None:
        if self._rebooting is not None:
            return
        if self.faults.has("refuse"):
            self._frontend.shut()
        else:
            self._frontend.open(stalls=self.faults.has("stall"), refuses_names=self.faults.has("sni"))
