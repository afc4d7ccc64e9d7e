"""What the doctor, its page and ``check`` find about receivers, without sending them a message."""

import json

from proxy.__main__ import main
from tests.notify.conftest import SECRET, service


def test_the_doctor_says_which_receivers_can_be_used(environment, capsys):
    """One step for each, after those of the gateway. No receiver gets anything, and nothing of a URL is shown."""
    with service() as (address, got):
        environment(
            PW_NOTIFY_WEBHOOK=f"http://{address}/{SECRET} http://127.0.0.1:1/{SECRET} https://{address}/",
            PW_NOTIFY_URLS=f"ntfy://{address}/{SECRET} nosuch://{SECRET}",
            PW_NOTIFY_MQTT="yes",
        )
        code = main(["doctor", "--json"])

    shown = capsys.readouterr()
    steps = {each["step"]: (each["ok"], each["detail"]) for each in json.loads(shown.out)["steps"]}
    assert {step: found for step, found in steps.items() if step.startswith("alarms: ")} == {
        "alarms: webhook 1": (True, "can be reached; no message was sent"),
        "alarms: webhook 2": (False, "cannot be reached"),
        "alarms: webhook 3": (False, "cannot be reached"),  # it speaks no TLS
        "alarms: ntfy 1": (True, "Apprise knows what to do with its URL; no message was sent"),
        "alarms: nosuch 1": (False, "is no URL that Apprise knows"),
        "alarms: mqtt": (
            True,
            "has the proxy's own connection to the broker; no message was sent",
        ),
    }
    assert (code, json.loads(shown.out)["cause"]) == (1, "port")  # the gateway comes first
    assert got == []
    assert SECRET not in shown.out + shown.err


async def test_the_check_of_the_status_page_tries_them_too(sim, serving, webhook):
    """After the steps of the gateway; a receiver that cannot be used is the verdict if nothing else is wrong."""
    dead = f"http://127.0.0.1:1/{SECRET}"
    async with serving(sim, webhook, notify_webhook=(webhook.url, dead)) as proxy:
        answer = await proxy.post("/status/check")

    *steps, verdict = map(json.loads, answer.text.splitlines())
    assert [(each["step"], each["ok"], each["detail"]) for each in steps[-2:]] == [
        ("alarms: webhook 1", True, "can be reached; no message was sent"),
        ("alarms: webhook 2", False, "cannot be reached"),
    ]
    assert all(each["ok"] for each in steps[:-1])
    assert verdict["cause"] == "receiver"
    assert webhook.tries == 0
    assert SECRET not in answer.text


def test_check_warns_of_a_receiver_that_cannot_be_used(environment, capsys):
    environment(PW_NOTIFY_WEBHOOK=f"http://127.0.0.1:1/{SECRET}")

    assert main(["check"]) == 0
    assert "Warning: alarms: webhook 1: cannot be reached\n" in capsys.readouterr().out


def test_of_several_gateways_the_receivers_are_a_part_of_their_own(environment, capsys):
    """What is wrong with a receiver is named with what to do about it."""
    houses = [{"id": name, "host": "127.0.0.1:9", "password": "password"} for name in ("house", "garage")]
    environment(PW_GATEWAYS=json.dumps(houses), PW_HOST="", PW_NOTIFY_WEBHOOK=f"http://127.0.0.1:1/{SECRET}")

    assert main(["doctor", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert list(shown["gateways"]) == ["house", "garage"]
    assert shown["proxy"]["cause"] == "receiver"
    assert "powerwall-proxy notify test sends a message" in shown["proxy"]["advice"]
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines()[-4:-2] == [
        "Proxy",
        "fails  alarms: webhook 1    cannot be reached",
    ]
