# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each rail sees what it is there for: break it on purpose, and look."""

import pytest

from rails.conftest import House

pytestmark = pytest.mark.timeout(600)

KEYS = "shared/src/kci_shared/rules/keys.py"


@pytest.mark.parametrize(
    ("module", "forbidden", "contract"),
    [
        ("services/log-parser/src/kci_log_parser/rules.py", "kci_api.app", "Services"),
        (
            "services/email-reporter/src/kci_email_reporter/mail.py",
            "redis",
            "A service",
        ),
        ("services/trigger/src/kci_trigger/rules.py", "pymongo", "Only the API"),
        ("services/api/src/kci_api/nodes/rules.py", "kci_api.nodes.routes", "API"),
        ("shared/src/kci_shared/text.py", "kci_shared.client", "Layers"),
        ("tools/local/src/kci_local/ports.py", "kci_trigger.rules", "run by hand"),
    ],
)
def test_a_forbidden_import_breaks_a_contract(
    house: House, module: str, forbidden: str, contract: str
) -> None:
    house.append(module, f"\nimport {forbidden}\n")
    ran = house.run("make", "layers")
    assert ran.status != 0
    broken = [line for line in ran.output.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), ran.output


def test_a_new_part_of_the_api_or_of_what_is_shared_needs_a_layer(
    house: House,
) -> None:
    house.write("shared/src/kci_shared/extra.py", '"""Something."""\n')
    house.write("services/api/src/kci_api/extra.py", '"""Something."""\n')
    ran = house.run("make", "layers")
    assert ran.status != 0
    assert "- kci_shared.extra" in ran.output
    assert "- kci_api.extra" in ran.output


def test_a_circle_of_imports_is_seen(house: House) -> None:
    house.append(KEYS, "\nfrom kci_shared.rules import attempts\n")
    attempts = "shared/src/kci_shared/rules/attempts.py"
    house.append(attempts, "\nfrom kci_shared.rules import keys\n")
    ran = house.run(house.tool("kci-measure"), "--all")
    assert "kci_shared.rules.keys → kci_shared.rules.attempts" in ran.output


def test_a_service_that_is_missing_from_the_list_is_seen(house: House) -> None:
    house.write("services/ghost/pyproject.toml", '[project]\nname = "kci-ghost"\n')
    ran = house.run(house.tool("pytest"), "-q", "tests/test_house.py")
    assert ran.status != 0
    assert "ghost" in ran.output


@pytest.mark.parametrize(
    "name", [".importlinter", "README.md", "docs/architecture.md", "pyproject.toml"]
)
def test_a_service_that_is_missing_from_another_list_is_seen(
    house: House, name: str
) -> None:
    path = house.folder / name
    lines = path.read_text().splitlines(keepends=True)
    spellings = ("log-parser", "log_parser")
    kept = [line for line in lines if not any(one in line for one in spellings)]
    path.write_text("".join(kept))
    ran = house.run(house.tool("pytest"), "-q", "tests/test_house.py")
    assert "run `make lists`" in ran.output


def test_a_service_that_compose_does_not_run_is_seen(house: House) -> None:
    house.replace("compose.yaml", "\n  scheduler:\n", "\n  scheduling:\n")
    ran = house.run(house.tool("pytest"), "-q", "tests/test_house.py")
    assert "KeyError: 'scheduler'" in ran.output


@pytest.mark.parametrize(
    ("module", "member", "after"),
    [
        ("words", 'CRASH = "crash"', '    INCOMPLETE = "incomplete"\n'),
        ("words", 'ISSUE = "issue"', '    REGRESSION = "regression"\n'),
        ("words", 'PAUSED = "paused"', '    DONE = "done"\n'),
        ("words", 'LOST = "lost"', '    CANCELED = "Canceled"\n'),
        ("words", 'NOTICE = "notice"', '    WARNING = "warning"\n'),
        ("regressions", 'MUTED = "muted"', '    WITHDRAWN = "withdrawn"\n'),
    ],
    ids=["Result", "Kind", "State", "ErrorCode", "Severity", "Status"],
)
def test_a_new_member_of_a_closed_vocabulary_is_seen(
    house: House, module: str, member: str, after: str
) -> None:
    path = f"shared/src/kci_shared/models/{module}.py"
    house.replace(path, after, f"{after}    {member}\n")
    tables = house.run(house.tool("pytest"), "-q", "tests/test_closed_words.py")
    types = house.run(house.tool("mypy"))
    assert tables.status or types.status
    assert "tests/test_closed_words.py" in tables.output or "exhaustive" in types.output


def test_a_node_field_that_only_the_api_answers_is_seen(house: House) -> None:
    house.replace(
        "shared/src/kci_shared/models/nodes.py",
        "    retry_counter: int = 0\n",
        "    retry_counter: int = 0\n    colour: str | None = None\n",
    )
    ran = house.run(house.tool("pytest"), "-q", "services/api/tests")
    assert ran.status != 0
    assert "colour" in ran.output


def test_an_untyped_test_is_seen(house: House) -> None:
    house.append(
        "services/storage/tests/test_rules.py",
        "\n\ndef test_something(world) -> None:\n    assert world\n",
    )
    ran = house.run("make", "types")
    assert ran.status != 0
    assert "services/storage/tests/test_rules.py" in ran.output


def test_a_bare_any_in_a_test_is_seen(house: House) -> None:
    house.append(
        "services/storage/tests/test_rules.py",
        "\n\ndef test_something(world: Any) -> None:\n    assert world\n",
    )
    ran = house.run(house.tool("kci-measure"), "--all")
    assert ran.status != 0
    assert "test_something: world" in ran.output


def test_a_rule_that_is_not_tested_is_seen(house: House) -> None:
    branches = "".join(
        f"    if number == {n}:\n        return {n * n}\n" for n in range(20)
    )
    house.append(KEYS, f"\n\ndef square(number: int) -> int:\n{branches}    return 0\n")
    ran = house.run("make", "unit", "UNIT=shared/tests/rules")
    assert ran.status != 0
    assert f"% {KEYS}" in ran.output


def test_a_function_with_too_many_paths_is_seen(house: House) -> None:
    branches = "".join(f"    if number == {n}:\n        return\n" for n in range(13))
    house.append(KEYS, f"\n\ndef tangle(number: int) -> None:\n{branches}")
    ran = house.run("make", "lint")
    assert ran.status != 0
    assert "C901" in ran.output


def test_lines_that_were_copied_are_counted(house: House) -> None:
    lines = "".join(f"VALUE_{n} = {n}\n" for n in range(6))
    modules = ("keys", "attempts", "artifacts", "verdicts")
    for name in modules:
        house.append(f"shared/src/kci_shared/rules/{name}.py", f"\n{lines}")
    ran = house.run(house.tool("kci-measure"), "--all")
    assert ran.status != 0
    assert "shared/src/kci_shared/rules/attempts.py" in ran.output
