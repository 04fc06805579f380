"""The threat model links each threat to tests and settings that exist, the same in both languages."""

import re

import pytest
import yaml

from infra import ROOT

DOCS = ROOT / "docs"
SETTINGS = ROOT / "src/config/settings_table.cpp"
VALUES = ROOT / "deploy/helm/prompt2pic/values.yaml"
LINK = re.compile(r"\[(`?)([^\]`]+)`?\]\(([^)]+)\)")


def threats(name):
    """The links of each row of the last table: (text, path)."""
    rows = (DOCS / name).read_text().rsplit("|---|---|---|\n", 1)[1].splitlines()
    return [[(text, (DOCS / path).resolve()) for _, text, path in LINK.findall(row.split(" | ")[1])] for row in rows]


def exists(text, path):
    """Whether the file has the test, setting or value of the chart that the link names."""
    content = path.read_text()
    if path == SETTINGS:
        return f'"{text.removeprefix("P2P_").lower()}"' in content
    if path == VALUES:
        value = yaml.safe_load(content)
        for key in text.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value is not None
    pattern = rf"^def {text}\(" if path.suffix == ".py" else rf"^TEST(_F)?\(\w+, {text}\)"
    return re.search(pattern, content, re.M) is not None


@pytest.mark.parametrize("name", ["threat-model.md", "threat-model.ru.md"])
def test_links_lead_to_tests_and_settings_that_exist(name):
    for _, text, path in LINK.findall((DOCS / name).read_text()):
        assert (DOCS / path).is_file(), path
    for links in threats(name):
        assert links and all(exists(text, path) for text, path in links), [text for text, path in links if not exists(text, path)]


def test_a_link_to_nothing_is_found():
    assert not exists("test_nothing", ROOT / "tests/service/test_security.py")
    assert not exists("P2P_NOTHING", SETTINGS) and not exists("networkPolicy.nothing", VALUES)


def test_both_languages_have_the_same_threats():
    assert threats("threat-model.md") == threats("threat-model.ru.md")
    assert len(threats("threat-model.md")) == 17
