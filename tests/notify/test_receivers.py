"""Receivers one by one: services through Apprise, settings, the command, and what is missing."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from proxy.__main__ import main
from proxy.config.load import SettingsError, load
from proxy.notify.backlog import Backlog
from proxy.notify.command import example
from proxy.notify.receivers import AppriseUrl, NotSent, Webhook, receivers_of
from proxy.notify.settings import NotifySettings
from tests.notify.conftest import ENVIRON, SECRET, service

MESSAGE = example("default", "Home", 1_760_000_000.0)


async def test_apprise_delivers_to_a_service():
    """ntfy, as one example of a hundred: title and text arrive."""
    with service() as (address, got):
        await AppriseUrl("ntfy 1", f"ntfy://{address}/{SECRET}", asyncio.Semaphore()).send(MESSAGE)

    [(_, body)] = got
    written = json.loads(body)
    assert written["title"] == "Home: test"
    assert written["message"].startswith("This is a test of Powerwall Proxy.")


async def test_apprise_gives_the_number_of_an_error_and_nothing_of_the_url():
    with service(403) as (address, _), pytest.raises(NotSent) as refused:
        await AppriseUrl("ntfy 1", f"ntfy://{address}/{SECRET}", asyncio.Semaphore()).send(MESSAGE)

    assert str(refused.value) == "answered 403"


async def test_a_service_that_hangs_is_given_up_with_its_process():
    with service(hangs=True) as (address, _), pytest.raises(NotSent) as hanging:
        await AppriseUrl("json 1", f"json://{address}/", asyncio.Semaphore(), 0.05).send(MESSAGE)

    assert str(hanging.value) == "did not take the message within 0 s"


async def test_a_webhook_that_hangs_is_given_up():
    with service(hangs=True) as (address, _), pytest.raises(NotSent, match="did not answer"):
        await Webhook("webhook 1", f"http://{address}/{SECRET}", 0.05).send(MESSAGE)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://nowhere.invalid/", "https://127.0.0.1:1/x"])
async def test_a_webhook_that_is_not_there_cannot_be_reached(url):
    with pytest.raises(NotSent) as absent:
        await Webhook("webhook 1", url).send(MESSAGE)

    assert str(absent.value) == "cannot be reached"


def test_notify_test_sends_to_every_receiver_and_says_what_became_of_it(environment, capsys):
    """One line for each; the exit code says whether all have it. Nothing of a URL is shown."""
    with service() as (address, got), service(500) as (broken, _):
        environment(
            PW_NOTIFY_WEBHOOK=f"http://{address}/{SECRET} http://{broken}/{SECRET}", PW_NOTIFY_MQTT="yes"
        )
        code = main(["notify", "test"])

    assert code == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "webhook 1: sent.",
        "webhook 2: FAILED, answered 500.",
        "mqtt: not tried; the proxy publishes over its own connection.",
    ]
    assert SECRET not in shown.out + shown.err
    assert json.loads(got[0][1])["event"] == "test"


def test_notify_test_without_receivers_is_a_wrong_setting(environment, capsys):
    environment()

    assert main(["notify", "test"]) == 78
    assert "PW_NOTIFY_URLS" in capsys.readouterr().err


def test_urls_come_from_a_file_too(tmp_path):
    """One on each line, with comments; a comma belongs to a URL unless the next one follows it."""
    file = tmp_path / "urls"
    file.write_text(f"# my phone\nntfy://ntfy.sh/{SECRET}\n\n  mailtos://me:pw@x.de?to=a@x.de,b@x.de\n")
    settings = load({**ENVIRON, "PW_NOTIFY_URLS_FILE": str(file)}).settings.of(NotifySettings)

    assert settings.notify_urls == (f"ntfy://ntfy.sh/{SECRET}", "mailtos://me:pw@x.de?to=a@x.de,b@x.de")
    assert SECRET not in repr(settings)
    several = load({**ENVIRON, "PW_NOTIFY_URLS": "ntfy://a/b,json://c/d json://e"}).settings
    assert several.of(NotifySettings).notify_urls == ("ntfy://a/b", "json://c/d", "json://e")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PW_NOTIFY_URLS", f"{SECRET}"),
        ("PW_NOTIFY_WEBHOOK", f"ftp://host/{SECRET}"),
        ("PW_NOTIFY_WEBHOOK", f"http://[host/{SECRET}"),
        ("PW_NOTIFY_EVENTS", "grid_lost, earthquake"),
        ("PW_NOTIFY_QUIET", "at night"),
    ],
)
def test_a_value_that_cannot_be_is_refused_without_showing_a_secret(name, text):
    with pytest.raises(SettingsError) as wrong:
        load({**ENVIRON, name: text})

    assert wrong.value.problems[0].startswith(f"{name} is ")
    assert SECRET not in str(wrong.value.problems)


@pytest.mark.parametrize(
    ("text", "has", "lacks"),
    [
        ("grid_lost,grid_back", {"grid_lost", "grid_back"}, {"command", "notice_new"}),
        ("-command", {"grid_lost", "alert_new"}, {"command", "notice_new"}),
        ("all", {"command", "notice_new"}, set()),
        ("all -command", {"grid_lost", "notice_new"}, {"command"}),
    ],
)
def test_events_are_named_or_left_out(text, has, lacks):
    events = set(load({**ENVIRON, "PW_NOTIFY_EVENTS": text}).settings.of(NotifySettings).notify_events)

    assert has <= events
    assert not lacks & events


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        ({"PW_NOTIFY_MQTT": "yes"}, "PW_NOTIFY_MQTT=yes has no effect without MQTT_HOST."),
        (
            {"PW_NOTIFY_WEBHOOK": "http://a/", "PW_NOTIFY_QUIET_EXCEPT": "grid_lost"},
            "PW_NOTIFY_QUIET_EXCEPT has no effect without PW_NOTIFY_QUIET.",
        ),
    ],
)
def test_check_warns_of_what_has_no_effect(environ, warning):
    assert warning in load({**ENVIRON, **environ}).warnings


@pytest.mark.parametrize(("mode", "is_read"), [("fleet", False), ("", True)])
def test_check_warns_that_alarms_behind_the_cloud_see_what_clients_request(mode, is_read):
    """Without a mode of the cloud there is nothing to warn of, not even without an address of a gateway: a demo has none."""
    environ = {"PW_STATE_PATH": "/nowhere", "PW_NOTIFY_WEBHOOK": "http://a/", "PW_CLOUD_MODE": mode}

    warnings = load(environ, needs_gateway=False).warnings

    assert any("request nothing over Tesla's cloud" in each for each in warnings) is not is_read


def test_names_of_receivers_have_nothing_of_their_urls():
    settings = NotifySettings(
        notify_urls=(f"tgram://123456:{SECRET}/99", f"ntfy://{SECRET}", f"ntfy://h/{SECRET}"),
        notify_webhook=(f"https://{SECRET}.example/",),
        notify_mqtt=True,
    )

    names = [receiver.name for receiver in receivers_of(settings, lambda: None)]

    assert names == ["tgram 1", "ntfy 1", "ntfy 2", "webhook 1", "mqtt"]


def test_messages_for_a_receiver_that_is_gone_are_forgotten():
    backlog = Backlog()
    backlog.put(MESSAGE, 5.0, ["webhook 1", "ntfy 1"])
    kept = json.loads(json.dumps(backlog.dump()))

    again, none = Backlog(), Backlog()
    again.load(kept, ["webhook 1"])
    none.load(kept, ["mqtt"])

    [entry] = again.waiting_for("webhook 1")
    assert entry.message == MESSAGE
    assert list(again.waiting_for("ntfy 1")) == []
    assert len(none) == 0


_LOOK = """
import sys
sys.modules["apprise"] = None  # as if it were not installed
from proxy.__main__ import main
code = main(["check"])
print(code, sorted(name for name in sys.modules if name.startswith("proxy.notify.")), file=sys.stderr)
"""


def test_without_receivers_nothing_is_imported_and_without_the_extra_urls_are_refused(tmp_path):
    """78 and one sentence: ``check`` and ``serve`` load the settings alike."""

    def run(**environ):
        return subprocess.run(
            [sys.executable, "-c", _LOOK],
            env={"PATH": os.environ["PATH"], **ENVIRON, "PW_STATE_PATH": str(tmp_path), **environ},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    off, missing = run(), run(PW_NOTIFY_URLS=f"ntfy://ntfy.sh/{SECRET}")
    assert off.stderr.splitlines()[-1].endswith(
        "['proxy.notify.events', 'proxy.notify.quiet', 'proxy.notify.settings']"
    )
    assert missing.returncode == 78
    assert "PW_NOTIFY_URLS needs the extra notify: pip install powerwall-proxy[notify]." in missing.stderr
    assert SECRET not in missing.stdout + missing.stderr
