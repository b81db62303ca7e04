# SPDX-License-Identifier: LGPL-2.1-or-later
"""Show why a test runs on a branch or does not: every rule, with its result."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from kci_config.outlook import Judged, Outlook
from kci_shared.config import CHECKOUT, Ruling

SHOWN = 4
"""How many places with the same result are listed."""


def show_test(
    outlook: Outlook, test: str, platform: str | None, console: Console
) -> None:
    """Show the result of each rule for a test, everywhere or on one platform."""
    alike: dict[tuple[str, tuple[Ruling, ...]], list[Judged]] = {}
    for judged in outlook.judge(test):
        if platform in (None, judged.place.platform):
            build = judged.build.name if judged.build else CHECKOUT
            alike.setdefault((build, judged.rulings), []).append(judged)
    console.print(f"[bold]{test}[/]")
    # places where it runs come first, then those that few rules exclude
    for (build, results), places in sorted(
        alike.items(), key=lambda one: sum(not v.holds for v in one[0][1])
    ):
        console.print(f"  {_mark(places[0].runs)} {build}: {_named(places)}")
        for ruling in results:
            why = escape(ruling.why)
            console.print(f"      {_mark(ruling.holds)} {ruling.rule}: {why}")
    if not alike:
        console.print("  [red]no[/]  no lab has a platform")


def show_all(outlook: Outlook, platform: str | None, console: Console) -> None:
    """Show for each test where it runs, or which rules exclude it everywhere."""
    for test in outlook.config.tests:
        judged = [
            one for one in outlook.judge(test) if platform in (None, one.place.platform)
        ]
        if runs := [one for one in judged if one.runs]:
            console.print(f"{_mark(True)} [bold]{test}[/]: {_named(runs)}")
            continue
        against = _common([one.rulings for one in judged])
        reason = "; ".join(f"{v.rule}: {v.why}" for v in against)
        why = escape(reason) or "excluded everywhere; name the test to see why"
        console.print(f"{_mark(False)} [bold]{test}[/]: {why}")


def _common(results: list[tuple[Ruling, ...]]) -> list[Ruling]:
    """Return the rules that exclude a test everywhere."""
    if not results:
        return [Ruling("labs", False, "no lab has a platform")]
    return [
        ruling
        for ruling in results[0]
        if not ruling.holds and all(ruling in other for other in results)
    ]


def _named(judged: Iterable[Judged]) -> str:
    places = sorted({f"{one.place.platform} in {one.place.lab}" for one in judged})
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return f"{', '.join(places[:SHOWN])}{more}"


def _mark(holds: bool) -> str:
    return "[green]yes[/]" if holds else "[red]no[/] "
