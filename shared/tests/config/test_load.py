# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reading a configuration, and what is message when it is wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kci_shared.config import Need, load, read
from kci_shared.errors import ConfigError

GOOD = """\
trees:
  demo: {url: 'https://git.example.org/demo.git', branches: {master: {}}}
builds:
  debian: {external: true, compiler: [gcc-12, gcc-13], arch: {x86_64: [cloud, big]}}
tests:
  boot: {needs: build/debian, on: {boot: any}, retry: {infra: 3}, timeout: 2m}
  smoke:
    needs: [boot]
    steps:
      - {id: uname, run: uname -a}
platforms:
  board: {arch: x86_64, boot: grub}
labs:
  lab: {type: labgrid, platforms: [board]}
"""

ANDROID = "trees: {android: {url: 'https://git.example.org/android.git'}}"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path

    return write


def problems_in(folder: Path) -> list[str]:
    """Every problem, without the folder's name."""
    config, problems = read(folder)
    assert (config is None) == bool(problems)
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]


def test_a_folder_of_files_is_one_configuration(write: Write) -> None:
    more = "tests:\n  login: {needs: {boot: done}}\nlabs:\n"
    folder = write(a=GOOD, b=more, c="# nothing yet\n")
    config = load(folder)
    assert list(config.tests) == ["boot", "smoke", "login"]
    assert config.tests["login"].needs == {"boot": Need.DONE}
    assert config.tests["boot"].timeout == 120


def test_builds_have_generated_names(write: Write) -> None:
    assert sorted(load(write(a=GOOD)).built) == [
        "build/gcc-12/x86_64/big",
        "build/gcc-12/x86_64/cloud",
        "build/gcc-13/x86_64/big",
        "build/gcc-13/x86_64/cloud",
    ]


def test_a_test_knows_all_that_it_hangs_below(write: Write) -> None:
    config = load(write(a=GOOD))
    assert config.line("smoke") == ["smoke", "boot", "build/debian"]
    assert config.followers == {"build/debian": ["boot"], "boot": ["smoke"]}


def test_on_is_a_word_and_not_a_truth_value(write: Write) -> None:
    assert load(write(a=GOOD)).tests["boot"].on == {"boot": ["any"]}


def test_the_demo_configuration_is_right() -> None:
    config = load(Path(__file__).parents[3] / "config")
    assert config.line("smoke") == ["smoke", "boot", "build/debian-cloud"]
    assert list(config.built) == ["build/gcc-12/x86_64/cloud"]


def test_the_examples_of_the_readme_are_one_right_configuration(write: Write) -> None:
    readme = (Path(__file__).parents[3] / "config" / "README.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    files = {f"example-{number}": text for number, text in enumerate(examples)}
    config = load(write(android=ANDROID, **files))
    steps = config.tests["ltp-syscalls"].commands
    assert [step.run for step in steps] == ["/opt/ltp/runltp -f syscalls"]
    assert "build/gcc-14/arm64/defconfig+kasan+CONFIG_KUNIT=y" in config.built


EXTENDING = """\
builds:
  base: {compiler: gcc-12, arch: {x86_64: tiny}, when: {tree: demo}, variables: {A: a}}
  next: {extends: base, compiler: [gcc-13], variables: {B: b}, when: {kernel: '>6.1'}}
  last: {extends: next, external: true}
"""


def test_an_entry_takes_what_it_does_not_say_from_its_base(write: Write) -> None:
    config = load(write(a=GOOD, b=EXTENDING))
    last = config.builds["last"]
    assert (last.compiler, last.arch) == (["gcc-13"], {"x86_64": ["tiny"]})
    assert last.variables == {"A": "a", "B": "b"}
    assert (last.when.tree, last.when.kernel) == (["demo"], ">6.1")
    assert not config.builds["next"].external


def test_bases_in_a_circle_are_a_mistake(write: Write) -> None:
    circle = "tests: {a: {extends: b}, b: {extends: c}, c: {extends: a}}\n"
    assert "extends itself; remove one of the bases" in problems_in(write(a=circle))[0]


def test_entries_that_make_the_same_share_it(write: Write) -> None:
    more = "builds: {b: {external: true, compiler: gcc-12, arch: {x86_64: big}}}\n"
    config = load(write(a=GOOD, b=more))
    shared = config.built["build/gcc-12/x86_64/big"]
    assert [built.entry for built in shared] == ["debian", "b"]


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        (6, "  boot: {need: build/debian}", "unknown key 'need'; did you mean 'needs'"),
        (6, "  boot: {on: {}}", "tests.boot has no 'needs'; add it"),
        (6, "  boot: {needs: build/debain}", "did you mean 'build/debian'?"),
        (6, "  boot: {needs: smoke}", "boot needs smoke needs boot: a cycle"),
        (6, "  boot: {needs: [a, a]}", "tests.boot.needs is wrong; 'a' is listed"),
        (6, "  boot: {needs: boot, timeout: 2}", "boot needs boot: a cycle"),
        (6, "  boot: {needs: x, timeout: 2x}", "'2x'; write a time as 90s"),
        (6, "  boot: {needs: build/debian, on: {bot: any}}", "did you mean 'boot'?"),
        (6, "  boot: {needs: build/debian, on: {boot: tftp}}", "matches no platform"),
        (6, "  bo/ot: {needs: build/debian}", "tests.bo/ot is wrong: 'bo/ot'"),
        (6, "  boot: {needs: x, when: {kernel: '>6'}}", "write a kernel range as"),
        (6, "  boot: {needs: x, when: {kernel: 6.7}}", "should be a valid string"),
        (
            6,
            "  boot: {needs: build/debian, when: {tree: ['!dmo']}}",
            "'!dmo' matches no tree; did you mean 'demo'?",
        ),
        (10, "      - {id: uname, rnu: x}", "did you mean 'run'?"),
        (14, "  lab: {type: x, platforms: [board]}", "should be 'labgrid', 'lava'"),
        (14, "  lab: {type: lava, platforms: [bord]}", "did you mean 'board'?"),
        (
            14,
            "  lab: {type: lava, platforms: [board], tests: [boots]}",
            "did you mean 'boot'?",
        ),
        (
            4,
            "  debian: {compiler: gcc, arch: {x: y}, fragments: [a]}",
            "fragment 'a'",
        ),
        (4, "  debian: {compiler: gcc, arch: {x: y}, run: lub}", "did you mean 'lab'?"),
        (4, "  debian: {extends: debain}", "did you mean 'debian'?"),
        (4, "  debian: {extends: debian}", "'debian' extends itself; remove one"),
        (6, "  boot: {needs: build/debian, template: x}", "unknown template 'x'"),
        (6, "  boot: {needs: build/debian, rootfs: x}", "unknown rootfs 'x'"),
        (6, "  boot: {needs: build/debian, run: lub}", "did you mean 'lab'?"),
        (
            6,
            "  boot: {needs: checkout, run: lab, on: {arch: any}}",
            "both `on` and",
        ),
        (6, "  boot: {needs: x, when: {fragments: a}}", "'a' matches no fragment"),
        (6, "  boot: {needs: x, kind: kbuild}", "tests.boot.kind is wrong: 'kbuild'"),
        (10, "      - {id: uname, run: 'x {{y}}'}", "unknown parameter 'y'"),
        (14, "  lab: {type: lava, platforms: {board: {test: x}}}", "mean 'tests'?"),
        (14, "  lab: {type: lava, platforms: {bord: }}", "did you mean 'board'?"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_remedy(
    write: Write, line: int, wrong: str, message: str
) -> None:
    lines = GOOD.splitlines()
    lines[line - 1] = wrong
    problems = [
        text for text in problems_in(write(a="\n".join(lines))) if message in text
    ]
    assert problems
    assert problems[0].startswith(f"a.yaml:{line}: ")


def test_when_there_is_nothing_to_suggest_that_is_said(write: Write) -> None:
    text = "tests: {a: {needs: b}, b: {needs: build/x, when: {tree: x}}}"
    remedies = [problem.rpartition("; ")[2] for problem in problems_in(write(a=text))]
    assert remedies == ["none are configured", "known: a, b, checkout"]


def test_an_unknown_section_is_a_mistake(write: Write) -> None:
    assert problems_in(write(a="plattforms: {}")) == [
        "a.yaml:1: the configuration has an unknown key 'plattforms'; "
        "did you mean 'platforms'?"
    ]


def test_a_name_stands_once_in_all_files(write: Write) -> None:
    folder = write(a=GOOD, b="tests:\n  boot: {needs: build/debian}\n")
    first = folder / "a.yaml"
    assert problems_in(folder) == [
        f"b.yaml:2: 'tests.boot' is already in {first}:6; rename or remove one of them"
    ]


def test_two_builds_of_one_name_are_the_same_build(write: Write) -> None:
    more = "builds:\n  b: {targets: [kernel], compiler: gcc-12, arch: {x86_64: big}}\n"
    assert problems_in(write(a=GOOD, b=more)) == [
        "b.yaml:2: 'debian' also makes 'build/gcc-12/x86_64/big', but differently; "
        "give them the same targets and variables"
    ]


def test_every_mistake_is_told_at_once(write: Write) -> None:
    text = GOOD.replace("needs: [boot]", "needs: [bot]").replace("[board]", "[bord]")
    assert len(problems_in(write(a=text))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tests: {a: &x {needs: b}, c: *x}", "a.yaml:1: an alias"),
        ("tests: {a: !!python/name:os.system x}", "a.yaml:1: a tag"),
        ("tests: {a: !mine x}", "a.yaml:1: a tag"),
        ("tests: {[a, b]: c}", "a.yaml:1: a key that is not a word"),
        ("tests:\n\tx: y", "a.yaml:2: not YAML"),
        ("tests: {a: " + "[" * 500 + "]" * 500 + "}", "a.yaml:1: nested too deep"),
        ("a: b\n---\nc: d", "a.yaml:2: not YAML"),
        ("- a", "a.yaml:1: not a mapping"),
        ("tests: [a]", "a.yaml:1: not a section"),
        ("\x00", "a.yaml:1: not YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(
    write: Write, text: str, message: str
) -> None:
    assert problems_in(write(a=text))[0].startswith(message)


def test_a_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    assert problems_in(tmp_path) == [
        f"{tmp_path}: no YAML file is here; name another folder"
    ]


def test_hidden_files_are_left_alone(write: Write) -> None:
    folder = write(a=GOOD)
    (folder / ".#a.yaml").write_text("what an editor left")
    assert problems_in(folder) == []


def test_loading_raises_all_mistakes_as_one_error(write: Write) -> None:
    folder = write(a="test: {}")
    with pytest.raises(ConfigError, match=r"a\.yaml:1: .*did you mean 'tests'"):
        load(folder)
