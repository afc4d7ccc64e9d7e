"""What the log shows, and what it never shows."""

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

from proxy.config.settings import Settings
from proxy.core.redaction import conceal, printable
from proxy.publish.logs import LogHandler, set_up

EVENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")


class Log:
    """A logger below a handler of ours, its lines and its clock."""

    def __init__(self, settings, name="proxy.test"):
        self.stream, self.now = io.StringIO(), 0.0
        self.handler = LogHandler(settings, self.stream, lambda: self.now)
        self.logger = logging.Logger(name, logging.DEBUG)
        self.logger.addHandler(self.handler)

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def lines(self):
        """The lines without their time."""
        return [line.split(" ", 1)[1] for line in self.text.splitlines()]


def log(name="proxy.test", **settings):
    return Log(Settings(**settings), name)


def test_an_event_is_a_sentence_and_its_fields():
    written = log()

    written.logger.info("gateway back", extra={"after_s": 250.0, "served_stale": 50, "site": "My home"})

    assert written.lines == ['INFO gateway back after_s=250 served_stale=50 site="My home"']


def test_the_same_event_for_programs():
    written = log(log_format="json")

    written.logger.warning("gateway lost", extra={"cause": "timeout", "retry": True})

    line = json.loads(written.text)
    assert line.pop("time")
    assert line == {
        "level": "warning",
        "logger": "proxy.test",
        "event": "gateway lost",
        "cause": "timeout",
        "retry": True,
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_reaches_the_log_in_any_way(form):
    """Message, arguments, fields and tracebacks are redacted, plain and encoded."""
    secret = 'h0use"P@ss w0rd/ü'
    conceal(secret)
    basic = base64.b64encode(f"Tesla_Energy_Device:{secret}".encode()).decode()
    written = log(log_format=form)

    written.logger.info(f"login with {secret}")
    written.logger.info("sent %s to %r", basic, {"password": secret})
    written.logger.info("asked", extra={"url": f"/?token={secret}", "body": {"a": [secret]}})
    try:
        raise ValueError(f"refused {secret!r}") from KeyError(secret)
    except ValueError:
        written.logger.exception("unexpected error")

    assert written.text.count("***") == 7
    for leak in (secret, json.dumps(secret)[1:-1], basic[12:-4], "h0use", "w0rd"):
        assert leak not in written.text


@given(st.text(max_size=300), st.sampled_from(["text", "json"]))
def test_nobody_can_forge_a_line(text, form):
    """Whatever foreign text is logged, each event is one line that begins with a time."""
    written = log(log_format=form)

    written.logger.info("agent %s", text, extra={"agent": text})

    assert written.text.endswith("\n")
    [line] = written.text[:-1].split("\n")
    assert line.isprintable()
    assert "\r" not in line


def test_a_traceback_cannot_pass_for_events():
    """Its lines are indented, also those of a message that came from outside."""
    written = log()
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
    written = log()

    written.logger.error("unusable answer", extra={"body": "x" * 64_000_000})
    written.logger.error("unusable answer: %s", "y" * 64_000_000)

    assert written.lines[0] == f'ERROR unusable answer body="{"x" * 200}… (63999800 more)"'
    assert len(written.text) < 1000


def test_a_repeated_failure_is_told_once_then_counted():
    """One line at once, then its count after 5 and 10 more minutes, while it goes on."""
    written = log(network_error_rate_limit=100)

    for _ in range(60 * 16):
        written.logger.warning("exchange failed", extra={"cause": "timeout"})
        written.now += 1

    assert written.lines == [
        "WARNING exchange failed cause=timeout",
        "WARNING exchange failed cause=timeout repeated=299",
        "WARNING exchange failed cause=timeout repeated=600",
    ]


def test_another_cause_is_another_line():
    written = log()

    for cause in ("timeout", "reset", "timeout"):
        written.logger.warning("exchange failed", extra={"cause": cause})

    assert written.lines == ["WARNING exchange failed cause=timeout", "WARNING exchange failed cause=reset"]


def test_counts_that_nobody_saw_are_written_at_the_end():
    written = log()
    for _ in range(3):
        written.logger.warning("exchange failed", extra={"cause": "timeout"})

    written.handler.close()

    assert written.lines[-1] == "WARNING exchange failed cause=timeout repeated=2"


def test_a_failure_after_quiet_is_news():
    written = log()
    written.logger.warning("exchange failed", extra={"cause": "timeout"})

    written.now += 301
    written.logger.warning("exchange failed", extra={"cause": "timeout"})

    assert written.lines == ["WARNING exchange failed cause=timeout"] * 2


def test_the_last_line_about_the_gateway_says_how_it_is():
    """A gateway that is lost again is told again, although the cause is the same as before."""
    written = log(suppress_network_errors=True)

    for _ in range(2):
        written.logger.warning("gateway lost", extra={"cause": "timeout"})
        written.logger.warning("gateway back", extra={"after_s": 3})

    assert [line.split(" ", 3)[2] for line in written.lines] == ["lost", "back", "lost", "back"]


def test_a_gateway_that_comes_and_goes_does_not_fill_the_log():
    """Ten minutes of one change a second are five lines a minute of each kind, and the counts."""
    written = log()

    for _ in range(300):
        written.logger.warning("gateway lost", extra={"cause": "timeout"})
        written.now += 1
        written.logger.warning("gateway back", extra={"after_s": 1})
        written.now += 1

    assert len(written.lines) <= 2 * 5 * 10 + 4
    assert any(" repeated=" in line for line in written.lines)


def test_information_is_never_held_back():
    written = log()

    for _ in range(3):
        written.logger.info("logged in")

    assert len(written.lines) == 3


def test_the_rate_limit_of_the_pypowerwall_proxy_holds_over_all_causes():
    """PW_NETWORK_ERROR_RATE_LIMIT lines per minute, whatever the causes."""
    written = log(network_error_rate_limit=2)

    for number in range(10):
        written.logger.warning("exchange failed", extra={"cause": f"fault {number}"})
    written.now += 61
    written.logger.warning("exchange failed", extra={"cause": "fault 99"})

    assert [line.split("cause=")[1] for line in written.lines] == ['"fault 0"', '"fault 1"', '"fault 99"']


def test_network_errors_can_be_summaries_only():
    """PW_SUPPRESS_NETWORK_ERRORS: nothing at once, one line every five minutes; other warnings pass."""
    written = log(suppress_network_errors=True)

    written.logger.warning("exchange failed", extra={"cause": "timeout"})
    written.logger.warning("state folder is not writable")
    written.now += 301
    written.logger.info("anything")

    assert written.lines == [
        "WARNING state folder is not writable",
        "WARNING exchange failed cause=timeout repeated=1",
        "INFO anything",
    ]


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
    written = log(logger)

    written.logger.error("Error handling request from %s", "192.0.2.1", exc_info=exc)

    assert written.text == ""


def test_unknown_errors_keep_their_traceback_once():
    written = log("aiohttp.server")

    for _ in range(3):
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            written.logger.exception("Error handling request")

    assert written.text.count("Traceback") == 1
    assert written.lines[0] == "ERROR aiohttp.server: Error handling request"


def test_memory_is_bounded_by_kinds_not_by_records():
    """Ten thousand different warnings leave no more behind than a few hundred."""
    written = log()

    for number in range(10_000):
        written.logger.warning("odd", extra={"cause": str(number)})

    written.now += 10_000
    assert len(list(written.handler._repeats.due(everything=True))) <= 200


def test_lines_are_counted_by_level():
    written = log()

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
        set_up(Settings(), first)
        for _ in range(2):
            logging.getLogger("powerwall.test").warning("exchange failed", extra={"cause": "timeout"})
        set_up(Settings(log_format="json", log_level="error"), second)
        logging.getLogger("powerwall.test").warning("gateway lost")
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


def test_what_nobody_catches_is_redacted_too():
    """Python would print it to standard error as it is."""
    program = (
        "from proxy.config.settings import Settings\n"
        "from proxy.core.redaction import conceal\n"
        "from proxy.publish.logs import set_up\n"
        "conceal('correct horse')\n"
        "set_up(Settings())\n"
        "raise ValueError('correct ' + 'horse')\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "CRITICAL unexpected error" in done.stderr
    assert "    | ValueError: ***" in done.stderr
    assert "correct horse" not in done.stderr


def test_at_debug_level_a_clients_error_is_one_line():
    written = log("aiohttp.server")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        written.logger.error("Error handling request from %s", "192.0.2.1", exc_info=BadStatusLine("GARBAGE"))
    finally:
        root.setLevel(level)

    assert written.lines == ["DEBUG aiohttp.server: client error cause=BadStatusLine"]


def test_arguments_by_name_are_redacted_too():
    conceal("correct horse battery")
    written = log()

    written.logger.info("login with %(password)s", {"password": "correct horse battery"})

    assert written.lines == ["INFO login with ***"]


def test_other_events_are_limited_by_themselves():
    """What is remembered of rates is bounded, too."""
    written = log(network_error_rate_limit=1)

    for number in range(500):
        written.logger.warning(f"odd {number}", extra={"cause": "fault"})

    assert len(written.lines) == 500
    assert len(written.handler._repeats._recent) <= 200
