"""A feature is a package that can be deleted together with one line of a list; the rest runs as before."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.features import PACKAGES

ROOT = Path(__file__).parents[2]
# Starts a proxy in front of a simulated gateway, and prints what it serves.
_LOOK = """
import asyncio, json, sys
import aiohttp
from proxy.app import build_app, listening
from proxy.config.load import load
from proxy.config.settings import SETTINGS
from proxy.features import PACKAGES
from proxy.sim.server import SimulatedGateway

async def look():
    async with SimulatedGateway("fw21_44") as gateway:
        environ = {"PW_HOST": gateway.address, "PW_PASSWORD": "password", "PW_BIND_ADDRESS": "127.0.0.1",
                   "PW_PORT": "0", "PW_STATE_PATH": sys.argv[1], "PW_OPENC2_KEY": "a key that is long",
                   "MQTT_PREFIX": "house", "PW_NOTIFY_EVENTS": "grid_lost"}
        loaded = load(environ)
        async with listening(build_app(loaded.settings), loaded.settings) as (_, port):
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
                seen = {}
                for path in ("/soe", "/aggregates", "/flow.json", "/metrics", "/openapi.json", "/health"):
                    async with client.get(path) as answer:
                        seen[path] = answer.status
                return {"packages": PACKAGES, "settings": [row.env for row in SETTINGS], "seen": seen,
                        "warnings": list(loaded.warnings)}

print(json.dumps(asyncio.run(look())))
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_feature_is_deleted_with_its_package_and_one_line(tmp_path, package):
    """
    Without the package, and without its line in proxy/features.py, the proxy starts, serves readings,
    pages and metrics, and treats the feature's settings as it treats any that it does not know.
    """
    for part in ("proxy", "web"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(tmp_path / package.replace(".", "/"))
    listed = tmp_path / "proxy" / "features.py"
    shorter, count = re.subn(rf'"{re.escape(package)}",?\s*', "", listed.read_text())
    assert count == 1
    listed.write_text(shorter)

    ended = subprocess.run(
        [sys.executable, "-c", _LOOK, str(tmp_path / "state")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert package not in report["packages"]
    assert set(report["seen"].values()) == {200}, report
    if package == "proxy.openc2":
        assert "PW_OPENC2_KEY" not in report["settings"]
        assert "PW_OPENC2_KEY is unknown and ignored." in report["warnings"]
    if package == "proxy.history":
        assert "PW_HISTORY" not in report["settings"]
    if package == "proxy.mdns":
        assert "PW_MDNS" not in report["settings"]
    if package == "proxy.mqtt":
        assert "MQTT_HOST" not in report["settings"]
        assert "MQTT_PREFIX is unknown and ignored." in report["warnings"]
    if package == "proxy.notify":
        assert "PW_NOTIFY_URLS" not in report["settings"]
        assert "PW_NOTIFY_EVENTS is unknown and ignored." in report["warnings"]
