"""The log of a real daemon: what clients do wrong makes no noise, and no secret is in it."""

import base64
import json
import socket
import ssl
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.commands.conftest import TIMEOUT_S, send_request

MALFORMED = [
    b"GARBAGE\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /soe HTTP/1.1\r\nHost: x\r\nContent-Length: minus one\r\n\r\n",
    b"GET /soe HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /\x00\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /soe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /soe HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"",
]


def send(port, octets):
    """Send bytes as they are and read what comes until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_S) as connection:
        try:
            connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except ConnectionError:
            pass


def test_what_clients_do_wrong_makes_no_noise(command):
    """Malformed requests and hang-ups leave neither a traceback nor a warning behind."""
    demo = command.start("serve", "--demo", PW_PORT="0")
    port = demo.port()

    for octets in MALFORMED * 3:
        send(port, octets)
    assert json.loads(send_request(port, "/soe"))

    assert demo.ends() == 0
    assert [line for line in demo.lines if "Traceback" in line or " | " in line] == []
    assert [line for line in demo.lines if " WARNING " in line or " ERROR " in line] == []


def test_what_clients_do_wrong_with_tls_makes_no_noise(command):
    """Plain HTTP to a TLS port, a broken handshake, a client that trusts no certificate."""
    demo = command.start("serve", "--demo", PW_PORT="0", PW_HTTPS="yes")
    port = demo.port()

    for octets in MALFORMED:
        send(port, octets)
    with socket.create_connection(("127.0.0.1", int(port))) as connection, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")

    assert demo.ends() == 0
    assert [line for line in demo.lines if " WARNING " in line or " ERROR " in line or " | " in line] == []


def test_no_secret_is_in_the_log_at_any_level(command):
    """Debug level, a login, a refused password, commands with the secret and with a wrong one."""
    password, secret, sticker = "Tr0ub4dor&3 <ü>", "open sesame/123", "ABCDE-FGHIJ"
    gateway = command.start("simulate", "--port", "0", "--password", password)
    host = gateway.prints(r"PW_HOST=(\S+)")[1]
    secrets = {"PW_PASSWORD": password, "PW_CONTROL_SECRET": secret, "PW_GW_PWD": sticker}
    state = command.home / "state"
    proxy = command.start(
        PW_HOST=host, PW_PORT="0", PW_DEBUG="yes", PW_ACCESS_LOG="yes", PW_STATE_PATH=str(state), **secrets
    )
    port = proxy.port()
    for path in (
        "/soe",
        "/vitals",
        "/stats",
        "/health",
        f"/soe?token={quote(secret)}",
        f"/{quote(password)}",
    ):
        try_(Request(f"http://127.0.0.1:{port}{path}"))
    for body in (f"value=20&token={quote(secret)}", f"value=20&token={quote(password)}"):
        try_(Request(f"http://127.0.0.1:{port}/control/reserve", data=body.encode()))
    basic = base64.b64encode(f"Tesla_Energy_Device:{sticker}".encode()).decode()
    try_(Request(f"http://127.0.0.1:{port}/soe", headers={"Authorization": f"Basic {basic}"}))
    session = json.loads(Path(state, ".powerwall").read_text())["AuthCookie"]

    assert proxy.ends() == 0
    log = "\n".join(proxy.lines)
    for text in (password, secret, sticker, session):
        for spelled in (text, quote(text), quote(text, safe=""), text.encode().hex(), json.dumps(text)[1:-1]):
            assert spelled not in log
        assert base64.b64encode(text.encode()).decode().rstrip("=")[:-1] not in log
    assert basic[30:-4] not in log


def try_(request):
    """Send a request; any response will do."""
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            answer.read()
    except HTTPError as exc:
        exc.close()
