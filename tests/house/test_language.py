"""Docstrings begin with the thing that they describe, so that they are read once."""

import ast

import pytest

from tests.house.sources import ROOT, tracked

QUESTIONS = {"what", "who", "whose", "how", "when", "where", "which", "whether", "why"}


def first_word(text):
    """The first word in lower case, without what follows an apostrophe."""
    return text.split(maxsplit=1)[0].strip("`'\",.:;()").split("'")[0].lower()


def questions(tree):
    """Line and first words of each docstring that opens like a question."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text and first_word(text) in QUESTIONS:
                yield getattr(node, "lineno", 1), text[:50]


@pytest.mark.parametrize("text", ["What it is.", "Whether it is.", "When's lunch?", "how it is done"])
def test_a_question_is_found(text):
    for source in (f'"""{text}"""', f'def f():\n    """{text}"""', f'class A:\n    """{text}"""'):
        assert list(questions(ast.parse(source)))
    assert not list(questions(ast.parse('"""The wheel, and how it turns."""')))


def test_docstrings_begin_with_the_thing():
    files = [path for path in tracked() if path.suffix == ".py"]
    assert len(files) > 500, "the list of files is stale"
    found = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path in files
        for line, text in questions(ast.parse(path.read_text()))
    ]
    assert not found
