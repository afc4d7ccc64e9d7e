"""What a line of the log shows, and what it never shows."""

import base64
import io
import json
import logging
import re
import ssl
import subprocess
import sys

import pytest
from aiohttp.http_exceptions import BadStatusLine
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.settings import settings_of
from proxy.core.redaction import conceal, printable
from proxy.logs.format import LogHandler, set_up
from tests.logs.conftest import Log

EVENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")


def test_an_event_is_a_sentence_and_its_fields():
    written = Log()

    written.logger.info("gateway recovered", extra={"after_s": 250.0, "served_stale": 50, "site": "My home"})

    assert written.lines == ['INFO gateway recovered after_s=250 served_stale=50 site="My home"']


def test_the_same_event_for_programs():
    written = Log(log_format="json")

    written.logger.warning("gateway unreachable", extra={"cause": "timeout", "retry": True})

    line = json.loads(written.text)
    assert line.pop("time")
    assert line == {
        "level": "warning",
        "logger": "proxy.test",
        "event": "gateway unreachable",
        "cause": "timeout",
        "retry": True,
    }


def test_what_a_command_sets_is_readable_in_both_forms():
    """A mapping is one field: pairs for people, an object for programs."""
    fields = {"wanted": {"reserve": 30, "mode": "backup"}, "before": {}, "after": {"reserve": 30.0}}
    text, lines = Log(), Log(log_format="json")

    for written in (text, lines):
        written.logger.info("command", extra=fields)

    assert text.lines == ["INFO command wanted=reserve:30,mode:backup before=- after=reserve:30"]
    assert json.loads(lines.text)["wanted"] == {"reserve": 30, "mode": "backup"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_reaches_the_log_in_any_way(form):
    """Message, arguments, fields and tracebacks are redacted, plain and encoded."""
    secret = 'h0use"P@ss w0rd/ü'
    conceal(secret)
    basic = base64.b64encode(f"Tesla_Energy_Device:{secret}".encode()).decode()
    written = Log(log_format=form)

    written.logger.info(f"login with {secret}")
    written.logger.info("sent %s to %r", basic, {"password": secret})
    written.logger.info("requested", extra={"url": f"/?token={secret}", "body": {"a": [secret]}})
    try:
        raise ValueError(f"refused {secret!r}") from KeyError(secret)
    except ValueError:
        written.logger.exception("unexpected error")

    assert written.text.count("***") == 7
    for leak in (secret, json.dumps(secret)[1:-1], basic[12:-4], "h0use", "w0rd"):
        assert leak not in written.text


def test_arguments_by_name_are_redacted_too():
    conceal("correct horse battery")
    written = Log()

    written.logger.info("login with %(password)s", {"password": "correct horse battery"})

    assert written.lines == ["INFO login with ***"]


def test_what_is_not_caught_is_redacted_too():
    """Python would print it to standard error as it is."""
    program = (
        "from proxy.config.settings import settings_of\n"
        "from proxy.core.redaction import conceal\n"
        "from proxy.logs.format import set_up\n"
        "conceal('correct horse')\n"
        "set_up(settings_of())\n"
        "raise ValueError('correct ' + 'horse')\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "CRITICAL unexpected error" in done.stderr
    assert "    | ValueError: ***" in done.stderr
    assert "correct horse" not in done.stderr


@given(st.text(max_size=300), st.sampled_from(["text", "json"]))
def test_no_one_can_forge_a_line(text, form):
    """Whatever foreign text is logged, each event is one line that begins with a time."""
    written = Log(log_format=form)

    written.logger.info("agent %s", text, extra={"agent": text})

    assert written.text.endswith("\n")
    [line] = written.text[:-1].split("\n")
    assert line.isprintable()
    assert "\r" not in line


def test_a_traceback_cannot_pass_for_events():
    """Its lines are indented, also those of a message that came from outside."""
    written = Log()
    try:
        raise ValueError("x\n2026-01-01T00:00:00.000+00:00 CRITICAL house on fire\r\x1b[2J")
    except ValueError:
        written.logger.exception("unexpected error")

    first, *rest = written.text.splitlines()
    assert EVENT.match(first)
    assert all(line.startswith("    | ") for line in rest)
    assert "\x1b" not in written.text


@given(st.text(max_size=50))
def test_printable_keeps_what_is_printable(text):
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text


def test_long_texts_are_cut():
    """An answer of 64 MB in an error does not become a log of 64 MB."""
    written = Log()

    written.logger.error("unusable answer", extra={"body": "x" * 64_000_000})
    written.logger.error("unusable answer: %s", "y" * 64_000_000)

    assert written.lines[0] == f'ERROR unusable answer body="{"x" * 200}… (63999800 more)"'
    assert len(written.text) < 1000


@pytest.mark.parametrize(
    ("logger", "exc"),
    [
        ("aiohttp.server", BadStatusLine("GARBAGE")),
        ("aiohttp.server", ConnectionResetError()),
        ("asyncio", ssl.SSLError("HTTP_REQUEST")),
    ],
)
def test_what_a_client_does_wrong_is_not_our_error(logger, exc):
    """aiohttp and asyncio log a traceback for every malformed request; the log shows nothing of it."""
    written = Log(logger)

    written.logger.error("Error handling request from %s", "192.0.2.1", exc_info=exc)

    assert written.text == ""


def test_at_debug_level_a_clients_error_is_one_line():
    written = Log("aiohttp.server")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        written.logger.error("Error handling request from %s", "192.0.2.1", exc_info=BadStatusLine("GARBAGE"))
    finally:
        root.setLevel(level)

    assert written.lines == ["DEBUG aiohttp.server: client error cause=BadStatusLine"]


def test_unknown_errors_keep_their_traceback_once():
    written = Log("aiohttp.server")

    for _ in range(3):
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            written.logger.exception("Error handling request")

    assert written.text.count("Traceback") == 1
    assert written.lines[0] == "ERROR aiohttp.server: Error handling request"


def test_lines_are_counted_by_level():
    written = Log()

    written.logger.info("a")
    written.logger.warning("b")
    written.logger.warning("b")

    assert written.handler.written == {"info": 1, "warning": 1}


def test_setting_up_again_replaces_the_handler():
    """A reload changes form and level of the lines; nothing is written twice. Counts are not lost."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    first, second = io.StringIO(), io.StringIO()
    try:
        set_up(settings_of(), first)
        for _ in range(2):
            logging.getLogger("powerwall.test").warning("exchange failed", extra={"cause": "timeout"})
        set_up(settings_of(log_format="json", log_level="error"), second)
        logging.getLogger("powerwall.test").warning("gateway unreachable")
        logging.getLogger("powerwall.test").error("house on fire")
    finally:
        for handler in [handler for handler in root.handlers if isinstance(handler, LogHandler)]:
            root.removeHandler(handler)
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        sys.excepthook = sys.__excepthook__

    assert root.handlers == before
    assert [line.split(" ", 1)[1] for line in first.getvalue().splitlines()] == [
        "WARNING exchange failed cause=timeout",
        "WARNING exchange failed cause=timeout repeated=1",
    ]
    assert json.loads(second.getvalue())["event"] == "house on fire"
