"""What the command line says about itself, and what it refuses."""

import json
import re

import pytest

from proxy.__main__ import COMMANDS
from tests.commands.conftest import send_request

USAGE_ERROR = 2


def test_help_names_every_command_and_the_way_to_start(command):
    shown = command("--help")

    assert shown.returncode == 0
    assert "serve --demo" in shown.stdout
    assert "PW_HOST=" in shown.stdout
    for row in COMMANDS:
        assert re.search(rf"^    {row.name}\b", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", [row.name for row in COMMANDS])
def test_every_command_explains_itself(command, name):
    shown = command(name, "--help")

    assert shown.returncode == 0
    assert f"powerwall-proxy {name}" in shown.stdout


def test_the_version_is_reported(command):
    assert re.fullmatch(r"powerwall-proxy \d+\.\d+\.\d+\S*\n", command("--version").stdout)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["serve", "--demo", "--port", "70000"],
            "argument --port: 70000 is not a whole number from 0 to 65535",
        ),
        (["simulate", "--port", "http"], "argument --port: invalid port value: 'http'"),
        (["simulate", "--control-port", "-1"], "argument --control-port: -1 is not a whole number from 0 to"),
        (["serve", "--demo", "--speed", "nan"], "argument --speed: nan is not a number above 0"),
        (["simulate", "--speed", "0"], "argument --speed: 0 is not a number above 0"),
    ],
)
def test_a_number_that_means_nothing_is_refused(command, words, complaint):
    shown = command(*words)

    assert shown.returncode == USAGE_ERROR
    assert complaint in shown.stderr


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("serv", "did you mean serve?"),
        ("docter", "did you mean doctor?"),
        ("xyzzy", "the commands are serve, "),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest(command, word, hint):
    shown = command(word)

    assert shown.returncode == 64
    assert shown.stderr.startswith(f"powerwall-proxy: {word} is no command; {hint}")


def test_flags_without_a_command_are_those_of_serve(command):
    demo = command.start("--demo", "--persona", "pw3", PW_PORT="0")

    assert json.loads(send_request(demo.port(), "/health"))


def test_routes_lists_what_can_be_requested(command):
    shown = command("routes")

    assert shown.returncode == 0
    assert re.search(r"^  /aggregates +\S", shown.stdout, re.MULTILINE)


def test_a_reader_that_closes_early_is_no_error(command):
    """`powerwall-proxy routes | head -1`."""
    daemon = command.start("routes")
    daemon.process.stdout.close()

    assert daemon.process.wait(20) in {0, 1}
