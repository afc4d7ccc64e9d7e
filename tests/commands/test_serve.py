"""The daemon as a process: how it starts, reloads and ends, and `health`, which queries it."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from proxy.commands.greeting import address_to_open
from tests.commands.conftest import send_request
from tests.processes import free_port

PORT_TAKEN = 69


def test_the_demo_serves_a_house_and_ends_on_request(command):
    """No settings, no hardware; SIGTERM ends it with success within 2 s, and nothing was written."""
    demo = command.start("serve", "--demo", PW_PORT="0")

    assert 0 <= json.loads(send_request(demo.port(), "/soe"))["percentage"] <= 100

    assert demo.ends(within_s=2) == 0
    assert list(command.home.iterdir()) == []


def test_every_warning_of_the_settings_is_one_line(command):
    """However many there are, and at once: none waits to be counted as a repetition of another."""
    demo = command.start(
        *("serve", "--demo"),
        **dict.fromkeys(("PW_AAA", "PW_BBB", "PW_CCC", "PW_DDD"), "1"),
        PW_STYLE="x",
        PW_CONTROL_SECRET="abc",
        PW_PORT="0",
    )
    demo.port()

    shown = [line for line in demo.lines if "suspicious setting" in line]
    for name in ("PW_AAA", "PW_BBB", "PW_CCC", "PW_DDD", "PW_STYLE", "PW_CONTROL_SECRET"):
        assert len([line for line in shown if name in line]) == 1, (name, shown)
    assert demo.ends() == 0
    assert [line for line in demo.lines if "repeated" in line] == []


def test_without_a_gateway_its_pages_say_what_to_set(command):
    """Nothing is wrong yet, so nothing ends: a supervisor would only start it again and again."""
    daemon = command.start(PW_PORT="0", PW_BIND_ADDRESS="127.0.0.1")
    port = daemon.port()

    page = send_request(port, "/").decode()
    assert "PW_HOST=192.168.1.50" in page
    assert "password" not in re.findall(r"<input[^>]*>", page)
    assert daemon.prints(r"WARNING no gateway is configured hint=.*http://127\.0\.0\.1:")
    assert daemon.ends() == 0


def test_after_the_start_one_line_says_which_gateway_is_read(command):
    """One round of requests, then the site, model, firmware and charge."""
    demo = command.start("serve", "--demo", "--persona", "pw3", PW_PORT="0")

    line = demo.prints(r" connected ").string

    assert re.search(r'site="[^"]+" model="Powerwall 3 x3" firmware="?25\.42\.2.* charge="?\d+ %', line), line
    assert demo.ends() == 0
    assert len([line for line in demo.lines if " connected " in line]) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PW_PASSWORD": "mistyped"}, ("The gateway refuses the login", "Check PW_PASSWORD")),
        ({"PW_HOST": "127.0.0.1:9"}, ("cannot be reached", "Is PW_HOST the gateway's address")),
    ],
    ids=["refused", "unreachable"],
)
def test_after_the_start_one_line_says_why_the_gateway_is_not_read(command, settings, words):
    """With the cause and what to do about it."""
    gateway = command.start("simulate", "--port", "0")
    host = gateway.prints(r"PW_HOST=(\S+)")[1]
    proxy = command.start(**{"PW_HOST": host, "PW_PASSWORD": "password", "PW_PORT": "0", **settings})

    line = proxy.prints(r"WARNING not connected").string

    for word in words:
        assert word in line
    assert proxy.ends() == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_log_shows_a_url_that_can_be_opened(command, address):
    """An IPv6 address stands in brackets (RFC 3986 section 3.2.2)."""
    demo = command.start("serve", "--demo", PW_PORT="0", PW_BIND_ADDRESS=address)

    with urlopen(demo.prints(r"listening url=(\S+)")[1] + "/soe") as answer:
        assert answer.status == 200


def test_the_log_shows_every_port(command, tmp_path):
    """That of TLS, and those at which programs that accept no path find one gateway."""
    encrypted, *own = (free_port() for _ in range(3))
    file = tmp_path / "proxy.toml"
    file.write_text(
        "".join(
            f'[[gateway]]\nid = "{id_}"\nhost = "127.0.0.1:1"\npassword = "x"\nlisten = {port}\n'
            for id_, port in zip(("house", "garage"), own, strict=True)
        )
    )
    daemon = command.start(
        PW_CONFIG=str(file),
        PW_PORT="0",
        PW_HTTPS="yes",
        PW_HTTPS_PORT=str(encrypted),
        PW_BIND_ADDRESS="127.0.0.1",
    )

    assert daemon.port() not in {str(encrypted), *map(str, own)}
    assert daemon.prints(rf"listening url=https://127\.0\.0\.1:{encrypted}$")
    assert daemon.prints(rf"listening url=https://127\.0\.0\.1:{own[0]} gateway=house$")
    assert daemon.prints(rf"listening url=https://127\.0\.0\.1:{own[1]} gateway=garage$")
    assert daemon.ends() == 0


def test_in_a_container_the_pages_are_at_localhost_not_at_its_own_name():
    assert address_to_open("http", "0.0.0.0", 8675, {"container": "oci"}) == "http://localhost:8675/"
    assert address_to_open("https", "192.168.1.5", 8675, {}) == "https://192.168.1.5:8675/"


def test_a_demo_of_the_cloud_needs_no_gateway(command):
    """The house is read through a simulated cloud; nothing is left behind."""
    demo = command.start("serve", "--demo", "cloud", PW_PORT="0")
    port = demo.port()

    assert 0 <= json.loads(send_request(port, "/soe"))["percentage"] <= 100
    assert json.loads(send_request(port, "/stats"))["cloudmode"] is True
    assert demo.ends(within_s=2) == 0
    assert not [*command.home.iterdir()]


def test_a_demo_of_a_powerwall_3_shows_its_three_units(command):
    """Its local API reports powers and charge alone; the units come over TEDAPI."""
    daemon = command.start("serve", "--demo", "--persona", "pw3", PW_PORT="0")
    port = daemon.port()

    blocks = json.loads(send_request(port, "/pw/battery_blocks"))
    stats = json.loads(send_request(port, "/stats"))

    assert len(blocks) == 3
    assert all(block["nominal_full_pack_energy"] == 14000 for block in blocks.values())
    assert (stats["tedapi_mode"], stats["pw3"]) == ("hybrid", True)


def test_the_port_can_be_said_on_the_command_line(command):
    """What is said there wins over PW_PORT."""
    demo = command.start("serve", "--demo", "--port", "0", PW_PORT="1", PW_BIND_ADDRESS="127.0.0.1")

    assert demo.port() != "1"


def test_the_daemon_starts_without_its_gateway(command):
    """The port opens at once; readings are honestly missing; it ends like any other."""
    daemon = command.start(PW_HOST="127.0.0.1:9", PW_PASSWORD="x", PW_PORT="0")
    port = daemon.port()

    assert json.loads(send_request(port, "/health"))
    with pytest.raises(HTTPError) as refused:
        send_request(port, "/soe")
    assert refused.value.code in {502, 503, 504}
    refused.value.close()

    assert daemon.ends(within_s=2) == 0


def test_a_port_in_use_is_one_clear_line(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        shown = command("serve", "--demo", PW_PORT=port, PW_BIND_ADDRESS="127.0.0.1")

    assert shown.returncode == PORT_TAKEN
    assert [line for line in shown.stderr.splitlines() if line.startswith("powerwall-proxy:")] == [
        f"powerwall-proxy: 127.0.0.1:{port} is in use by another program; "
        "set PW_PORT or PW_BIND_ADDRESS to another."
    ]
    assert "Traceback" not in shown.stderr


def test_a_state_folder_that_cannot_be_used_is_a_warning(command):
    daemon = command.start(PW_HOST="127.0.0.1:9", PW_STATE_PATH="/dev/null/state", PW_PORT="0")

    assert send_request(daemon.port(), "/health")
    assert any("WARNING state not persisted" in line and "/dev/null/state" in line for line in daemon.lines)


def test_health_queries_the_running_daemon(command):
    """Nothing runs: 1. No reading yet and no gateway: 1 and a sentence. Readings: 0."""
    lost = command.start(PW_HOST="127.0.0.1:9", PW_PORT="0")
    demo = command.start("serve", "--demo", PW_PORT="0")

    unready = command("health", PW_PORT=lost.port())
    ready = command("health", PW_PORT=demo.port())
    no_one = command("health", PW_PORT="9")

    assert (ready.returncode, ready.stdout) == (0, "ready\n")
    assert unready.returncode == 1
    assert unready.stderr.startswith("powerwall-proxy: ")
    assert (no_one.returncode, no_one.stdout) == (1, "")
    assert no_one.stderr.startswith("powerwall-proxy: no answer on port 9: ")


@pytest.mark.parametrize("more", [{}, {"PW_GW_PWD": "ABCDEFGHIJ"}], ids=["one way", "two ways"])
def test_who_waits_for_a_silent_gateway_is_answered_before_the_end(command, more):
    """SIGTERM with a request in flight that the gateway holds up: an honest answer, and success within 2 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as others:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = {"PW_HOST": address, "PW_PASSWORD": "x", "PW_PORT": "0", "PW_BIND_ADDRESS": "127.0.0.1"}
        daemon = command.start(**settings, **more)
        polling = others.submit(status_of, daemon.port(), "/soe")
        held, _ = silent.accept()

        assert daemon.ends(within_s=2) == 0
        assert polling.result() == 503
        held.close()


def test_what_a_client_closes_is_closed(command):
    """Also when it does so right after the answer, before the proxy waits for another request."""
    daemon = command.start("serve", "--demo", PW_FAST_PATH="no", PW_PORT="0")
    port = daemon.port()
    files = Path(f"/proc/{daemon.process.pid}/fd")
    send_request(port, "/soe")
    before = len([*files.iterdir()])

    for _ in range(200):
        status_of(port, "/soe")

    most_turns = iter(range(100))
    while (left := len([*files.iterdir()]) - before) > 5 and next(most_turns, None) is not None:
        send_request(port, "/health")
    assert left <= 5


def test_a_hang_up_reloads_what_can_be_reloaded(command, tmp_path):
    """The log changes at once, the rest is named; a broken file changes nothing."""
    config = tmp_path / "proxy.toml"
    config.write_text('host = "127.0.0.1:9"\n')
    daemon = command.start(PW_CONFIG=str(config), PW_PORT="0")
    port = daemon.port()

    config.write_text('host = "127.0.0.1:10"\nlog_format = "json"\n')
    daemon.hang_up()
    assert json.loads(daemon.prints('"reloaded"').string)["changed"] == "log_format"
    assert json.loads(daemon.prints('"restart needed"').string)["settings"] == "PW_HOST"

    config.write_text("host = \n")
    daemon.hang_up()
    assert "is not TOML" in json.loads(daemon.prints('"reload refused"').string)["problems"]
    assert send_request(port, "/health")


def test_a_demo_whose_settings_are_reloaded_needs_no_restart(command):
    """Its gateway is of its own making: that no setting names it is no change."""
    daemon = command.start("serve", "--demo", PW_PORT="0")
    daemon.port()

    daemon.hang_up()
    daemon.prints("reloaded")

    assert daemon.ends() == 0
    assert [line for line in daemon.lines if "restart needed" in line] == []


def test_a_service_manager_is_sent_what_happens(command, tmp_path):
    """Ready when the port is open, both ends of a reload, and the end; between them the watchdog."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "notify"))
        daemon = command.start(
            "serve", "--demo", PW_PORT="0", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="60000000"
        )
        assert manager.recv(4096).startswith(b"READY=1\nSTATUS=Listening on http://")
        assert manager.recv(4096) == b"WATCHDOG=1"

        daemon.hang_up()
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(4096))
        assert manager.recv(4096) == b"READY=1"

        assert daemon.ends() == 0
        assert manager.recv(4096).startswith(b"STOPPING=1\n")


def status_of(port: str, path: str) -> int:
    with closing(HTTPConnection("127.0.0.1", int(port))) as connection:
        connection.request("GET", path)
        return connection.getresponse().status
