"""`pair`: the key for v1r."""


def test_pair_makes_a_key_once_and_says_what_to_do_with_it(command):
    first, second = command("pair"), command("pair")

    key = command.home / ".local/state/powerwall-proxy/v1r.pem"
    assert first.returncode == 0
    assert str(key) in first.stdout
    assert "add_authorized_client_request" in first.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    assert second.stdout == first.stdout


def test_pair_makes_the_key_that_the_settings_name(command):
    """An owner who has set everything up already does not read that the key is missing."""
    key = command.home / "own.pem"

    shown = command("pair", PW_RSA_KEY_PATH=str(key))

    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"PW_RSA_KEY_PATH={key}" in shown.stdout
    assert key.stat().st_mode & 0o777 == 0o600


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
