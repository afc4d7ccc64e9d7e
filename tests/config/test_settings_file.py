"""The settings file that a command writes."""

import tomllib

import pytest

from proxy.config.settings_file import is_unset, merged, write_settings


@pytest.fixture
def file(tmp_path):
    return tmp_path / "folder" / "settings.toml"


def test_a_file_that_is_missing_or_all_comments_is_unset(file):
    assert is_unset(file)
    file.parent.mkdir()
    file.write_text("# host = 1\n\n")
    assert is_unset(file)
    file.write_text("host = 1\n")
    assert not is_unset(file)
    file.write_text("broken = \n")
    assert not is_unset(file)


def test_values_replace_those_of_their_name_and_nothing_else(file):
    file.parent.mkdir()
    file.write_text('# first\nhost = "a"\nhost_name = "b"\n  password = "c" # old\nport = 1\n')

    text = merged(file, {"host": "x", "password": 'quote " and back\\slash'})

    assert tomllib.loads(text) == {
        "host": "x",
        "password": 'quote " and back\\slash',
        "host_name": "b",
        "port": 1,
    }
    assert "# first" in text


def test_a_value_over_several_lines_is_not_torn_apart(file):
    file.parent.mkdir()
    file.write_text('other = """\nhost = 1\n"""\n')

    with pytest.raises(ValueError, match="by hand"):
        merged(file, {"host": "x"})


def test_a_new_file_is_its_owners_alone(file):
    write_settings(file, "port = 1\n")

    assert file.read_text() == "port = 1\n"
    assert file.stat().st_mode & 0o777 == 0o600
