"""Settings of MQTT that cannot be used, or are odd: one sentence each; and what a start without a broker imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.config.load import SettingsError, load

ROOT = Path(__file__).parents[2]
ENVIRON = {"PW_HOST": "gateway.lan", "PW_GW_PWD": "ABCDEFGHIJ", "HOME": "/home/owner"}
EX_CONFIG = 78

WRONG = {
    ("MQTT_HOST", "http://broker.lan"): 'MQTT_HOST is "http://broker.lan", but must be ',
    ("MQTT_PORT", "70000"): 'MQTT_PORT is "70000", but must be a whole number from 1 to 65535.',
    (
        "MQTT_TOPIC_PREFIX",
        "power/+/wall",
    ): 'MQTT_TOPIC_PREFIX is "power/+/wall", but must be words separated by slashes',
    ("MQTT_TOPIC_PREFIX", "$SYS"): 'MQTT_TOPIC_PREFIX is "$SYS", but must be words separated by slashes',
    ("MQTT_HA_PREFIX", "#"): 'MQTT_HA_PREFIX is "#", but must be words separated by slashes',
    ("MQTT_HA_DISCOVERY", "all"): 'MQTT_HA_DISCOVERY is "all", but must be no, yes or single',
    ("MQTT_CONTROLS", "everything"): 'MQTT_CONTROLS is "everything", but must be some of reserve, mode, ',
    ("MQTT_QOS", "3"): 'MQTT_QOS is "3", but must be a whole number from 0 to 2.',
    ("MQTT_KEEPALIVE", "1"): 'MQTT_KEEPALIVE is "1", but must be ',
    ("MQTT_TLS", "ssl"): 'MQTT_TLS is "ssl", but must be yes or no.',
    ("MQTT_TLS_CERT", __file__): "MQTT_TLS_CERT and MQTT_TLS_KEY belong together: set both or none.",
    ("MQTT_TLS_CA_CERT", "/nowhere/ca.pem"): "MQTT_TLS_CA_CERT: /nowhere/ca.pem cannot be read.",
    ("MQTT_TLS_CA_CERT", __file__): f"MQTT_TLS_CA_CERT: {__file__} holds no certificates in PEM form.",
}
ODD = {
    ("MQTT_PREFIX", "house"): "MQTT_PREFIX is unknown and ignored",
    ("MQTT_TLS", "yes"): "MQTT_TLS=yes with MQTT_PORT=1883: brokers speak TLS on port 8883.",
    ("MQTT_PORT", "8883"): "MQTT_PORT=8883 without MQTT_TLS=yes: brokers speak TLS on this port.",
    ("MQTT_PASSWORD", "secret"): "MQTT_PASSWORD has no effect without MQTT_USERNAME.",
    (
        "MQTT_CONTROLS",
        "3",
    ): "MQTT_CONTROLS has no effect without PW_CONTROL_SECRET and MQTT_USERNAME with MQTT_PASSWORD "
    "(or MQTT_TLS with MQTT_TLS_CERT).",
}


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_setting_that_cannot_be_used_ends_the_start_with_one_sentence(name, value):
    with pytest.raises(SettingsError) as caught:
        load({**ENVIRON, "MQTT_HOST": "broker.lan", name: value})

    [problem] = caught.value.problems
    assert problem.startswith(WRONG[name, value])


@pytest.mark.parametrize(("name", "value"), ODD)
def test_a_setting_that_is_odd_is_a_warning(name, value):
    [warning] = load({**ENVIRON, "MQTT_HOST": "broker.lan", name: value}).warnings

    assert warning.startswith(ODD[name, value])


_CHECK = """
import sys
sys.modules["aiomqtt"] = None  # as if it were not installed
from proxy.__main__ import main
try:
    main(["check"])
finally:
    print(sorted(name for name in sys.modules if name.startswith(("proxy.mqtt.", "paho"))))
"""


def test_without_the_extra_a_broker_is_refused_and_without_a_broker_nothing_of_it_is_imported(tmp_path):
    """78 and a sentence that says what to install."""

    def check(**environ: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", _CHECK]
        given = {**ENVIRON, "PYTHONPATH": str(ROOT), "PW_STATE_PATH": str(tmp_path), **environ}
        return subprocess.run(command, env=given, capture_output=True, text=True, timeout=100, check=False)

    without, refused = check(), check(MQTT_HOST="broker.lan")

    assert without.returncode == 0
    assert without.stdout.splitlines()[-1] == "['proxy.mqtt.settings']"
    assert refused.returncode == EX_CONFIG
    assert refused.stderr == (
        "powerwall-proxy: MQTT_HOST needs the extra mqtt: pip install powerwall-proxy[mqtt].\n"
    )
