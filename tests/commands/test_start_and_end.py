"""Start and end of the daemon under adverse conditions: few files, no standard files, a dead name server or disk."""

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from tests.commands.conftest import TIMEOUT_S, send_request

NAMESPACES = [shutil.which("unshare") or "unshare", "--map-root-user", "--mount"]
DEAD_SERVER = "127.0.0.9"


def can_mount() -> bool:
    try:
        return subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def status_of(port: str, path: str) -> int:
    """Send a request and drop the response; 0 when the connection ends without one."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT_S) as answer:
            return answer.status
    except HTTPError as error:
        error.close()
        return error.code
    except (URLError, OSError):
        return 0


def writer_of(pipe: Path, meanwhile) -> int:
    """Wait until a pipe has a reader, and hold its other end without writing."""
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:  # no reader yet
                raise
            meanwhile()


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a resolv.conf of its own")
@pytest.mark.parametrize("is_requested", [True, False])
def test_a_name_server_that_does_not_answer_does_not_delay_the_end(command, tmp_path, is_requested):
    """SIGTERM during a lookup, which the C library repeats for half a minute: success within 2 s, and no ERROR."""
    config = tmp_path / "resolv.conf"
    config.write_text(f"nameserver {DEAD_SERVER}\noptions timeout:30 attempts:5\n")
    mount = f'mount --bind {config} /etc/resolv.conf && exec "$@"'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, ThreadPoolExecutor() as others:
        try:
            silent.bind((DEAD_SERVER, 53))
        except PermissionError:
            pytest.skip("needs the port of a name server")
        daemon = command.start(
            wrapper=[*NAMESPACES, "sh", "-c", mount, "sh"],
            PW_HOST="gateway.example",
            PW_PASSWORD="x",
            PW_PORT="0",
            PW_BIND_ADDRESS="127.0.0.1",
        )
        port = daemon.port()
        if is_requested:
            polling = others.submit(status_of, port, "/soe")
            silent.recv(512)

        assert daemon.ends(within_s=2) == 0
        if is_requested:
            assert polling.result() in {503, 504}
    assert not [line for line in daemon.lines if "ERROR" in line or "Traceback" in line]


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a resolv.conf of its own")
def test_dead_names_delay_no_other_gateway_no_file_and_not_the_end(command, tmp_path):
    """More names than the default executor has threads; the other gateway logs in, and its session is saved."""
    config = tmp_path / "resolv.conf"
    config.write_text(f"nameserver {DEAD_SERVER}\noptions timeout:30 attempts:5\n")
    mount = f'mount --bind {config} /etc/resolv.conf && exec "$@"'
    gateway = command.start("simulate", "--port", "0")
    address = gateway.prints(r"on https://(\S+:\d+)")[1]
    dead = [{"id": f"dead{n}", "host": f"gateway{n}.example", "password": "x"} for n in range(12)]
    listed = [*dead, {"id": "house", "host": address, "password": "password"}]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, ThreadPoolExecutor(12) as others:
        try:
            silent.bind((DEAD_SERVER, 53))
        except PermissionError:
            pytest.skip("needs the port of a name server")
        daemon = command.start(
            wrapper=[*NAMESPACES, "sh", "-c", mount, "sh"],
            PW_GATEWAYS=json.dumps(listed),
            PW_PORT="0",
            PW_BIND_ADDRESS="127.0.0.1",
            PW_STATE_PATH=str(tmp_path / "state"),
        )
        port = daemon.port()
        waiting = [others.submit(status_of, port, f"/gateways/{each['id']}/soe") for each in dead]
        silent.recv(512)

        assert status_of(port, "/gateways/house/soe") == 200
        assert (tmp_path / "state" / "gateways" / "house" / ".powerwall").exists()
        assert daemon.ends(within_s=2) == 0
        assert {each.result() for each in waiting} <= {503, 504}


def test_a_thread_that_reads_from_a_dead_disk_does_not_delay_the_end(command, tmp_path, key):
    """Here the key of v1r, which has become a pipe with no writer. The log says that the end was not finished."""
    settings = {
        "PW_HOST": "127.0.0.1:9",
        "PW_GW_PWD": "ABCDEFGHIJ",
        "PW_RSA_KEY_PATH": str(tmp_path / "key.pem"),
    }
    shutil.copy(key.path, tmp_path / "key.pem")
    daemon = command.start(**settings, PW_PORT="0", PW_BIND_ADDRESS="127.0.0.1")
    port = daemon.port()
    (tmp_path / "key.pem").unlink()
    os.mkfifo(tmp_path / "key.pem")
    with ThreadPoolExecutor() as others:
        others.submit(status_of, port, "/soe")
        writer = writer_of(tmp_path / "key.pem", lambda: send_request(port, "/health"))

        assert daemon.ends(within_s=TIMEOUT_S) == 0
    os.close(writer)
    assert any("WARNING stop not finished" in line for line in daemon.lines)


def test_output_that_nothing_reads_any_more_does_not_keep_the_process_from_its_end():
    """What is still to be written to a closed pipe is lost; the exit code is that of the stop."""
    code = "from proxy.commands.daemon import leave; print('unread', end=''); leave(3)"
    unread, output = os.pipe()
    os.close(unread)

    ended = subprocess.run(
        [sys.executable, "-c", code],
        stdout=output,
        check=False,
        timeout=TIMEOUT_S,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )

    os.close(output)
    assert ended.returncode == 3


def test_a_limit_of_few_open_files_leaves_room_for_some_clients(command):
    """``ulimit -n 64``: less than what is set aside for everything else."""
    daemon = command.start(
        "serve",
        "--demo",
        wrapper=["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh"],
        PW_PORT="0",
        PW_BIND_ADDRESS="127.0.0.1",
    )
    port = daemon.port()

    clients = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(7)]
    for client in clients:
        client.sendall(b"GET /soe HTTP/1.1\r\n")

    assert status_of(port, "/soe") == 200
    for client in clients:
        client.close()
    assert daemon.ends() == 0


@pytest.mark.parametrize("https", ["no", "yes"])
def test_port_0_is_one_port_for_all_addresses(command, https):
    """The port that the log reports is open at 127.0.0.1 and, where there is IPv6, at ::1."""
    daemon = command.start("serve", "--demo", PW_PORT="0", PW_HTTPS=https, PW_BIND_ADDRESS="")
    port = int(daemon.port())

    for address in ("127.0.0.1", *(["::1"] if has_ipv6() else [])):
        socket.create_connection((address, port), timeout=TIMEOUT_S).close()
    assert daemon.ends() == 0


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_standard_files_may_be_closed(tmp_path, closed):
    """Some programs start others without them: it serves, and SIGTERM ends it with success."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PW_BIND_ADDRESS": "127.0.0.1",
        "PW_PORT": "0",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
    }
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-W", "error", "-m", "proxy"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(environment["NOTIFY_SOCKET"])
        with subprocess.Popen([*command, "serve", "--demo"], env=environment) as process:
            ready = manager.recv(1024).decode()
            assert status_of(re.search(r":(\d+),", ready)[1], "/soe") == 200
            process.terminate()

    assert process.returncode == 0
