"""What is wrong with the settings of replicas is said in one sentence, and nothing changes without them."""

from __future__ import annotations

import ssl
import subprocess
import sys

import pytest
from redis.exceptions import InvalidResponse, ResponseError

from proxy.__main__ import main
from proxy.config.load import SettingsError, load
from proxy.features import Unusable
from proxy.replicas.failures import failure_of
from proxy.replicas.sealing import new_key, read_key
from proxy.sim.certificate import SniRule, certificate
from tests.replicas.conftest import KEY, happens

GIVEN = {
    "PW_HOST": "192.168.1.50",
    "PW_PASSWORD": "ABCDE",
    "PW_REDIS_URL": "rediss://powerwall:pw@redis.lan",
    "PW_REDIS_KEY": KEY,
}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"PW_REDIS_KEY": ""}, "PW_REDIS_URL needs PW_REDIS_KEY, the same on every replica"),
        (
            {"PW_REDIS_KEY": "password"},
            "PW_REDIS_KEY must be the key that `powerwall-proxy replica-key` makes.",
        ),
        ({"PW_REDIS_URL": "http://redis.lan"}, "PW_REDIS_URL"),
        ({"PW_REDIS_URL": "redis://redis.lan/sub/path"}, "PW_REDIS_URL"),
        ({"PW_REDIS_URL": "redis+sentinel://redis.lan"}, "one server, no options"),
        ({"PW_REDIS_URL": "redis://redis.lan?socket_timeout=60"}, "one server, no options"),
        ({"PW_REDIS_PREFIX": "a b"}, "PW_REDIS_PREFIX"),
        ({"PW_REDIS_CA": "/no/such/file"}, "PW_REDIS_CA: /no/such/file cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_are_named(changed, sentence):
    with pytest.raises(SettingsError) as caught:
        load({**GIVEN, **changed})

    assert len(caught.value.problems) == 1
    assert sentence in caught.value.problems[0]
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"PW_REDIS_URL": "redis://powerwall:pw@redis.lan"}, "plain text"),
        ({"PW_REDIS_URL": "rediss://redis.lan"}, "without a password"),
        ({"PW_REDIS_URL": "redis://:pw@127.0.0.1"}, None),
        ({"PW_CLOUD_MODE": "fleet"}, "the sign-in is a file"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(changed, sentence):
    warnings = [each for each in load({**GIVEN, **changed}).warnings if "REDIS" in each]

    assert all(sentence and sentence in each for each in warnings)
    assert len(warnings) == (sentence is not None)


def test_the_command_makes_a_key(capsys):
    assert main(["replica-key"]) == 0

    assert read_key(capsys.readouterr().out)


def test_without_replicas_nothing_of_them_is_imported():
    code = (
        "import asyncio, sys\n"
        "from proxy.app import build_app\n"
        "from proxy.config.settings import Settings\n"
        "async def make(): return build_app(Settings())\n"
        "asyncio.run(make())\n"
        "print([name for name in sys.modules if name.startswith(('redis', 'proxy.replicas.'))])\n"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "['proxy.replicas.settings']"


async def test_without_replicas_no_link_has_a_relay_and_no_task_runs(proxy):
    gateway = proxy.context.gateway

    assert gateway.duty.is_on
    assert gateway.commands.delegate is None
    assert all(link.relay is None for link in gateway.cache.links)
    assert "replica" not in (await proxy.get("/health")).json()


async def test_another_key_than_that_of_the_holder_is_refused_in_one_sentence(replica, sim):
    await replica(sim)

    with pytest.raises(Unusable, match="PW_REDIS_KEY is not the one of the replica that holds the lease"):
        await replica(sim, redis_key=new_key())


async def test_a_wrong_password_is_refused_in_one_sentence(replica, sim):
    with pytest.raises(Unusable, match="refuses the user or the password") as caught:
        await replica(sim, redis_password="not the right one")

    assert "not the right one" not in str(caught.value)


async def test_a_right_that_is_missing_is_refused_in_one_sentence(replica, sim, redis):
    redis.admin("ACL", "SETUSER", "powerwall", "resetchannels")
    try:
        with pytest.raises(Unusable, match="fewer rights than replicas need"):
            await replica(sim)
    finally:
        redis.admin("ACL", "LOAD")


async def test_over_tls_a_certificate_has_to_be_trusted(replica, sim, tmp_path):
    """One that is not is named in a sentence; nothing is sent to it, and the proxy starts without Redis."""
    shown = certificate("127.0.0.1")
    (tmp_path / "ca.pem").write_text(shown.pem)
    tls = {"scheme": "rediss", "tls": shown.context("", SniRule())}

    trusting = await replica(sim, redis_ca=str(tmp_path / "ca.pem"), **tls)
    other = await replica(sim, **tls)

    assert await trusting.state() == "holding"
    assert "has a certificate that is not trusted" in (await other.standing())["problems"][0]


async def test_that_tls_was_tried_is_said_of_a_server_that_does_not_answer(replica, sim):
    first = await replica(sim, scheme="rediss")

    assert "over TLS does not answer" in (await first.standing())["problems"][0]


async def test_a_database_that_there_is_none_of_is_named(replica, sim, redis):
    with pytest.raises(Unusable, match="has no database of the number"):
        await replica(sim, redis_url=f"{redis.url}/99")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ResponseError("unknown command 'EVALSHA', with args beginning with: 'x'"),
            "it is a Sentinel, or older",
        ),
        (ssl.SSLError("record layer failure"), "does not speak TLS"),
        (InvalidResponse("Protocol Error: b'HTTP/1.1 400'"), "answers as no Redis does"),
        (ResponseError("WRONGTYPE Operation against a key"), "answers with an error: WRONGTYPE"),
    ],
)
def test_a_server_that_is_none_for_replicas_is_named(error, sentence):
    assert sentence in str(failure_of(error, "redis.lan:6379"))


async def test_a_redis_that_is_not_there_yet_is_no_reason_not_to_start(replica, sim, redis, clock):
    redis.kill()
    first = await replica(sim)
    assert "does not answer" in (await first.standing())["problems"][0]
    await first.becomes("alone")
    assert (await first.get("/aggregates")).status == 200

    redis.start()

    await first.becomes("holding")
    assert (await first.standing())["problems"] == []


async def test_replicas_of_another_release_are_reported_while_they_are_there(replica, sim, redis, clock):
    first = await replica(sim)
    seconds, micros = redis.admin("TIME")
    redis.admin("HSET", "pwp:{default}:schemas", 2, seconds * 1000 + micros // 1000)

    async def is_reported() -> bool:
        clock.advance(0.05)
        problems = (await first.standing())["problems"]
        return any("another release" in each and "schema 2" in each for each in problems)

    await happens(is_reported)
    redis.admin("HSET", "pwp:{default}:schemas", 2, (seconds - 11) * 1000)

    async def is_gone() -> bool:
        return not await is_reported()

    await happens(is_gone)


async def test_other_settings_than_those_of_the_holder_are_reported(replica, sim):
    await replica(sim, cache_expire=5)
    other = await replica(sim, cache_expire=20)

    async def is_reported() -> bool:
        return any("other settings" in each for each in (await other.standing())["problems"])

    await happens(is_reported)
