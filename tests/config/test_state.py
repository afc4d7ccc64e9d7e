"""What survives a restart is the owner's alone, and a folder that cannot be used costs only that."""

import os
import ssl
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import pytest

from proxy.config.checks import problems, warnings
from proxy.config.settings import settings_of
from proxy.files import write_private
from proxy.state.certificates import fingerprint, own_certificate, serving_context
from proxy.state.folder import remove_leftovers, state_problem


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_folder_is_made_for_the_owner_alone(tmp_path):
    folder = tmp_path / "new" / "state"

    assert state_problem(settings_of(state_path=str(folder))) is None
    assert mode(folder) == 0o700


def test_a_file_is_replaced_as_a_whole_and_private(tmp_path):
    path = tmp_path / "session"
    path.write_bytes(b"old")
    path.chmod(0o644)

    write_private(path, b"new")

    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "session"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "session").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "session", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "session"]


def test_no_folder_at_all_is_reported():
    assert state_problem(settings_of()) == (
        "No state folder: set PW_STATE_PATH, or every restart costs the gateway a login."
    )


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path):
    path = tmp_path / "state"
    path.touch()

    assert state_problem(settings_of(state_path=str(path))) == (
        f"{path} is not a folder: PW_STATE_PATH must name one."
    )


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    path = tmp_path / "file" / "state"
    path.parent.touch()

    assert state_problem(settings_of(state_path=str(path))).startswith(
        f"{path} cannot be made (Not a directory)"
    )


def test_the_first_start_makes_a_certificate_and_later_ones_keep_it(tmp_path):
    """PW_HTTPS=yes needs nothing else; the key is readable by the owner alone."""
    settings = settings_of(state_path=str(tmp_path), https="yes", allowed_hosts=("house.example",))
    path = own_certificate(settings)

    serving_context(settings)
    first = fingerprint(path)
    serving_context(settings)

    assert fingerprint(path) == first
    assert mode(path) == 0o600


def test_a_damaged_certificate_is_made_again(tmp_path):
    settings = settings_of(state_path=str(tmp_path))
    own_certificate(settings).write_text("half a certif")

    serving_context(settings)

    assert len(fingerprint(own_certificate(settings))) == 64


@pytest.mark.parametrize("folder", ["", "/dev/null/state"])
def test_without_a_state_folder_the_certificate_lives_in_memory(folder):
    assert isinstance(serving_context(settings_of(state_path=folder)), ssl.SSLContext)


def test_the_owners_certificate_is_served(tmp_path):
    """Given as one file twice, or as two files; a key that belongs to another certificate is refused."""
    pems = []
    for name in ("one", "two"):
        made = settings_of(state_path=str(tmp_path / name))
        serving_context(made)
        pems.append(str(own_certificate(made)))

    assert not list(problems(settings_of(host="h", tls_cert=pems[0], tls_key=pems[0]), lacks_gateway=False))
    [problem] = problems(settings_of(host="h", tls_cert=pems[0], tls_key=pems[1]), lacks_gateway=False)
    assert problem.startswith("PW_TLS_CERT and PW_TLS_KEY must be a certificate and its key")
    serving_context(settings_of(tls_cert=pems[0], tls_key=pems[0]))
    with pytest.raises(ssl.SSLError):
        serving_context(settings_of(tls_cert=pems[0], tls_key=pems[1]))


def test_certificates_without_effect_are_pointed_out(tmp_path):
    made = settings_of(state_path=str(tmp_path))
    serving_context(made)
    pem = str(own_certificate(made))

    assert list(warnings(settings_of(host="h", password="x", gw_ca=pem, tls_cert=pem, tls_key=pem))) == [
        "PW_GW_CA has no effect with PW_GW_TLS=pin.",
        "PW_TLS_CERT has no effect with PW_HTTPS=no.",
    ]


@contextmanager
def unprivileged():
    """Act as an ordinary user, also when the tests run as root."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    os.seteuid(12345)
    try:
        yield 12345
    finally:
        os.seteuid(0)


def test_cloud_logins_of_the_pypowerwall_proxy_may_belong_to_whom_they_like():
    with TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        Path(name, ".pypowerwall.auth").touch(0o600)

        with unprivileged():
            assert state_problem(settings_of(state_path=name)) is None


@pytest.mark.parametrize("closed", ["folder", "file"])
def test_what_is_closed_to_the_user_is_reported_with_its_owner(closed):
    """The usual trap of an image swap: the folder, or the session file in it, belongs to root."""
    with TemporaryDirectory() as name:
        folder, file = Path(name), Path(name, ".powerwall")
        file.touch()
        for path in (folder, file):
            path.chmod(0o777)
        path = folder if closed == "folder" else file
        path.chmod(0o500)

        with unprivileged() as user:
            problem = state_problem(settings_of(state_path=name))

        assert problem == (
            f"{path} is closed to user {user} (its owner is user {os.geteuid()}): nothing is kept, so every "
            "restart costs the gateway a login. Change its owner, or set PW_STATE_PATH."
        )
        folder.chmod(0o700)


def test_a_folder_on_a_read_only_file_system_is_reported_as_such(tmp_path):
    """As in a container with a read-only root: no other owner could write there either."""
    ask = (
        "import sys; from proxy.config.settings import settings_of; from proxy.state.folder import state_problem; "
        "print(state_problem(settings_of(state_path=sys.argv[1])))"
    )
    mounted = 'mount --bind "$3" "$3" && mount -o remount,ro,bind "$3" && exec "$1" -c "$2" "$3"'
    namespace = ["unshare", "--map-root-user", "--mount"]
    if run([*namespace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets no user mount")
    shown = run(
        [*namespace, "sh", "-c", mounted, "sh", sys.executable, ask, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )

    assert shown.stdout.strip() == (
        f"{tmp_path} is on a read-only file system: nothing is kept, so every restart costs the gateway a login. "
        "Mount it writable, or set PW_STATE_PATH."
    )


def test_a_session_file_in_a_folder_that_may_not_be_entered_is_reported():
    """A setting of a program that ran as root, as PW_CACHE_FILE=/root/.auth/.powerwall."""
    with TemporaryDirectory() as name:
        folder, closed = Path(name), Path(name, "closed")
        folder.chmod(0o777)
        closed.mkdir(mode=0o700)
        (closed / "auth").mkdir()

        with unprivileged():
            settings = settings_of(
                state_path=str(folder / "state"), cache_file=str(closed / "auth" / ".powerwall")
            )
            if os.geteuid() == closed.stat().st_uid:
                pytest.skip("a user cannot be kept out of a folder of their own that is 0700")
            problem = state_problem(settings)

        assert problem.startswith(
            f"{closed / 'auth'} cannot be looked at (Permission denied): nothing is kept"
        )


def test_temporary_files_of_interrupted_writes_are_removed_and_nothing_else(tmp_path):
    """A kill between writing and renaming leaves them; other dot files belong to other programs."""
    state, elsewhere = tmp_path / "state", tmp_path / "auth"
    state.mkdir()
    elsewhere.mkdir()
    left = [state / ".energy.json.abcd_123", state / ".tls.pem.a1b2c3d4", elsewhere / "..powerwall.01234567"]
    kept = [
        state / ".pypowerwall.fleetapi",
        state / "energy.json",
        state / ".energy.json.bak",
        elsewhere / ".other.json.abcd1234",
        elsewhere / ".powerwall",
    ]
    for path in (*left, *kept):
        path.touch()

    remove_leftovers(settings_of(state_path=str(state), cache_file=str(elsewhere / ".powerwall")))

    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_no_folder_has_no_temporary_files(tmp_path):
    remove_leftovers(settings_of(state_path=str(tmp_path / "absent"), cache_file="/dev/null/x/.powerwall"))
