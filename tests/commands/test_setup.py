"""`setup`: from a machine in the same network to a settings file that works."""

import argparse
import io
import json
import os
import pty
import subprocess
import sys
import tomllib
from contextlib import closing

import pytest

from proxy.__main__ import COMMANDS
from proxy.commands import cloud_setup
from proxy.commands.operator import MissingArgument
from proxy.commands.setup import MODES, program, set_up
from proxy.drivers.discovery import Places
from tests.commands.conftest import ROOT, send_request
from tests.processes import free_port

EX_USAGE, EX_CONFIG = 64, 78


class Script:
    """An operator who gives these answers and reads everything."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers]
        self.shown: list[str] = []

    def show(self, line: str) -> None:
        self.shown.append(line)

    def answer(self, question: str, argument: str) -> str:
        if not self.answers:
            raise MissingArgument(argument)
        return self.answers.pop(0)

    secret = answer


@pytest.fixture
def arguments(tmp_path):
    """The arguments of the command line, with these in place of their defaults."""
    file = str(tmp_path / "settings.toml")

    def arguments(**given):
        absent = {"host": None, "mode": None, "password_file": None}
        flags = dict.fromkeys(("scan", "replace", "start", "dry_run"), False)
        return argparse.Namespace(**{**absent, **flags, "file": file, **given})

    return arguments


@pytest.fixture
def places(sim, tmp_path):
    """A network in which the gateway is one of two neighbours, and nothing has a name."""
    host, _, port = sim.address.rpartition(":")
    arp = tmp_path / "arp"
    arp.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "127.0.0.77       0x1         0x2         52:54:00:12:34:56     *        eth0\n"
        f"{host}        0x1         0x2         90:03:71:AA:BB:CC     *        eth0\n"
    )
    return Places(addresses=(), names=(), neighbours=arp, routes=tmp_path / "none", port=int(port))


async def test_a_gateway_is_found_its_password_tried_once_and_the_file_written(
    arguments, places, sim, tmp_path
):
    operator = Script("password")

    assert await set_up(arguments(), operator, places) == 0

    file = tmp_path / "settings.toml"
    assert tomllib.loads(file.read_text()) == {"host": sim.address, "password": "password"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"Found: {sim.address} (a neighbour with a MAC address of Tesla)" in operator.shown
    assert sim.logins == 1


async def test_a_wrong_password_is_tried_once_and_nothing_is_written(
    arguments, places, sim, tmp_path, capsys
):
    assert await set_up(arguments(), Script("wrong"), places) == 1

    assert not (tmp_path / "settings.toml").exists()
    assert len([request for request in sim.requests if request.path == "/api/login/Basic"]) == 1
    shown = capsys.readouterr().err
    assert "Do not try often" in shown
    assert "Nothing was written" in shown
    assert "wrong " not in shown.replace("wrong password", "")


async def test_a_dry_run_finds_the_gateway_and_does_nothing_to_it(arguments, places, sim, tmp_path):
    operator = Script()

    assert await set_up(arguments(dry_run=True), operator, places) == 0

    assert f"would name {sim.address}" in operator.shown[-1]
    assert (sim.requests, [*tmp_path.glob("*.toml")]) == ([], [])


async def test_where_no_gateway_is_the_next_step_is_named(arguments, tmp_path, capsys):
    nothing = Places(addresses=(), names=(), neighbours=tmp_path / "none", routes=tmp_path / "none")

    assert await set_up(arguments(), Script(), nothing) == 1

    assert "--scan" in capsys.readouterr().err


async def test_a_search_of_the_whole_network_shows_how_far_it_is(arguments, tmp_path):
    """A home's network has 254 addresses, and most of them never answer."""
    routes = tmp_path / "routes"
    routes.write_text(
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        "eth0 0001007F 00000000 0001 0 0 0 80FFFFFF 0 0 0\n"
    )
    operator = Script()

    await set_up(arguments(scan=True), operator, Places((), (), tmp_path / "none", routes, free_port()))

    assert operator.shown[1:] == [
        "Looking at 126 addresses of this machine's networks, each once …",
        "  64 of 126",
    ]


async def test_an_address_that_is_none_is_refused(arguments, places, capsys):
    assert await set_up(arguments(host="192.168.1.300"), Script(), places) == EX_CONFIG

    assert '--host is "192.168.1.300"' in capsys.readouterr().err


async def test_settings_that_are_there_are_kept_unless_they_are_to_be_replaced(
    arguments, places, sim, tmp_path, capsys
):
    """A comment and a foreign setting stay, and so do the rights of the file."""
    file = tmp_path / "settings.toml"
    before = '# mine\nhost = "10.0.0.1"\nport = 9000\n'
    file.write_text(before)
    file.chmod(0o640)

    assert await set_up(arguments(), Script("password"), places) == 1
    assert "--replace" in capsys.readouterr().err
    assert file.read_text() == before

    assert await set_up(arguments(replace=True), Script("password"), places) == 0
    assert tomllib.loads(file.read_text()) == {"host": sim.address, "password": "password", "port": 9000}
    assert "# mine\n" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["a folder", "not UTF-8"])
async def test_a_settings_file_that_is_none_is_named_before_anything_is_tried(
    arguments, places, sim, tmp_path, capsys, content, replace
):
    file = tmp_path / "settings.toml"
    file.mkdir() if content is None else file.write_bytes(content)

    assert await set_up(arguments(replace=replace), Script("password"), places) == EX_CONFIG

    assert f"{file} cannot be read: " in capsys.readouterr().err
    assert sim.requests == []


async def test_a_password_file_in_another_encoding_is_named(arguments, places, tmp_path, capsys):
    """As an editor saves an umlaut in Latin-1."""
    (tmp_path / "secret").write_bytes("sün".encode("latin-1"))

    assert await set_up(arguments(password_file=str(tmp_path / "secret")), Script(), places) == 1

    assert "secret cannot be read: it is not a text in UTF-8." in capsys.readouterr().err


async def test_a_form_of_toml_that_cannot_be_replaced_is_left_alone(arguments, places, tmp_path, capsys):
    file = tmp_path / "settings.toml"
    file.write_text('password = """\nhost = 1\n"""\n')

    assert await set_up(arguments(replace=True), Script("password"), places) == 1

    assert file.read_text() == 'password = """\nhost = 1\n"""\n'


async def test_a_password_comes_from_a_file_with_every_character_as_it_is(arguments, places, sim, tmp_path):
    sim.gateway.sessions.password = 'a"b\\c ünd #d'
    secret = tmp_path / "secret"
    secret.write_text('a"b\\c ünd #d\n')

    assert await set_up(arguments(password_file=str(secret)), Script(), places) == 0

    written = tomllib.loads((tmp_path / "settings.toml").read_text("utf-8"))
    assert written["password"] == 'a"b\\c ünd #d'


def test_the_command_line_offers_the_modes_that_there_are():
    [row] = [command for command in COMMANDS if command.name == "setup"]

    assert row.arguments["--mode"]["choices"] == [*MODES, *cloud_setup.MODES]


def test_everything_can_be_given_as_arguments_and_it_starts(command, tmp_path):
    """No terminal: the daemon that it starts serves the gateway."""
    gateway = command.start("simulate", "--port", "0")
    host, password = gateway.prints(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)").groups()
    secret = tmp_path / "secret"
    secret.write_text(password)
    file = str(tmp_path / "made" / "settings.toml")

    daemon = command.start(
        *("setup", "--host", host, "--password-file", str(secret), "--file", file, "--start"), PW_PORT="0"
    )

    assert "percentage" in json.loads(send_request(daemon.port(), "/soe"))


def test_the_command_that_is_named_at_the_end_is_one_that_can_be_run():
    """It is copied from the terminal; the single file is not on the path."""
    assert program("./powerwall-proxy.pyz") == "python3 ./powerwall-proxy.pyz"
    assert program("/usr/bin/powerwall-proxy") == "powerwall-proxy"


def test_without_a_terminal_what_is_missing_is_named(command, tmp_path):
    shown = command("setup", "--host", "127.0.0.1:9", "--file", str(tmp_path / "settings.toml"))

    assert shown.returncode == EX_USAGE
    assert "pass --password-file" in shown.stderr


def test_at_a_terminal_the_password_is_prompted_for_and_does_not_appear(command, tmp_path):
    gateway = command.start("simulate", "--port", "0", "--password", "fifteen-mice")
    host = gateway.prints(r"PW_HOST=(\S+)")[1]
    ours, theirs = pty.openpty()
    words = ["setup", "--host", host, "--file", str(tmp_path / "settings.toml")]
    with subprocess.Popen(
        [sys.executable, "-m", "proxy", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ):
        os.close(theirs)
        with closing(os.fdopen(ours, "r+b", buffering=0)) as terminal:
            shown = read_until(terminal, b"Password: ")
            terminal.write(b"fifteen-mice\n")
            shown += read_until(terminal, b"Start it now? [Y/n]: ")
            terminal.write(b"n\n")
            shown += read_until(terminal, b"Start it with: PW_CONFIG=")

    assert b"fifteen-mice" not in shown
    assert tomllib.loads((tmp_path / "settings.toml").read_text()) == {
        "host": host,
        "password": "fifteen-mice",
    }


def test_a_token_longer_than_a_line_of_the_terminal_is_read_whole():
    """Terminals that edit lines themselves cut them off at 4,095 characters. A correction is taken."""
    ours, theirs = pty.openpty()
    program = "from proxy.commands.operator import Terminal as T; print(len(T().secret('Token', '--token-file')), 'read')"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ):
        os.close(theirs)
        with closing(os.fdopen(ours, "r+b", buffering=0)) as terminal:
            shown = read_until(terminal, b"Token: ")
            for _ in range(6):
                terminal.write(b"x" * 1000)
            terminal.write("ü".encode() + b"\x7f\n")
            shown += read_until(terminal, b"read")

    assert b"6000 read" in shown
    assert b"xx" not in shown


def read_until(terminal: io.RawIOBase, text: bytes) -> bytes:
    shown = b""
    while not shown.endswith(text):
        shown += terminal.read(1)
    return shown
