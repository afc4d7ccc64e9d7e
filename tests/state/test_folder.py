"""Files of the state folder belong to the user of the daemon, whichever process writes them."""

from __future__ import annotations

import os

import pytest

from proxy.drivers.cloud.token_file import TokenFile
from proxy.files import write_private

DAEMON = 12345


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path):
    """`sudo powerwall-proxy setup` writes for a daemon that is not root; a file that is there keeps its owner."""
    os.chown(tmp_path, DAEMON, DAEMON)
    foreign = tmp_path / "foreign.json"
    foreign.touch()
    os.chown(foreign, DAEMON + 1, DAEMON + 1)

    write_private(tmp_path / "session.json", b"{}")
    write_private(foreign, b"{}")
    tokens = TokenFile(tmp_path / "tokens")
    with tokens.locked():
        tokens.write({})

    owners = {path.name: path.stat().st_uid for path in tmp_path.iterdir()}
    assert owners == {
        "session.json": DAEMON,
        "foreign.json": DAEMON + 1,
        "tokens": DAEMON,
        "tokens.lock": DAEMON,
    }
    assert (tmp_path / "tokens").stat().st_mode & 0o777 == 0o600
