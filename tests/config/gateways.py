"""What tests of lists of gateways have in common."""

import pytest

from proxy.config.load import SettingsError, load

HOME = {"HOME": "/home/owner"}


def write(tmp_path, text, name="proxy.toml"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def problems(**environ):
    with pytest.raises(SettingsError) as caught:
        load({**HOME, **environ})
    return list(caught.value.problems)
