"""What the doctor prints, for people and for scripts, and its exit code."""

import json
import os

import pytest

from proxy.core.advice import Cause


def test_the_command_says_it_in_words_or_as_json(command):
    """Without colours, because this is no terminal; with an exit code for scripts."""
    words = command("doctor", PW_HOST="127.0.0.1:1", PW_PASSWORD="secret-word")
    reported = command("doctor", "--json", PW_HOST="127.0.0.1:1", PW_PASSWORD="secret-word")

    assert words.returncode == reported.returncode == 1
    assert "It is the port." in words.stdout
    assert "\x1b" not in words.stdout
    assert json.loads(reported.stdout)["cause"] == "port"
    assert "secret-word" not in words.stdout + reported.stdout


@pytest.mark.parametrize(
    ("wishes", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)]
)
def test_a_terminal_sees_colours_unless_its_owner_wants_none(command, wishes, coloured):
    """As no-color.org has it: an empty NO_COLOR is none."""
    reader, terminal = os.openpty()
    done = command("doctor", output=terminal, PW_HOST="127.0.0.1:1", **wishes)
    os.close(terminal)
    shown = os.read(reader, 65536)
    os.close(reader)

    assert done.returncode == 1
    assert b"It is the port." in shown
    assert (b"\x1b[31m" in shown) is coloured


def test_tls_has_no_article():
    assert [cause.spoken for cause in (Cause.TLS, Cause.RATE_LIMIT)] == ["TLS", "the rate limit"]


def test_a_healthy_site_reads_so(command):
    """The doctor examines the simulated gateway of another process; the exit code is 0."""
    gateway = command.start("simulate", "--port", "0")
    port = gateway.prints(r"https://127\.0\.0\.1:(\d+)")[1]
    reported = command("doctor", PW_HOST=f"127.0.0.1:{port}", PW_PASSWORD="password")

    assert reported.returncode == 0, reported.stdout
    assert "All is well." in reported.stdout
    assert "local: charge" in reported.stdout
