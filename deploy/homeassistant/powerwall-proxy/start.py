#!/opt/powerwall-proxy/bin/python
"""Start Powerwall Proxy as an add-on: the form and the broker of Home Assistant become settings.

The form is ``options.json`` in the data folder; its keys are those of the settings file. The supervisor names the
broker of its Mosquitto add-on, if there is one. What listens is reached through ingress, and by port only if the
operator publishes it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from proxy.config.settings import SETTINGS

USER = 1000
INGRESS = "172.30.32.2"  # the supervisor's address in the network of all add-ons
PORT = "8675"  # ingress_port
_WAIT_S = 5.0
# What the supervisor says of a broker, and the setting that it becomes.
BROKER = {
    "host": "MQTT_HOST",
    "port": "MQTT_PORT",
    "username": "MQTT_USERNAME",
    "password": "MQTT_PASSWORD",
    "ssl": "MQTT_TLS",
}


def main() -> int:
    """Replace this process by the proxy, or say whether the proxy answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/data"))
    parser.add_argument("--supervisor", default="http://supervisor")
    parser.add_argument("--answers", action="store_true", help="only check whether the running proxy answers")
    args = parser.parse_args()
    if args.answers:
        return answers(os.environ.get("PW_PORT", PORT))
    options = json.loads((args.data / "options.json").read_text("utf-8"))
    os.environ.setdefault("PW_PORT", PORT)
    os.environ.setdefault("PW_TRUSTED_PROXIES", INGRESS)
    os.environ.setdefault("PW_INGRESS", INGRESS)
    if zone := os.environ.get("TZ"):
        os.environ.setdefault("PW_TIMEZONE", zone)
    os.environ.update(broker(args.supervisor, os.environ.get("SUPERVISOR_TOKEN", "")))
    os.environ.update(environment(options))
    # No token of the supervisor is needed from here on, and no right of root.
    os.environ.pop("SUPERVISOR_TOKEN", None)
    state = args.data / "powerwall-proxy"
    state.mkdir(mode=0o700, exist_ok=True)
    os.environ["PW_STATE_PATH"] = str(state)
    if os.geteuid() == 0:
        give_up_root(state)
    return os.execvp("powerwall-proxy", ["powerwall-proxy", "serve"])  # noqa: S606, S607 - the image's program


def environment(options: Mapping[str, Any]) -> dict[str, str]:
    """Turn the form into settings; a field that is empty is none."""
    names = {row.key: row.env for row in SETTINGS}
    given = {key: value for key, value in options.items() if key in names and value not in (None, "")}
    return {names[key]: _text(value) for key, value in given.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def broker(supervisor: str, token: str) -> dict[str, str]:
    """Fetch the broker from the supervisor; without one, or without an answer, there is none."""
    request = Request(f"{supervisor}/services/mqtt", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - the supervisor speaks http
    try:
        with urlopen(request, timeout=_WAIT_S) as answer:  # noqa: S310 - the supervisor speaks http
            found = json.load(answer)["data"]
    except (URLError, OSError, ValueError, KeyError):
        print("No broker: the supervisor offers no MQTT service.", file=sys.stderr)
        return {}
    return {name: _text(found[key]) for key, name in BROKER.items() if found.get(key) not in (None, "")}


def give_up_root(state: Path) -> None:
    """Become the user of the image, who owns the state."""
    for path in (state, *state.rglob("*")):
        shutil.chown(path, USER, USER)
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)


def answers(port: str) -> int:
    """Say whether requests are answered, whatever the gateway does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=_WAIT_S):
            return 0
    except (URLError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
