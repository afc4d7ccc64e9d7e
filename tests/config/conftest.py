"""What tests of the settings have in common."""

GATEWAY = {"PW_HOST": "gateway.lan", "HOME": "/home/owner"}


def toml(tmp_path, text):
    path = tmp_path / "proxy.toml"
    path.write_text(text)
    return str(path)
