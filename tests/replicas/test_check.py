"""``check`` uses Redis as a replica does, and names what is wrong in a sentence."""

from __future__ import annotations

import pytest

from proxy.__main__ import main
from proxy.replicas.sealing import mark_of, read_key
from tests.replicas.conftest import KEY, PASSWORD

LEASE = "pwp:1:{default}:lease"


@pytest.fixture
def check(redis, monkeypatch, capsys, tmp_path):
    """Run it with settings; return its exit code and what it says."""

    def check(**changed: str) -> tuple[int, str]:
        given = {
            "PW_HOST": "192.168.1.50",
            "PW_PASSWORD": "ABCDE",
            "PW_STATE_PATH": str(tmp_path),
            "PW_REDIS_URL": redis.url,
            "PW_REDIS_PASSWORD": PASSWORD,
            "PW_REDIS_KEY": KEY,
        }
        for name, value in {**given, **changed}.items():
            monkeypatch.setenv(name, value)
        code, said = main(["check"]), capsys.readouterr()
        assert PASSWORD not in said.out + said.err
        return code, said.out + said.err

    return check


def test_a_redis_that_can_be_used_is_left_as_it_was(check, redis):
    code, said = check()

    assert code == 0, said
    assert "Redis" not in said.partition("Warning")[2]
    assert all(redis.admin("PTTL", key) > 0 for key in redis.admin("KEYS", "*"))


def test_a_wrong_password_is_named(check):
    code, said = check(PW_REDIS_PASSWORD="another")

    assert code == 78
    assert "refuses the user or the password" in said


@pytest.mark.parametrize(
    "lacking",
    [
        "-evalsha",
        "-get",
        "-getdel",
        "-set",
        "-publish",
        "-subscribe",
        "-hset",
        "-time",
        "resetkeys",
        "resetchannels",
    ],
)
def test_a_right_that_is_missing_is_named(check, redis, lacking):
    redis.admin("ACL", "SETUSER", "powerwall", lacking)
    try:
        code, said = check()
    finally:
        redis.admin("ACL", "LOAD")

    assert code == 78, said
    assert "fewer rights than replicas need" in said


def test_another_key_than_that_of_the_replica_that_fetches_is_named(check, redis):
    redis.admin("SET", LEASE, "number:replica:another:settings")

    code, said = check()

    assert code == 78
    assert "PW_REDIS_KEY is not the one" in said


def test_other_settings_than_those_of_the_replica_that_fetches_are_a_warning(check, redis):
    redis.admin("SET", LEASE, f"number:replica:{mark_of(read_key(KEY), 'key')}:another")

    code, said = check()

    assert code == 0
    assert "has other settings" in said


def test_a_redis_that_does_not_answer_is_a_warning(check):
    code, said = check(PW_REDIS_URL="redis://powerwall@127.0.0.1:1")

    assert code == 0
    assert "Redis at 127.0.0.1:1 does not answer." in said
