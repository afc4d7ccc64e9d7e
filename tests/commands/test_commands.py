"""What the command line prints and how it ends."""

import json
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from proxy.__main__ import COMMANDS
from proxy.config.settings import Settings
from proxy.config.tls import own_certificate, serving_context
from tests.commands.conftest import ask

CONFIG_ERROR = 78
USAGE_ERROR = 2
DEMO = {"PW_PORT": "0"}


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


def test_version(command):
    assert re.fullmatch(r"powerwall-proxy \d+\.\d+\.\d+\S*\n", command("--version").stdout)


def test_check_shows_what_is_in_force_and_where_it_comes_from(command, tmp_path):
    config = tmp_path / "proxy.toml"
    config.write_text("cache_expire = 7\n")

    shown = command(
        "check",
        PW_HOST="192.168.1.50",
        PW_PASSWORD="correct horse",
        PW_CONFIG=str(config),
        PW_CASH_TTL="3",
    )

    lines = [line.split() for line in shown.stdout.splitlines()]
    assert shown.returncode == 0
    assert ["PW_HOST", "192.168.1.50", "environment"] in lines
    assert ["PW_PASSWORD", "(set,", "not", "shown)", "environment"] in lines
    assert ["PW_CACHE_EXPIRE", "7", str(config)] in lines
    assert ["PW_PORT", "8675", "default"] in lines
    assert "Warning: PW_CASH_TTL is unknown and ignored; did you mean PW_CACHE_TTL?" in shown.stdout
    assert "correct horse" not in shown.stdout + shown.stderr


@pytest.mark.parametrize("name", ["check", "serve"])
def test_wrong_settings_are_listed_and_end_it(command, name):
    """All at once, one line each, nothing else; the exit code tells supervisors not to try again."""
    shown = command(name, PW_PORT="http", PW_TIMEZONE="Mars/Olympus", PW_PASSWORD="correct horse")

    assert shown.returncode == CONFIG_ERROR
    assert shown.stdout == ""
    assert shown.stderr.splitlines() == [
        'powerwall-proxy: PW_TIMEZONE is "Mars/Olympus", but must be a name of the time zone database, '
        "such as Europe/Berlin.",
        'powerwall-proxy: PW_PORT is "http", but must be a whole number from 0 to 65535.',
        "powerwall-proxy: PW_HOST is missing: set it to the address of your gateway, such as 192.168.1.50 "
        "(or try `powerwall-proxy serve --demo`).",
    ]


def test_the_demo_serves_a_house_and_ends_when_told(command):
    """No settings, no hardware; SIGTERM ends it with success within 2 s, and nothing was written."""
    demo = command.start("serve", "--demo", **DEMO)

    assert 0 <= json.loads(ask(demo.port(), "/soe"))["percentage"] <= 100

    assert demo.ends(within_s=2) == 0
    assert list(command.home.iterdir()) == []


def test_who_waits_for_a_silent_gateway_is_answered_before_the_end(command):
    """SIGTERM with a request in flight that the gateway holds up: an honest answer, and success within 2 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as others:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        daemon = command.start(PW_HOST=address, PW_PASSWORD="x", PW_PORT="0", PW_BIND_ADDRESS="127.0.0.1")
        asking = others.submit(status_of, daemon.port(), "/soe")
        held, _ = silent.accept()

        assert daemon.ends(within_s=2) == 0
        assert asking.result() == 503
        held.close()


def status_of(port: str, path: str) -> int:
    with closing(HTTPConnection("127.0.0.1", int(port))) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def test_flags_without_a_command_are_those_of_serve(command):
    demo = command.start("--demo", "--persona", "pw3", **DEMO)

    assert json.loads(ask(demo.port(), "/health"))


def test_it_starts_without_its_gateway(command):
    """The port opens at once; readings are honestly missing; it ends like any other."""
    daemon = command.start(PW_HOST="127.0.0.1:9", PW_PASSWORD="x", **DEMO)
    port = daemon.port()

    assert json.loads(ask(port, "/health"))
    with pytest.raises(HTTPError) as refused:
        ask(port, "/soe")
    assert refused.value.code in {502, 503}
    refused.value.close()

    assert daemon.ends(within_s=2) == 0


def test_a_port_in_use_is_one_clear_line(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        shown = command("serve", "--demo", PW_PORT=port, PW_BIND_ADDRESS="127.0.0.1")

    assert shown.returncode not in {0, CONFIG_ERROR}
    assert [line for line in shown.stderr.splitlines() if line.startswith("powerwall-proxy:")] == [
        f"powerwall-proxy: 127.0.0.1:{port} is in use by another program; "
        "set PW_PORT or PW_BIND_ADDRESS to another."
    ]
    assert "Traceback" not in shown.stderr


def test_a_state_folder_that_cannot_be_used_is_a_warning(command):
    daemon = command.start(PW_HOST="127.0.0.1:9", PW_STATE_PATH="/dev/null/state", **DEMO)

    assert ask(daemon.port(), "/health")
    assert any("WARNING no state" in line and "/dev/null/state" in line for line in daemon.lines)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["serve", "--demo", "--persona", "fw0"], "there is no persona fw0; there are fw1_15, "),
        (["simulate", "--persona", "fw0"], "there is no persona fw0; there are fw1_15, "),
        (["simulate", "--port", "0", "--recordings", "/nowhere"], "/nowhere is not a folder of recordings"),
        (
            ["simulate", "--bind", "192.0.2.1"],
            "192.0.2.1:8443 cannot be used: Cannot assign requested address",
        ),
    ],
)
def test_what_cannot_be_simulated_is_one_clear_line(command, words, complaint):
    shown = command(*words)

    assert shown.returncode == 1
    assert f"powerwall-proxy: {complaint}" in shown.stderr
    assert "Traceback" not in shown.stderr


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


def test_what_a_client_closes_is_closed(command):
    """Also when it does so right after the answer, before the proxy waits for another request."""
    daemon = command.start("serve", "--demo", PW_FAST_PATH="no", **DEMO)
    port = daemon.port()
    files = Path(f"/proc/{daemon.process.pid}/fd")
    ask(port, "/soe")
    before = len([*files.iterdir()])

    for _ in range(200):
        status_of(port, "/soe")

    most_turns = iter(range(100))
    while (left := len([*files.iterdir()]) - before) > 5 and next(most_turns, None) is not None:
        ask(port, "/health")
    assert left <= 5


def test_the_port_can_be_said_on_the_command_line(command):
    """What is said there wins over PW_PORT."""
    demo = command.start("serve", "--demo", "--port", "0", PW_PORT="1", PW_BIND_ADDRESS="127.0.0.1")

    assert demo.port() != "1"


def test_health_asks_the_running_daemon(command):
    """Nothing runs: 1. No reading yet and no gateway: 1 and a sentence. Readings: 0."""
    lost = command.start(PW_HOST="127.0.0.1:9", **DEMO)
    demo = command.start("serve", "--demo", **DEMO)

    unready = command("health", PW_PORT=lost.port())
    ready = command("health", PW_PORT=demo.port())
    nobody = command("health", PW_PORT="9")

    assert (ready.returncode, ready.stdout) == (0, "ready\n")
    assert unready.returncode == 1
    assert unready.stderr.startswith("powerwall-proxy: ")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr.startswith("powerwall-proxy: no answer on port 9: ")


def test_tls_needs_one_setting(command):
    """PW_HTTPS=yes: the certificate is made, health finds its way, `cert` shows the fingerprint."""
    settings = {"PW_HTTPS": "yes", "PW_HOST": "127.0.0.1:9", "PW_STATE_PATH": str(command.home / "state")}
    daemon = command.start(**settings, **DEMO)
    port = daemon.port()

    pem = ssl.get_server_certificate(("127.0.0.1", int(port)))
    shown = command("cert", **settings)
    asked = command("health", **{**settings, "PW_PORT": port})

    assert str(command.home / "state" / "tls.pem") in shown.stdout
    trusting = ssl.create_default_context(cadata=pem)
    with urlopen(f"https://localhost:{port}/health", context=trusting, timeout=5) as answer:
        assert answer.status == 200
    assert "no answer" not in asked.stderr


def test_a_hang_up_reloads_what_can_be_reloaded(command, tmp_path):
    """The log changes at once, the rest is named; a broken file changes nothing."""
    config = tmp_path / "proxy.toml"
    config.write_text('host = "127.0.0.1:9"\n')
    daemon = command.start(PW_CONFIG=str(config), **DEMO)
    port = daemon.port()

    config.write_text('host = "127.0.0.1:10"\nlog_format = "json"\n')
    daemon.hang_up()
    assert json.loads(daemon.prints('"reloaded"').string)["changed"] == "log_format"
    assert json.loads(daemon.prints('"restart needed"').string)["settings"] == "PW_HOST"

    config.write_text("host = \n")
    daemon.hang_up()
    assert "is not TOML" in json.loads(daemon.prints('"reload refused"').string)["problems"]
    assert ask(port, "/health")


def test_a_demo_that_is_told_to_reload_needs_no_restart(command):
    """Its gateway is of its own making: that no setting names it is no change."""
    daemon = command.start("serve", "--demo", **DEMO)
    daemon.port()

    daemon.hang_up()
    daemon.prints("reloaded")

    assert daemon.ends() == 0
    assert [line for line in daemon.lines if "restart needed" in line] == []


def test_routes_lists_what_can_be_asked_for(command):
    shown = command("routes")

    assert shown.returncode == 0
    assert re.search(r"^  /aggregates +\S", shown.stdout, re.MULTILINE)


def test_a_reader_that_closes_early_is_no_error(command):
    """`powerwall-proxy routes | head -1`."""
    daemon = command.start("routes")
    daemon.process.stdout.close()

    assert daemon.process.wait(20) in {0, 1}


def test_the_simulated_gateway_and_the_proxy_make_a_pair(command):
    """The README's first steps; and a gateway with a new certificate is refused until it is accepted."""
    state = {"PW_STATE_PATH": str(command.home / "state")}
    gateway = command.start("simulate", "--port", "0")
    found = gateway.prints(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)")
    settings = {"PW_HOST": found[1], "PW_PASSWORD": found[2], **state, **DEMO}
    proxy = command.start(**settings)

    assert json.loads(ask(proxy.port(), "/soe"))
    pinned = command("cert", **settings)
    accepted = command("cert", "accept", **settings)
    forgotten = command("cert", **settings)

    pin = re.search(r"Gateway 127\.0\.0\.1:\d+: sha256 ([0-9a-f]{64})\n", pinned.stdout)[1]
    assert f"sha256 {pin}\nThe next certificate" in accepted.stdout
    assert pin not in forgotten.stdout


def test_a_simulated_gateway_is_known_again_after_a_restart(command):
    """Like a real one, it shows the same certificate: containers are started again and again."""
    words = ("simulate", "--persona", "fw1_40", "--port")  # read without a login
    gateway = command.start(*words, "0")
    port = gateway.prints(r"https://127\.0\.0\.1:(\d+)")[1]
    assert command("doctor", PW_HOST=f"127.0.0.1:{port}").returncode == 0
    gateway.ends()
    command.start(*words, port).prints("https://")

    again = command("doctor", PW_HOST=f"127.0.0.1:{port}")
    assert again.returncode == 0, again.stdout


def test_what_the_simulated_gateway_says_to_try_reads_all_of_a_powerwall_3(command):
    gateway = command.start("simulate", "--port", "0", "--persona", "pw3")
    found = gateway.prints(r"Try: (PW_HOST=\S+ PW_PASSWORD=\S+ PW_GW_PWD=\S+) powerwall-proxy")
    proxy = command.start(**dict(word.split("=", 1) for word in found[1].split()), **DEMO)

    assert {"A", "F"} <= json.loads(ask(proxy.port(), "/strings")).keys()


def test_recorded_answers_are_served_as_they_are(command, tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / "system_status.soe.json").write_text('{"percentage":  42.0}\n')

    gateway = command.start("simulate", "--port", "0", "--recordings", str(recordings))
    found = gateway.prints(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)")
    proxy = command.start(PW_HOST=found[1], PW_PASSWORD=found[2], **DEMO)

    assert ask(proxy.port(), "/soe") == b'{"percentage":  42.0}\n'


def test_pair_makes_a_key_once_and_says_what_to_do_with_it(command):
    first, second = command("pair"), command("pair")

    key = command.home / ".local/state/powerwall-proxy/v1r.pem"
    assert first.returncode == 0
    assert str(key) in first.stdout
    assert "add_authorized_client_request" in first.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    assert second.stdout == first.stdout


def test_pair_says_where_it_cannot_keep_a_key(command):
    """A full disk, a folder that is no place for files."""
    shown = command("pair", PW_STATE_PATH="/sys")

    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("powerwall-proxy: /sys")
    assert len(shown.stderr.splitlines()) == 1


def test_pair_does_not_touch_a_file_that_is_no_key(command):
    folder = command.home / ".local/state/powerwall-proxy"
    folder.mkdir(parents=True)
    (folder / "v1r.pem").write_text("not a key")

    shown = command("pair")

    assert shown.returncode == 1
    assert "v1r.pem is not a key that can be used" in shown.stderr
    assert (folder / "v1r.pem").read_text() == "not a key"


def test_cert_says_what_it_cannot_use(command, tmp_path):
    """A state folder that is none, a certificate that is none."""
    pem = tmp_path / "own.pem"
    pem.write_text("no certificate")

    nowhere = command("cert", PW_STATE_PATH="/dev/null/state")
    damaged = command("cert", PW_STATE_PATH=str(pem))

    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "/dev/null/state cannot be made" in nowhere.stderr
    assert "is not a folder" in damaged.stderr


def test_cert_shows_a_damaged_certificate_as_such(command):
    state = command.home / "state"
    state.mkdir()
    (state / "tls.pem").write_text("no certificate")

    shown = command("cert", PW_STATE_PATH=str(state))

    assert f"This proxy: {state}/tls.pem cannot be used: no certificate in this file" in shown.stdout


def test_a_state_folder_is_checked_by_check(command):
    shown = command("check", PW_HOST="gateway.lan", PW_STATE_PATH="/dev/null/state")

    assert shown.returncode == 0
    assert "Warning: /dev/null/state cannot be made" in shown.stdout


def test_without_room_for_a_certificate_tls_is_refused_with_a_sentence(command, tmp_path):
    """A certificate that cannot be used is a wrong setting: exit code 78, no traceback."""
    pem = tmp_path / "own.pem"
    pem.write_text("no certificate")

    shown = command("serve", "--demo", PW_HTTPS="yes", PW_TLS_CERT=str(pem), PW_TLS_KEY=str(pem), PW_PORT="0")

    assert shown.returncode == CONFIG_ERROR
    assert "PW_TLS_CERT and PW_TLS_KEY must be a certificate and its key" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_renewed_certificate_is_served_after_a_hang_up(command):
    """Certificates of a public authority change every few weeks; a restart would cost connections."""
    pems = []
    for name in ("old", "new"):
        settings = Settings(state_path=str(command.home / name))
        serving_context(settings)
        pems.append(own_certificate(settings).read_text())
    own = command.home / "own.pem"
    own.write_text(pems[0])
    daemon = command.start("--demo", PW_HTTPS="yes", PW_TLS_CERT=str(own), PW_TLS_KEY=str(own), PW_PORT="0")
    port = int(daemon.port())
    first = ssl.get_server_certificate(("127.0.0.1", port))

    own.write_text(pems[1])
    daemon.hang_up()
    daemon.prints("reloaded")

    assert pems[0].startswith(first)
    assert pems[1].startswith(ssl.get_server_certificate(("127.0.0.1", port)))

    own.write_text("damaged")
    daemon.hang_up()
    daemon.prints("reload refused")
    assert pems[1].startswith(ssl.get_server_certificate(("127.0.0.1", port)))


def test_a_demo_of_a_powerwall_3_shows_its_three_units(command):
    """Its local API tells powers and charge alone; the units come over TEDAPI."""
    daemon = command.start("serve", "--demo", "--persona", "pw3", **DEMO)
    port = daemon.port()

    blocks = json.loads(ask(port, "/pw/battery_blocks"))
    stats = json.loads(ask(port, "/stats"))

    assert len(blocks) == 3
    assert all(block["nominal_full_pack_energy"] == 14000 for block in blocks.values())
    assert (stats["tedapi_mode"], stats["pw3"]) == ("hybrid", True)
