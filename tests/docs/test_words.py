"""The checker of words finds the words of its list where users read them, and nowhere else."""

import pytest

from tests.docs.conftest import ROOT, generator

WORDS = {"tell": "report", "left alone": "in cooldown"}


@pytest.mark.parametrize(
    ("suffix", "text", "found"),
    [
        (".md", "It will Tell\nus.", [(1, "tell")]),
        (".md", "one\nis left alone", [(2, "left alone")]),
        (".md", "`tell` and\n```sh\ntell\n```\ntell", [(5, "tell")]),
        (".md", "teller, intelligent, cooldown_tell_seconds", []),
        (".js", "tell();\nsay('no', \"tell\");", [(2, "tell")]),
        (".js", "tell(); // tell\n/* and\ntell */ tell();", [(1, "tell"), (3, "tell")]),
        (".js", "say(`a ${b}\ntell`);", [(2, "tell")]),
        (".py", 'def tell():\n    """Do it.\n\n    tell\n    """\n', [(4, "tell")]),
        (".py", 'tell = "tell"  # tell\n', [(1, "tell"), (1, "tell")]),
        (".py", 'tell = f"tell {a}"\n', [(1, "tell")]),
        (".py", 'it = {"tell": "tell"}\n', [(1, "tell")]),
        (".html", '<p title="tell">', [(1, "tell")]),
    ],
)
def test_words_are_found_where_users_read_them(suffix, text, found):
    assert list(generator("words").findings(text, WORDS, suffix)) == found


def test_the_list_has_an_alternative_for_every_form():
    checker = generator("words")
    words = checker.banned("# remark\n\ntell, tells | report\nodd | unusual\n")

    assert words == {"tell": "report", "tells": "report", "odd": "unusual"}
    assert all(checker.banned(checker.WORDS.read_text("utf-8")).values())


def test_every_pattern_of_checked_files_names_some():
    for pattern in generator("words").CHECKED:
        assert list(ROOT.glob(pattern)), pattern


def test_documents_and_pages_use_plain_words():
    """If this fails: python .ci/words.py lists where, and what to write instead."""
    assert generator("words").main() == 0
