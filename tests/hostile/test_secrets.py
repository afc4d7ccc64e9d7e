"""Whatever is requested, in whatever state: no secret comes out, and those that are kept are kept private."""

from __future__ import annotations

import stat

import pytest

from proxy.config.settings import SETTINGS
from proxy.server.routes import ROUTES
from tests.hostile.raw import spellings

SECRETS = {
    "password": "gateway-password-7Q",
    "control_secret": "correct-horse-battery-staple",
    "openc2_key": "openc2-key-48-wolves",
    "lan_password": "lan-password-of-ours",
    "cloud_token": "token-of-a-cloud-5F",
    "mqtt_password": "mqtt-password-of-a-broker-3K",
    "notify_webhook": "a-webhook-that-is-hard-to-guess-8M",
}
# A list of URLs, each of them a secret.
WEBHOOKS = (f"http://127.0.0.1:9/{SECRETS['notify_webhook']}",)
# What opens another connection, whose own tests look for it; and the list of several gateways.
ELSEWHERE = {"gw_pwd", "gateway_list", "notify_urls", "redis_url", "redis_password", "redis_key"}
STATES = {
    "well": lambda sim: None,
    "login refused": lambda sim: sim.answers(status=401, path="/api/login/Basic"),
    "garbage": lambda sim: sim.answers(body="<html>" + SECRETS["password"]),
    "echo of the password": lambda sim: sim.answers(status=500, body=SECRETS["password"], path="/api/*"),
    "away": lambda sim: sim.answers(status=503),
}


@pytest.mark.parametrize("arrange", STATES.values(), ids=STATES)
async def test_no_answer_has_a_secret_in_it(start, sim, arrange, caplog):
    """Every route, its head and its body, while all is well and while nothing is."""
    sim.gateway.sessions.password = SECRETS["password"]
    arrange(sim)
    proxy = await start(sim, **SECRETS | {"notify_webhook": WEBHOOKS}, access_log=True)

    reported = bytearray()
    for route in ROUTES:
        if route.path == "/events" or "GET" not in route.methods:
            continue
        answer = await proxy.get(route.for_gateway("default"), headers={"Accept-Encoding": "identity"})
        reported += answer.body + str(answer.headers).encode()

    sessions = {record.session for record in sim.requests if record.session}
    for secret in {*SECRETS.values(), *sessions}:
        for spelling in spellings(secret):
            assert spelling not in reported
            assert spelling not in caplog.text.encode()


def test_every_secret_of_the_settings_is_tried():
    """A new secret is tried here, or named among those that other tests look for."""
    assert {row.key for row in SETTINGS if row.secret} == {*SECRETS, *ELSEWHERE}


async def test_what_is_kept_is_kept_private(proxy, tmp_path):
    """The session, the pin: 0600 in a folder 0700."""
    await proxy.get("/soe")

    folder = tmp_path / "state"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
