# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draw builds, tests and their needs as a mermaid flowchart."""

from collections.abc import Iterator

from kci_shared.config import BUILD, CHECKOUT, Config, Need, Placements


def mermaid(config: Config) -> Iterator[str]:
    """Draw builds and tests; the arrow of a further need is dotted."""
    yield "flowchart LR"
    ids = {CHECKOUT: "c"}
    yield f"  c([{CHECKOUT}])"
    for number, (name, build) in enumerate(config.builds.items()):
        ids[BUILD + name] = f"b{number}"
        how_many = sum(1 for _ in build.matrix(name))
        many = f"<br>{how_many} builds" if how_many > 1 else ""
        yield f'  b{number}["{BUILD}{name}{many}"]'
        yield f"  c {'-. outside .->' if build.external else '-->'} b{number}"
    placements = Placements(config)
    for number, name in enumerate(config.tests):
        ids[name] = f"t{number}"
        places = len(placements.of(name))
        yield f'  t{number}("{name}<br>{places} place{"s" * (places != 1)}")'
    for name, test in config.tests.items():
        for need, state in test.needs.items():
            is_first = need == test.first_need
            yield f"  {ids[need]} {_arrow(state, is_first)} {ids[name]}"


def _arrow(state: Need, is_first: bool) -> str:
    if state is Need.PASS:
        return "-->" if is_first else "-.->"
    return f"-- {state} -->" if is_first else f"-. {state} .->"
