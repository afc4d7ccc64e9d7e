"""What is sent of a script: all of its code and its texts, and nothing for the readers of its file alone."""

import pytest

from proxy.server.pages import compact


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("// about it\nconst a = 1; // one\nuse(a);\n", "const a=1;use(a);"),
        ("/** Adds.\n * Twice. */\nfunction f(a, b) {\n  return a + b;\n}\nf();\n", "function f(a,b){return a+b}f();"),
        ('say("a , b // c", \'{ }\');', 'say("a , b // c",\'{ }\');'),
        ("say(`a ${b ? `: ${c}` : 1 } , d`);", "say(`a ${b ? `: ${c}` : 1 } , d`);"),
        ('const x = { a: 1,\n  b: "; }",\n};', 'const x={a:1,b:"; }"};'),
        ("const [, last] = all;", "const[,last]=all;"),
        ("if (a) b();\nelse c();", "if(a)b();else c();"),
        ("return a - -b !== c;", "return a - -b!==c;"),
    ],
)  # fmt: skip
def test_a_script_loses_nothing_but_blanks_and_comments(source, sent):
    assert compact.script(source) == sent


def test_a_style_loses_nothing_but_blanks_and_comments():
    source = "/* about it */\na, b { color: red; margin: 0 auto }\n:root:not(.a) > b { top: 1px }\n"

    assert compact.style(source) == "a,b{color:red;margin:0 auto}:root:not(.a) > b{top:1px}"
