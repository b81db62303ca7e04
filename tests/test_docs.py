# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documentation matches the code."""

import re
from pathlib import Path

import pytest

from kci_api import openapi
from kci_local.services import SERVICES, Service
from kci_local.settings_page import page

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = [
    *PROJECT.glob("*.md"),
    *DOCS.rglob("*.md"),
    *PROJECT.glob("services/*/README.md"),
    *PROJECT.glob("tools/*/README.md"),
]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


def test_the_settings_page_is_made_from_the_settings() -> None:
    assert (DOCS / "settings.md").read_text() == page(), "run `make settings-page`"


def test_the_description_of_the_api_is_made_from_the_api() -> None:
    assert (DOCS / "openapi.json").read_text() == openapi.text(), "run `make openapi`"


def test_each_call_of_the_api_is_described() -> None:
    for path, calls in openapi.document()["paths"].items():
        for call in calls.values():
            assert call["description"], path
            assert "4XX" in call["responses"]


def test_the_page_on_bridges_shows_the_example_that_is_tested() -> None:
    example = (DOCS / "examples" / "shell_bridge.py").read_text()
    assert f"```python\n{example}```" in (DOCS / "write-a-bridge.md").read_text()


@pytest.mark.parametrize("name", ["counter.py", "__main__.py"])
def test_the_page_on_services_shows_the_example_that_is_tested(name: str) -> None:
    example = DOCS / "examples" / "service" / "src" / "kci_example" / name
    page = (DOCS / "write-a-service.md").read_text()
    assert f"```python\n{example.read_text()}```" in page


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.name))
def test_every_link_leads_somewhere(path: Path) -> None:
    missing = [
        target
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: str(service.name))
def test_a_readme_names_each_setting_of_its_service(service: Service) -> None:
    readme = (PROJECT / "services" / service.name / "README.md").read_text()
    own = service.settings().__annotations__
    assert [n for n in own if f"KCI_{n.upper()}" not in readme] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for path in PAGES:
        named = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", path.read_text(), re.M))
        assert named <= targets, path
