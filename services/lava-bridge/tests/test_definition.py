# SPDX-License-Identifier: LGPL-2.1-or-later
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lava_bridge_fakes import a_lab, a_node

from kci_lava_bridge.definition import Callback, Order, build, dump
from kci_lava_bridge.lab_file import Device, Lab
from kci_lava_bridge.steps import FOLDER, run_steps
from kci_shared.models import Definition, TestStep
from kci_shared.rules.artifacts import IMAGES as IMAGES_OF_A_BUILD
from kci_shared.work import BadJob

PYTHON = "/usr/bin/python3"
VALIDATE = """
import json, sys
from lava_common.schemas import validate
for job in json.load(sys.stdin):
    validate(job, strict=True)
"""
SHA = "a" * 64
KERNEL, RAMDISK = f"http://s/{SHA}/Image.gz", "http://s/rootfs.cpio.gz"
IMAGES = {"kernel": KERNEL, "ramdisk": RAMDISK}
UNAME = TestStep(id="uname", run="uname -r")
NASTY = "x: {y}\n- '\"%`$(id)`${HOME}\\ \u2028 #\t&*!|>"


def device(boot: str = "qemu", **more: Any) -> Device:
    arguments = {"arguments": "console=ttyS0,115200 earlycon"}
    if boot == "fastboot":
        more.setdefault("docker", {"image": "adb", "steps": ["mkbootimg"]})
    return Device.model_validate({"type": "t", "boot": boot, **arguments, **more})


def order(*tests: TestStep, **artifacts: str) -> Order:
    wanted = Definition(artifacts=artifacts or IMAGES, tests=list(tests), timeout=900)
    callback = Callback("https://b/callback/lab-x/1", "secret")
    return Order(a_node(), wanted, queue_s=3600, callback=callback)


def every_kind(lab: Lab) -> list[dict[str, Any]]:
    nfs = {"kernel": KERNEL, "nfsroot": "http://s/r.tar.xz", "dtb": "http://s/x.dtb"}
    boots = ["qemu", "u-boot", "grub", "ipxe", "depthcharge", "fastboot"]
    return [
        *(build(lab, device(boot), order(UNAME)) for boot in boots),
        *(build(lab, device(boot), order()) for boot in boots),
        build(lab, device("u-boot", kernel_type="zimage"), order(UNAME, **nfs)),
        build(lab, device("fastboot"), order(boot="http://s/boot.img")),
        build(lab, device(tags=["tcg"], roles={"a": 1, "b": 2}), order(UNAME)),
        build(lab, device(login={"user": "u", "password": "p"}), order()),
        build(lab, device(login=None, context={"arch": "x86_64"}), order()),
    ]


def test_every_kind_of_job_is_valid_by_lavas_own_schema(tmp_path: Path) -> None:
    found = subprocess.run([PYTHON, "-c", "import lava_common"], capture_output=True)
    if found.returncode:
        pytest.skip("needs Debian's package lava-common")
    jobs = [yaml.safe_load(dump(job)) for job in every_kind(a_lab(tmp_path))]
    said = json.dumps(jobs)
    done = subprocess.run(
        [PYTHON, "-c", VALIDATE], input=said, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_qemu_job_says_all_that_lava_must_know(tmp_path: Path) -> None:
    job = build(a_lab(tmp_path), device(context={"arch": "x86_64"}), order(UNAME))
    assert job["job_name"].startswith(a_node().id)
    assert job["metadata"] == {"node_id": a_node().id, "runtime": "lab-x"}
    assert job["timeouts"]["queue"] == {"seconds": 3600}
    assert job["context"] == {"arch": "x86_64"}
    kernel = job["actions"][0]["deploy"]["images"]["kernel"]
    assert kernel == {
        "url": KERNEL,
        "compression": "gz",
        "sha256sum": SHA,
        "image_arg": '-kernel {kernel} -append "console=ttyS0,115200 earlycon"',
    }
    assert job["notify"]["callback"]["token"] == "secret"
    assert job["notify"]["callback"]["dataset"] == "minimal"


def test_a_board_gets_its_kernel_arguments_by_its_own_template(tmp_path: Path) -> None:
    job = build(a_lab(tmp_path), device("u-boot"), order())
    assert job["context"]["extra_kernel_args"] == "console=ttyS0,115200 earlycon"
    assert job["actions"][1]["boot"]["commands"] == "ramdisk"


@pytest.mark.parametrize(
    ("priority", "expected"), [(None, 10), (0, 10), (50, 30), (100, 50), (900, 50)]
)
def test_a_priority_is_brought_into_the_labs_band(
    tmp_path: Path, priority: int | None, expected: int
) -> None:
    band = a_lab(tmp_path, priority={"lowest": 10, "highest": 50})
    wanted = Order(a_node(priority=priority), Definition(artifacts=IMAGES), queue_s=1)
    assert build(band, device(), wanted)["priority"] == expected


@pytest.mark.parametrize(
    ("boot", "artifacts", "said"),
    [
        ("qemu", {"ramdisk": RAMDISK}, "add a kernel"),
        ("qemu", {"kernel": KERNEL}, "add a ramdisk for the tests"),
        ("qemu", {**IMAGES, "dtb": "http://s/d"}, "cannot use dtb: remove it"),
        ("qemu", {**IMAGES, "cake": "http://s/d"}, "cannot use cake: remove it"),
        ("u-boot", {"kernel": KERNEL}, "add a ramdisk or an nfsroot"),
        ("grub", {**IMAGES, "boot": "http://s/b"}, "for fastboot only: remove it"),
    ],
)
def test_a_job_that_no_device_could_run_is_named(
    tmp_path: Path, boot: str, artifacts: dict[str, str], said: str
) -> None:
    with pytest.raises(BadJob, match=said):
        build(a_lab(tmp_path), device(boot), order(UNAME, **artifacts))


@pytest.mark.parametrize("boot", ["qemu", "u-boot", "grub", "ipxe", "depthcharge"])
@pytest.mark.parametrize("rootfs", ["ramdisk", "nfsroot"])
def test_the_scheduler_may_pass_on_each_image_of_a_build(
    tmp_path: Path, boot: str, rootfs: str
) -> None:
    names = set(IMAGES_OF_A_BUILD) - {"ramdisk", "nfsroot"} | {rootfs}
    if boot == "qemu":
        names -= {"dtb"}  # a device tree for one board is no part of a build
    artifacts = {name: f"http://s/{name}" for name in names}
    if (boot, rootfs) == ("qemu", "nfsroot"):
        with pytest.raises(BadJob, match="QEMU cannot use nfsrootfs"):
            build(a_lab(tmp_path), device(boot), order(**artifacts))
        return
    job = build(a_lab(tmp_path), device(boot), order(**artifacts))
    deploy = job["actions"][0]["deploy"]
    files = deploy["images"] if boot == "qemu" else deploy
    lava_name = {"ramdisk": "ramdisk", "nfsroot": "nfsrootfs"}[rootfs]
    assert files[lava_name]["url"] == f"http://s/{rootfs}"
    assert not {"dtbs", "kselftest", "nfsroot"} & set(files)
    if rootfs == "nfsroot":
        assert job["actions"][1]["boot"]["commands"] == "nfs"


def test_the_labs_own_words_are_laid_over_ours(tmp_path: Path) -> None:
    own = device(
        "u-boot",
        actions={"boot": {"commands": "usb", "failure_retry": 3, "auto_login": None}},
        job={"timeouts": {"connection": {"minutes": 5}}, "secrets": {"A": "b"}},
    )
    job = build(a_lab(tmp_path), own, order())
    assert job["actions"][1]["boot"]["commands"] == "usb"
    assert job["actions"][1]["boot"]["failure_retry"] == 3
    assert "auto_login" not in job["actions"][1]["boot"]
    assert job["timeouts"]["connection"] == {"minutes": 5}
    assert job["timeouts"]["job"] == {"seconds": 900}
    assert job["secrets"] == {"A": "b"}


@settings(max_examples=40)
@given(text=st.text(max_size=60))
def test_no_value_can_be_more_than_one(text: str) -> None:
    text = text.replace("\0", "") + NASTY
    step = TestStep(id="s", run=text)
    job = {"actions": run_steps([step]), "job_name": text}
    assert yaml.safe_load(dump(job)) == job


def as_lava_writes(line: str) -> str:
    """Change a line as LAVA's dispatcher does (actions/deploy/testdef.py)."""
    if "--cmd" in line or "--shell" in line:
        line = re.sub(r"\$(\d+)\b", r"\\$\1", line)
    return line


def run_by_a_shell(folder: Path, *steps: TestStep) -> list[str]:
    """Run the lines as LAVA's script does, with its `lava-test-case` in our hands."""
    helper = folder / "lava-test-case"
    helper.write_text('#!/bin/sh\nname=$1; shift 2; $*\necho "$name $?"\n')
    helper.chmod(0o755)
    lines = [as_lava_writes(line) for line in run_steps(list(steps))]
    script = "\n".join(lines).replace(FOLDER, str(folder / "kci"))
    done = subprocess.run(
        ["sh", "-e"], input=script, env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_commands_run_as_they_stand_whatever_is_in_them(tmp_path: Path) -> None:
    assert run_by_a_shell(
        tmp_path,
        TestStep(id="quotes", run="""echo "a  'b'" '$(id)' | cat"""),
        TestStep(id="lines", run="x=1\nif [ $x = 1 ]; then\necho KCI_END\nfi"),
        TestStep(id="reads", run="cat; echo done"),
        TestStep(id="leaves", run="exit 3"),
        TestStep(id="hangs", run="sleep 9", timeout=1),
        TestStep(id="limit", run="echo mine"),
        TestStep(id="own", run="set a; echo --shell --cmd $1 '$1'"),
        TestStep(id="after", run="true"),
    ) == [
        "a  'b' $(id)", "quotes 0",
        "KCI_END", "lines 0",
        "done", "reads 0",
        "leaves 3",
        "kci: over 1 s", "hangs 124",
        "mine", "limit 0",
        "--shell --cmd a $1", "own 0",
        "after 0",
    ]  # fmt: skip


def test_a_nul_in_a_command_is_named() -> None:
    with pytest.raises(BadJob, match="NUL"):
        run_steps([TestStep(id="s", run="a\0b")])


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"arguments": 'a" ; reboot'}, "pattern"),
        ({"boot": "magic"}, "qemu"),
        ({"boot": "fastboot"}, "add `docker"),
        ({"type": "a b"}, "pattern"),
    ],
)
def test_a_device_that_makes_no_sense_is_refused(
    told: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Device.model_validate({"type": "t", "boot": "qemu", **told})
