"""Front servers, configured by the examples of docs/reverse-proxies.md: each block as it stands there, but for addresses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.stack.servers import ROOT, free_port, running

# Where pip has put the programs of its packages.
_BIN = Path(sys.executable).parent
TEXT = (ROOT / "docs/reverse-proxies.md").read_text("utf-8")
UPSTREAM = "127.0.0.1:8675"
NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
CADDY = """\
{{
    admin off
    auto_https off
    persist_config off
}}
{block}
"""


@dataclass(frozen=True)
class Example:
    """A block of the document: whose it is, and below which prefix it serves the proxy."""

    server: str
    prefix: str
    block: str

    def __str__(self) -> str:
        return f"{self.server} {self.prefix}"


def examples() -> list[Example]:
    """Return the blocks of the document that configure a front server, in its order."""
    found = []
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE):
        server = section.partition("\n")[0].lower()
        for block in re.findall(r"^```\w*\n(.*?)\n```$", section, re.DOTALL | re.MULTILINE):
            if server in SERVERS:
                prefix = re.search(r"/powerwall(?!\w)", block)
                found.append(Example(server, "/powerwall/" if prefix else "/", block))
    return found


@contextmanager
def front(example: Example, proxy: str, folder: Path) -> Iterator[str]:
    """Run a front server; yields its address, with the prefix."""
    port = free_port()
    command = SERVERS[example.server](example.block, proxy, folder, port)
    address = f"http://127.0.0.1:{port}{example.prefix}"
    with running(command, f"{address}health", folder / "log", HOME=str(folder)):
        yield address


def nginx(servers: str, folder: Path) -> list[str]:
    """Return the command that runs Debian's nginx with these blocks of ``http``, and nothing outside the folder."""
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, servers=servers))
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(file)]


def _nginx(block: str, proxy: str, folder: Path, port: int) -> list[str]:
    return nginx(f"server {{ listen 127.0.0.1:{port}; {replaced(block, UPSTREAM, proxy)} }}", folder)


def _caddy(block: str, proxy: str, folder: Path, port: int) -> list[str]:
    """Without TLS, for which it would need a name of the Internet."""
    name = re.match(r"\S+", block)[0]
    site = replaced(replaced(block, UPSTREAM, proxy), name, f"http://127.0.0.1:{port}")
    (folder / "Caddyfile").write_text(CADDY.format(block=site))
    return [_BIN / "caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _traefik(block: str, proxy: str, folder: Path, port: int) -> list[str]:
    """Labels of a container, given as the file that they stand for: there is no Docker to read them from."""
    configuration: dict[str, Any] = {}
    for label, value in yaml.safe_load(block)["labels"].items():
        if label.startswith("traefik.http."):
            _set(configuration, label.removeprefix("traefik.").split("."), value.replace("$$", "$"))
    http = configuration["http"]
    assert http["services"]["powerwall"] == {"loadbalancer": {"server": {"port": "8675"}}}
    http["services"]["powerwall"] = {"loadBalancer": {"servers": [{"url": f"http://{proxy}"}]}}
    router = http["routers"]["powerwall"]
    router["rule"] = re.sub(r"Host\(`[^`]+`\)", "Host(`127.0.0.1`)", router["rule"])
    router["service"] = "powerwall"
    for names, key in ((router, "middlewares"), (_strips(http), "prefixes")):
        if key in names:
            names[key] = names[key].split(",")
    (folder / "dynamic.yaml").write_text(json.dumps(configuration))
    return [
        *(_BIN / "traefik", f"--providers.file.filename={folder / 'dynamic.yaml'}"),
        *(f"--entrypoints.web.address=127.0.0.1:{port}", "--log.level=ERROR"),
        *("--global.checknewversion=false", "--global.sendanonymoususage=false"),
    ]


def _set(tree: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _strips(http: dict[str, Any]) -> dict[str, Any]:
    return http.get("middlewares", {}).get("powerwall", {}).get("stripprefix", {})


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


# What starts a server with a block, in front of an address, in a folder, on a port.
SERVERS: dict[str, Callable[[str, str, Path, int], list[str]]] = {
    "nginx": _nginx,
    "caddy": _caddy,
    "traefik": _traefik,
}
