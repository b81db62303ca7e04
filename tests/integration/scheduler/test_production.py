# SPDX-License-Identifier: LGPL-2.1-or-later
"""A configuration of KernelCI's size: imported whole, planned right."""

from collections import Counter
from pathlib import Path

import pytest

from kci_config.compare import all_lines
from kci_config.upstream import Report, Upstream, translate, write
from kci_fakes import production
from kci_shared.config import Placements, load

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder, report = tmp_path_factory.mktemp("config"), Report()
    production.write(folder / "theirs")
    upstream = Upstream.read(folder / "theirs", report)
    write(translate(upstream, report), folder / "ours")
    return folder / "ours", report


def test_every_pair_but_those_of_the_undefined_runtime_comes_over(
    imported: tuple[Path, Report],
) -> None:
    folder, report = imported
    assert report.pairs == 1659
    assert report.pairs_lost == {f"runtime '{production.LOST}' is not defined": 298}
    config = load(folder)
    made = Counter(
        # a test of its own for each build that a job follows
        (place.test.partition("--")[0], place.lab, place.platform)
        for test in config.tests
        for place in Placements(config).of(test)
    )
    made.update((name, build.run, "") for name, build in config.builds.items())
    asked = Counter(
        (entry["job"], entry["runtime"].get("name", "shell"), platform)
        for entry in production.Production().entries
        for platform in entry.get("platforms", [""])
        if entry["runtime"].get("name") != production.LOST
    )
    shell = ("test-255", "shell", "shell")
    asked[shell] = asked.pop((shell[0], "shell", ""))
    assert made == asked


def test_it_comes_over_in_its_full_size(imported: tuple[Path, Report]) -> None:
    config = load(imported[0])
    assert len(config.platforms) == 135
    assert sum(len(tree.branches) for tree in config.trees.values()) == 126


def test_the_main_build_brings_144_jobs_on_one_tree_and_31_more_on_others(
    imported: tuple[Path, Report],
) -> None:
    config = load(imported[0])
    [main] = config.builds[production.MAIN].matrix(production.MAIN)
    jobs = Counter(
        branch
        for line, branches in all_lines(config).items()
        if line.below == main.name
        for branch in branches
    )
    assert jobs["tree-00/for-0"] == 144
    assert jobs["tree-01/for-1"] == 144 + 31
