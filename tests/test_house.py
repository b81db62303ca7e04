# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of the project as a whole: its packages, its lists, its compose file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kci_local.lists import FILES, LISTS, MARKED, outdated
from kci_local.services import SERVICES, Service
from kci_measure.circles import circles
from kci_measure.sources import Project

PROJECT = Path(__file__).parents[1]


def test_no_file_or_package_imports_itself_by_way_of_others() -> None:
    assert circles(Project(PROJECT).packages) == []


def test_each_folder_of_a_service_is_in_the_list_of_services() -> None:
    folders = {path.parent.name for path in PROJECT.glob("services/*/pyproject.toml")}
    assert folders == {service.name for service in SERVICES}


def test_the_other_lists_of_services_are_made_from_it() -> None:
    assert list(outdated(PROJECT)) == [], "run `make lists`"


def test_each_list_has_a_place() -> None:
    texts = [(PROJECT / name).read_text() for name in FILES]
    places = [marked["name"] for text in texts for marked in MARKED.finditer(text)]
    assert set(places) == set(LISTS)


@pytest.fixture(scope="module")
def compose() -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    services: dict[str, dict[str, Any]] = loaded["services"]
    return services


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: str(service.name))
def test_compose_runs_each_service_with_its_profile(
    service: Service, compose: dict[str, dict[str, Any]]
) -> None:
    part = compose[service.name]
    assert part["build"]["args"]["SERVICE"] == service.name
    assert part["image"] == f"kci-{service.name}"
    assert part.get("profiles") == ([service.profile] if service.profile else None)
    secrets = {
        "type": "volume",
        "source": "secrets",
        "target": "/secrets",
        "read_only": True,
        "volume": {"subpath": service.name},
    }
    assert (secrets in part.get("volumes", [])) == service.token


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: str(service.name))
def test_each_service_is_laid_out_alike(service: Service) -> None:
    folder = PROJECT / "services" / service.name
    package = folder / "src" / service.package
    for path in (folder / "README.md", package / "__main__.py", package / "py.typed"):
        assert path.exists(), path
    assert service.settings().__module__ == f"{service.package}.settings"
