"""The wheel, and what is installed from it: it runs as any user, from a folder that cannot be written, and as an add-on.

All of it is in one file, so that one process of a test run installs the wheel, once.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest
import yaml

from tests.packaging.conftest import ROOT

ADDON = ROOT / "deploy/homeassistant/powerwall-proxy"
IMAGE_USER = 1000
SETTINGS = {"HOME": "/nonexistent", "PW_PORT": "0"}


@contextmanager
def serving(installation, **settings):
    """Run the demo as the image does; gives the port."""
    with subprocess.Popen(
        [installation.command, "serve", "--demo"],
        env={**SETTINGS, **settings},
        cwd=installation.empty,
        user=installation.user,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for line in process.stderr:
                if match := re.search(r"listening url=\S+:(\d+)", line):
                    yield match[1]
                    break
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert "Traceback" not in rest
    assert process.returncode == 0


def health(installation, port):
    """Run the health check as the image does."""
    return subprocess.run(
        [installation.command, "health"],
        env={**SETTINGS, "PW_PORT": port},
        cwd=installation.empty,
        user=installation.user,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_the_product_and_nothing_else(wheel):
    """The pages are in it; tests, keys and recordings are not."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {"proxy/__main__.py", "proxy/web/index.html"} <= set(names)
    assert [name for name in names if not re.match(r"proxy/|powerwall_proxy-[^/]+\.dist-info/", name)] == []
    assert [name for name in names if name.endswith((".pem", ".key", ".pyc"))] == []


def test_the_installed_wheel_serves_as_an_unprivileged_user(installation):
    with serving(installation) as port:
        for path in ("/health", "/soe"):
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
                assert answer.status == 200, path

        requested = health(installation, port)

    assert (requested.returncode, requested.stdout) == (0, "ready\n"), requested.stderr


def test_the_health_check_fails_when_nothing_runs(installation):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

    requested = health(installation, port)

    assert requested.returncode == 1
    assert f"no answer on port {port}" in requested.stderr


class Supervisor(BaseHTTPRequestHandler):
    """The part of the supervisor's API that add-ons use: services, for a client that has the token."""

    broker: dict | None = None

    def do_GET(self) -> None:
        is_known = self.path == "/services/mqtt" and self.headers["Authorization"] == "Bearer token"
        if is_known and self.broker:
            self._answer(200, {"result": "ok", "data": self.broker})
        else:
            self._answer(400 if is_known else 401, {"result": "error", "message": "No service"})

    def _answer(self, status: int, document: dict) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def supervisor(broker: dict | None) -> Iterator[str]:
    handler = type("Handler", (Supervisor,), {"broker": broker})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def data() -> Iterator[Path]:
    """The add-on's folder, as the supervisor mounts it: root's, and open to others."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def started(installation, data: Path, url: str, options: dict, **environ: str) -> Iterator[subprocess.Popen]:
    """Start the add-on as its image does."""
    (data / "options.json").write_text(json.dumps(options))
    (data / "options.json").chmod(0o600)
    tools = Path(installation.command).parent
    with subprocess.Popen(
        [tools / "python", ADDON / "start.py", "--data", data, "--supervisor", url],
        env={"PATH": str(tools), "SUPERVISOR_TOKEN": "token", "PW_PORT": "0", **environ},
        cwd="/",
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.stderr.read()


def listens(process: subprocess.Popen) -> str:
    """Wait for the proxy; return its address."""
    found = (re.search(r"listening url=\S+:(\d+)", line) for line in process.stderr)
    return f"http://127.0.0.1:{next(match[1] for match in found if match)}"


def environment_of(process: subprocess.Popen) -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


BROKER = {"host": "core-mosquitto", "port": 1883, "username": "addons", "password": "s3cret", "ssl": False}


def test_form_and_broker_become_settings(installation, data):
    """An empty field is none; the zone is Home Assistant's; the supervisor's token stays out of the program."""
    options = {"host": "127.0.0.1:9", "password": "x", "gw_pwd": "", "neg_solar": False, "cache_expire": 7.5}
    with supervisor(BROKER) as url, started(installation, data, url, options, TZ="Europe/Berlin") as process:
        listens(process)
        given = environment_of(process)

    assert {name: text for name, text in given.items() if name.startswith(("PW_", "MQTT_"))} == {
        "PW_HOST": "127.0.0.1:9",
        "PW_PASSWORD": "x",
        "PW_NEG_SOLAR": "no",
        "PW_CACHE_EXPIRE": "7.5",
        "PW_PORT": "0",
        "PW_TIMEZONE": "Europe/Berlin",
        "PW_TRUSTED_PROXIES": "172.30.32.2",
        "PW_INGRESS": "172.30.32.2",
        "PW_STATE_PATH": str(data / "powerwall-proxy"),
        "MQTT_HOST": "core-mosquitto",
        "MQTT_PORT": "1883",
        "MQTT_USERNAME": "addons",
        "MQTT_PASSWORD": "s3cret",
        "MQTT_TLS": "no",
    }
    assert "SUPERVISOR_TOKEN" not in given


def test_it_serves_without_root_and_below_the_prefix_of_ingress(installation, data):
    """The page takes everything from below the prefix, which ingress strips, and may stand in a frame."""
    with supervisor(None) as url, started(installation, data, url, {"host": "127.0.0.1:9"}) as process:
        address = listens(process)
        with urlopen(f"{address}/") as answer:
            page = answer.read().decode()
            headers = answer.headers
        status = Path(f"/proc/{process.pid}/status").read_text()
        owner = (data / "powerwall-proxy").stat().st_uid

    assert re.findall(r'(?:src|href|action)="/', page) == []
    assert "X-Frame-Options" not in headers
    assert "frame-ancestors 'none'" not in headers.get("Content-Security-Policy", "")
    user = IMAGE_USER if os.geteuid() == 0 else os.geteuid()
    assert f"Uid:\t{user}\t{user}" in status
    assert owner == user


def test_without_a_supervisor_there_is_no_broker(installation, data):
    with started(installation, data, "http://127.0.0.1:9", {"host": "127.0.0.1:9"}) as process:
        listens(process)

        assert not [name for name in environment_of(process) if name.startswith("MQTT_")]


def test_an_empty_form_leads_to_a_page_that_says_what_is_missing(installation, data):
    empty = yaml.safe_load((ADDON / "config.yaml").read_text("utf-8"))["options"]
    with (
        supervisor(None) as url,
        started(installation, data, url, empty) as process,
        urlopen(listens(process), timeout=20) as answer,
    ):
        shown = answer.read().decode()

    assert "No gateway is configured yet" in shown


def test_the_health_check_tests_whether_it_answers_not_whether_the_gateway_does(installation, data):
    """A gateway that is away is no reason to restart the add-on."""
    check = [Path(installation.command).parent / "python", ADDON / "start.py", "--answers"]
    with supervisor(None) as url, started(installation, data, url, {"host": "127.0.0.1:9"}) as process:
        port = listens(process).rpartition(":")[2]

        assert subprocess.run(check, env={"PW_PORT": port}, check=False).returncode == 0
    assert subprocess.run(check, env={"PW_PORT": port}, stderr=-3, check=False).returncode == 1
