"""The checker of words finds the words of its list where users read them, and nowhere else."""

import pytest

from tests.docs.conftest import ROOT, generator

WORDS = {"utter": "report", "set aside": "in cooldown"}


@pytest.mark.parametrize(
    ("suffix", "text", "found"),
    [
        (".md", "It will Utter\nus.", [(1, "utter")]),
        (".md", "one\nis set aside", [(2, "set aside")]),
        (".md", "`utter` and\n```sh\nutter\n```\nutter", [(5, "utter")]),
        (".md", "utterly, butter, cooldown_utter_seconds", []),
        (".js", "utter();\nsay('no', \"utter\");", [(2, "utter")]),
        (".js", "utter(); // utter\n/* and\nutter */ utter();", [(1, "utter"), (3, "utter")]),
        (".js", "say(`a ${b}\nutter`);", [(2, "utter")]),
        (".py", 'def utter():\n    """Do it.\n\n    utter\n    """\n', [(4, "utter")]),
        (".py", 'utter = "utter"  # utter\n', [(1, "utter"), (1, "utter")]),
        (".py", 'utter = f"utter {a}"\n', [(1, "utter")]),
        (".py", 'it = {"utter": "utter"}\n', [(1, "utter")]),
        (".py", 'it = "see `utter` to utter"\n', [(1, "utter")]),
        (".html", '<p title="utter">', [(1, "utter")]),
    ],
)
def test_words_are_found_where_users_read_them(suffix, text, found):
    assert list(generator("words").findings(text, WORDS, suffix)) == found


def test_the_list_has_an_alternative_for_every_form():
    checker = generator("words")
    words = checker.banned("# remark\n\nutter, utters | report\nodd | unusual\n")

    assert words == {"utter": "report", "utters": "report", "odd": "unusual"}
    assert all(checker.banned(checker.WORDS.read_text("utf-8")).values())


def test_every_pattern_of_checked_files_names_some():
    for pattern in generator("words").CHECKED:
        assert list(ROOT.glob(pattern)), pattern


def test_documents_and_pages_use_plain_words():
    """If this fails: python .ci/words.py lists where, and what to write instead."""
    assert generator("words").main() == 0
