# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lists of services in other files, generated from one list: ``make lists``.

A list stands between two comments, `list NAME: …` and `end of list`.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from kci_local.services import Service, read_services

FILES = (
    ".importlinter",
    "README.md",
    "compose.yaml",
    "docs/architecture.md",
    "pyproject.toml",
)
MARKED = re.compile(
    r"(?P<head>^ *(?:#|;|<!--) list (?P<name>[a-z-]+): .*\n)"
    r"(?P<body>(?:.*\n)*?)"
    r"(?P<tail>^ *(?:#|;|<!--) end of list)",
    re.MULTILINE,
)
LINE = 88


class House:
    """The project: its services, packages and folders of tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        local = folder / "tools" / "local" / "src" / "kci_local"
        self.services = read_services(local / "services.toml")

    @property
    def packages(self) -> list[str]:
        """The names of all packages, those of services in the order of the list."""
        settings = tomllib.loads((self.folder / "pyproject.toml").read_text())
        members: list[str] = settings["tool"]["uv"]["workspace"]["members"]
        found = sorted(
            path.parent.name
            for member in members
            for path in self.folder.glob(f"{member}/src/*/__init__.py")
        )
        services = [service.package for service in self.services]
        return [*services, *(name for name in found if name not in services)]

    @property
    def test_folders(self) -> list[str]:
        """The folders whose modules tests import by name."""
        folders = [
            *self.folder.glob("shared/tests"),
            *self.folder.glob("services/*/tests"),
            *self.folder.glob("tools/*/tests"),
            *self.folder.glob("tests/fakes/tests"),
        ]
        return ["tests", *sorted(str(one.relative_to(self.folder)) for one in folders)]


def outdated(folder: Path) -> dict[Path, str]:
    """Return the files with outdated lists, and the text that each should have."""
    house = House(folder)
    files = {folder / name: (folder / name).read_text() for name in FILES}
    current = {path: _with_lists(text, house) for path, text in files.items()}
    return {path: text for path, text in current.items() if text != files[path]}


def _with_lists(text: str, house: House) -> str:
    def replace(marked: re.Match[str]) -> str:
        indent = re.match(r" *", marked["head"])
        lines = LISTS[marked["name"]](house)
        prefix = indent[0] if indent else ""
        body = "".join(f"{prefix}{line}\n" if line else "\n" for line in lines)
        return f"{marked['head']}{body}{marked['tail']}"

    return MARKED.sub(replace, text)


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}",' for name in names]


def _outside(house: House) -> list[str]:
    """List the packages that may import neither Redis nor FastAPI themselves."""
    inside = {"kci_shared", "kci_fakes", "kci_local", "kci_demo", "kci_measure"}
    inside |= {one.package for one in house.services if one.serves_http}
    return [name for name in house.packages if name not in inside]


def _without(house: House, *names: str) -> list[str]:
    return [name for name in house.packages if name not in names]


def _links(house: House) -> list[str]:
    links = [f"[{one.name}](services/{one.name}/README.md)" for one in house.services]
    return [*(f"{link}," for link in links[:-1]), f"{links[-1]}."]


def _picture(house: House) -> list[str]:
    """Draw the picture, from the settings of each service."""
    arrows = [
        *(arrow for one in house.services for arrow in one.outside),
        *(f"redis -. events .-> {name}" for name in _with_setting(house, "redis_url")),
        *(
            f"{one.name} {f'-- {one.sends} ' if one.sends else ''}--> api"
            for one in house.services
            if "api_url" in one.settings().model_fields
        ),
        *(f"{name} --> storage" for name in _with_setting(house, "storage_url")),
    ]
    return ["```mermaid", "flowchart LR", *(f"  {line}" for line in arrows), "```"]


def _with_setting(house: House, setting: str) -> list[str]:
    return [
        one.name
        for one in house.services
        if one.name != "api" and setting in one.settings().model_fields
    ]


def _tokens(house: House) -> list[str]:
    """Return a line of shell for each token; operators may rename a lab."""
    return [
        " ".join(["token", one.name, *(f"--scope {scope}" for scope in _scopes(one))])
        for one in house.services
        if one.token
    ]


def _scopes(service: Service) -> list[str]:
    if service.runtime is None:
        return service.scopes
    variable = f"KCI_{service.name.removesuffix('-bridge').upper()}_RUNTIME"
    return [*service.scopes, f"runtime:${{{variable}:-{service.runtime}}}"]


def _containers(house: House) -> list[str]:
    plain = [one for one in house.services if not one.own_compose]
    return [line for one in plain for line in ("", *_container(one))][1:]


def _container(service: Service) -> list[str]:
    """Return the part of compose.yaml of a service that needs only a token."""
    name = service.name
    secret = f"source: secrets, target: /secrets, read_only: true, {_subpath(name)}"
    profile = [f"  profiles: [{service.profile}]"] if service.profile else []
    return [
        f"{name}:",
        "  <<: *service",
        *profile,
        f"  build: {{context: ., args: {{SERVICE: {name}}}}}",
        f"  image: kci-{name}",
        "  environment: {<<: *settings, KCI_TOKEN_FILE: /secrets/token}",
        "  volumes:",
        f"    - {{type: volume, {secret}}}",
    ]


def _subpath(name: str) -> str:
    return f"volume: {{subpath: {name}}}"


LISTS: dict[str, Callable[[House], list[str]]] = {
    "packages": lambda house: house.packages,
    "quoted-packages": lambda house: _quoted(house.packages),
    "services": lambda house: [one.package for one in house.services],
    "all-but-shared": lambda house: _without(house, "kci_shared"),
    "all-but-api": lambda house: _without(house, "kci_shared", "kci_api"),
    "outside": _outside,
    "test-folders": lambda house: _quoted(house.test_folders),
    "links": _links,
    "picture": _picture,
    "tokens": _tokens,
    "containers": _containers,
}


def main() -> None:
    """Bring every list up to date, in the folder where this is run."""
    for path, text in outdated(Path.cwd()).items():
        path.write_text(text)


if __name__ == "__main__":
    main()
