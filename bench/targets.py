"""What is measured: one row per server, all in front of the same simulated gateway."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.machine import Process, free_port, wait_for
from proxy.sim.server import SimulatedGateway

ROOT = Path(__file__).parents[1]
PATHS = ("/aggregates", "/soe")
_PYTHON = [sys.executable, "-m"]
_NGINX = """
daemon off; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; default_type application/json;
  proxy_cache_path {folder}/cache keys_zone=gateway:1m use_temp_path=off; proxy_temp_path {folder}/temp;
  client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    listen 127.0.0.1:{tls_port} ssl backlog=1024; ssl_certificate {pem}; ssl_certificate_key {pem};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:1m;
    proxy_cache gateway; proxy_cache_valid 200 {ttl}s; proxy_cache_lock on; proxy_cache_background_update on;
    proxy_cache_use_stale updating error timeout http_500 http_502 http_503 http_504 http_429;
    proxy_ignore_headers Set-Cookie Cache-Control Expires; proxy_hide_header Set-Cookie;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Cookie "AuthCookie={token}";
    proxy_read_timeout 5s; proxy_connect_timeout 5s;
    location /aggregates {{ proxy_pass https://{gateway}/api/meters/aggregates; }}
    location /soe {{ proxy_pass https://{gateway}/api/system_status/soe; }}
    location /api/ {{ proxy_pass https://{gateway}; }}
  }}
}}
"""


@dataclass
class Target:
    """A server under test."""

    name: str
    process: Process
    port: int
    warm: tuple[str, ...] = PATHS
    tls_port: int = 0  # 0: it has no TLS

    async def start(self) -> None:
        self.process.start()
        for path in self.warm:
            await wait_for(self.port, path)


@dataclass
class Bench:
    """Where the servers keep their files, and the gateway behind them."""

    folder: Path
    sim: SimulatedGateway
    peer: str = ""  # the program pypowerwall-server, where it is installed
    ttl_s: float = 5.0
    root: Path = ROOT  # of the version of this proxy
    made: dict[str, Callable[[], Target]] = field(default_factory=dict)

    def daemon(self, name: str = "this proxy", **env: str) -> Target:
        port = free_port()
        folder = self._folder(name)
        settings = {
            "PW_HOST": self.sim.address,
            "PW_PASSWORD": self.sim.password,
            "PW_PORT": str(port),
            "PW_BIND_ADDRESS": "127.0.0.1",
            "PW_CACHE_EXPIRE": f"{self.ttl_s:g}",
            "PW_STATE_PATH": str(folder),
            **env,
        }
        process = Process([*_PYTHON, "proxy", "serve"], settings, self.root, folder / "log")
        return Target(name, process, port)

    async def nginx(self, pem: Path) -> Target:
        port, tls_port, folder = free_port(), free_port(), self._folder("nginx")
        token = await self._token()
        conf = folder / "nginx.conf"
        conf.write_text(
            _NGINX.format(
                folder=folder,
                port=port,
                tls_port=tls_port,
                pem=pem,
                token=token,
                gateway=self.sim.address,
                ttl=f"{self.ttl_s:g}",
            )
        )
        process = Process(["nginx", "-p", str(folder), "-c", str(conf)])
        return Target("nginx proxy_cache", process, port, tls_port=tls_port)

    def pypowerwall(self) -> Target:
        port, folder = free_port(), self._folder("peer")
        settings = {
            "PW_HOST": self.sim.address,
            "PW_PASSWORD": self.sim.password,
            "PW_EMAIL": "a@example.org",
            "PW_PORT": str(port),
            "PW_BIND_ADDRESS": "127.0.0.1",
            "PW_CACHE_EXPIRE": f"{self.ttl_s:g}",
        }
        return Target("pypowerwall-server", Process([self.peer], settings, folder, folder / "log"), port)

    def bare(self, kind: str, answers: dict[str, bytes], pem: Path | None = None) -> Target:
        """Make a server of bench/servers.py; without a certificate nothing of it is used over TLS."""
        port, tls_port, folder = free_port(), free_port(), self._folder(kind)
        for path, block in answers.items():
            (folder / path[1:]).write_bytes(block)
        files = [str(folder / path[1:]) for path in answers]
        argv = [*_PYTHON, "bench.servers", kind, str(port), str(tls_port), str(pem), *files]
        name = {"raw": "raw asyncio protocol", "aiohttp": "bare aiohttp handler"}[kind]
        return Target(name, Process(argv, folder=ROOT), port, tls_port=tls_port if kind == "raw" else 0)

    async def all(self) -> list[Target]:
        """Start every server that can be had here; all of them are warm."""
        tls_port = free_port()
        daemon = self.daemon(PW_HTTPS="yes", PW_HTTPS_PORT=str(tls_port))
        daemon.tls_port = tls_port
        await daemon.start()
        pem = self.folder / "this-proxy" / "tls.pem"  # all have the same certificate
        # As for a kept connection, so that the bare servers answer the same bytes.
        answers = {
            path: (await wait_for(daemon.port, path)).replace(b"Connection: close\r\n", b"") for path in PATHS
        }
        others = [
            self.daemon("this proxy, PW_FAST_PATH=no", PW_FAST_PATH="no"),
            *([await self.nginx(pem)] if shutil.which("nginx") else []),
            *([self.pypowerwall()] if self.peer else []),
            self.bare("aiohttp", answers),
            self.bare("raw", answers, pem),
        ]
        for target in others:
            await target.start()
        return [daemon, *others]

    def _folder(self, name: str) -> Path:
        folder = self.folder / name.replace(" ", "-").replace("/", "-")
        folder.mkdir(exist_ok=True)
        return folder

    async def _token(self) -> str:
        login = {"username": "customer", "password": self.sim.password, "email": "a@example.org"}
        url = f"https://{self.sim.address}/api/login/Basic"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=login, ssl=False) as response,
        ):
            return str((await response.json())["token"])
