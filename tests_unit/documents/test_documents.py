# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the documents name exists."""

import re
from pathlib import Path

import pytest

_TOP = Path(__file__).parents[2]
_TESTS = {path.stem for path in _TOP.rglob("test_*.py") if ".runtime" not in path.parts}
_DOCUMENTS = sorted([*_TOP.glob("*.md"), *_TOP.glob("docs/*.md"), *_TOP.glob("*/readme/*.md")])


def test_every_test_that_security_names_exists():
    named = set(re.findall(r"`(test_\w+)(?:\.py)?`", (_TOP / "SECURITY.md").read_text()))
    assert named
    assert named <= _TESTS


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_TOP)))
def test_every_link_of_a_document_leads_somewhere(document):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
