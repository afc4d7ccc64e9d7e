"""A gateway with which no TLS handshake succeeds, in a process of its own: prints its port, ends with its stdin.

In turn it resets the connection at once, after the client's hello, within its own hello; answers
something that is no TLS; and says nothing. Plain sockets, so that no event loop gets in between.
"""

import os
import socket
import struct
import sys
import threading

HELLO_BEGUN = b"\x16\x03\x03\x00\x7a\x02"
NO_TLS = b"HTTP/1.1 400 Bad Request\r\n\r\n"
SILENT_AT_ONCE = 64


def serve(listener: socket.socket) -> None:
    silent = []
    number = 0
    while True:
        peer, _ = listener.accept()
        number += 1
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 5 == 0:
            silent = [*silent, peer][-SILENT_AT_ONCE:]
            continue
        try:
            if number % 5 > 1:
                peer.recv(4096)
            if number % 5 == 3:
                peer.sendall(HELLO_BEGUN)
            elif number % 5 == 4:
                peer.sendall(NO_TLS)
        except OSError:
            pass  # the client was faster
        peer.close()


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    sys.stdin.read()
    os._exit(0)
