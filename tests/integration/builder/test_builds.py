# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real builds of a small C project: what passes, what fails, whose fault it is."""

import asyncio
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.builder.conftest import Bench
from kci_shared.models import ErrorCode, Result
from kci_shared.work import BadJob, CannotRun, NotConfigured, RunOutcome

pytestmark = pytest.mark.integration


def log_of(outcome: RunOutcome) -> str:
    return outcome.files["build_log"].read_text()


async def test_a_kernel_is_built_with_all_its_artifacts(bench: Bench) -> None:
    fragments = {"one": "CONFIG_DEBUG=y\n", "two": "CONFIG_SERIAL=y\nCONFIG_NEW=y\n"}
    outcome = await bench.run(fragments=fragments)
    assert (outcome.result, outcome.error_msg) == (Result.PASS, None), log_of(outcome)
    names = {name: path.name for name, path in outcome.files.items()}
    assert names == {
        "kernel": "bzImage",
        "_config": "config",
        "system_map": "System.map",
        "modules": "modules.tar.gz",
        "metadata": "metadata.json",
        "build_log": "build.log",
    }
    assert outcome.needed == {"kernel", "_config", "system_map", "modules"}
    config = outcome.files["_config"].read_text()
    assert "CONFIG_DEBUG=y\nCONFIG_SERIAL=y\n" in config
    assert outcome.data["config_missing"] == ["CONFIG_NEW=y"]
    assert outcome.data["kernel_release"] == "6.1.0"
    assert "gcc" in outcome.data["compiler_version"]
    assert "not in the final configuration: CONFIG_NEW=y" in log_of(outcome)
    with tarfile.open(outcome.files["modules"]) as archive:
        assert "modules/lib/modules/6.1.0/hello.ko" in archive.getnames()
    metadata = json.loads(outcome.files["metadata"].read_text())
    assert metadata["artifacts"]["kernel"]["sha256"]
    assert metadata["seconds"].keys() == {"unpack", "config", "build", "modules"}


async def test_a_broken_kernel_fails_with_its_first_error(bench: Bench) -> None:
    bench.sources.write("init/main.c", "int main(void)\n{\n\treturn 0\n}\n")
    outcome = await bench.run()
    assert (outcome.result, outcome.error_code) == (Result.FAIL, None)
    assert str(outcome.error_msg).startswith("init/main.c:3:17: error: expected")
    assert "_config" in outcome.files
    assert "init/version.o" in log_of(outcome)  # make went on with all else


async def test_a_missing_symbol_is_named_not_what_make_says_of_it(bench: Bench) -> None:
    error = 'ERROR: modpost: "missing" [drivers/hello.ko] undefined!'
    bench.make_does(f"@echo '{error}'; exit 1")
    outcome = await bench.run()
    assert (outcome.result, outcome.error_msg) == (Result.FAIL, error)


async def test_a_missing_defconfig_is_the_kernels_fault(
    bench: Bench,
) -> None:
    outcome = await bench.run(defconfig="multi_v9_defconfig")
    assert outcome.result is Result.FAIL
    assert "No rule to make target 'multi_v9_defconfig'" in str(outcome.error_msg)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("gcc: fatal error: Killed signal terminated program cc1", "Killed signal"),
        ("write error: No space left on device", "No space left on device"),
        ("/bin/sh: 1: flex: not found", "flex is not installed"),
        ("x.c:1:10: fatal error: libelf.h: No such file", "libelf.h is not installed"),
    ],
)
async def test_a_broken_builder_says_nothing_about_the_kernel(
    bench: Bench, says: str, reason: str
) -> None:
    bench.make_does(f"@echo '{says}'; exit 2")
    outcome = await bench.run()
    assert outcome.result is Result.INCOMPLETE
    assert outcome.error_code == ErrorCode.INFRASTRUCTURE
    assert reason in str(outcome.error_msg)


async def test_a_missing_compiler_or_tarball_is_the_builders_fault(
    bench: Bench,
) -> None:
    with pytest.raises(CannotRun, match="program gcc-7 is not installed"):
        await bench.run(compiler="gcc-7")
    with pytest.raises(BadJob, match="unknown 'sparc9'; use one of x86_64"):
        await bench.run(arch="sparc9")
    with pytest.raises(BadJob, match="not a name that ends in `config`"):
        await bench.run(defconfig="vmlinux")
    whole = bench.pack()
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    outcome = await bench.run(tarball=whole)
    assert outcome.error_code == ErrorCode.INFRASTRUCTURE
    assert "cannot be unpacked" in str(outcome.error_msg)


async def test_with_a_full_disk_nothing_is_claimed(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"min_free": 1 << 60})
    await bench.run()
    assert bench.builder is not None
    with pytest.raises(CannotRun, match=r"bytes of disk are free; KCI_MIN_FREE is"):
        await bench.builder.slots()


async def test_a_build_sees_no_token_and_nothing_of_the_builder(
    either_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = either_bench
    secret = bench.folder / "token"
    secret.write_text("the-token")
    monkeypatch.setenv("KCI_TOKEN", "the-token")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    bench.make_does(
        "@env | sort; tr '\\0' '\\n' </proc/self/environ; "
        f"echo secret: $$(cat {secret}); "
        "echo others: $$(ls -d /proc/[0-9]* | wc -l); "
        "echo routes: $$(tail -n +2 /proc/net/route | wc -l)"
    )
    outcome = await bench.run()
    log = log_of(outcome)
    names = {line.split("=")[0] for line in log.splitlines() if "=" in line}
    environment = {name for name in names if name.isupper()}
    assert "PATH" in environment
    assert not {name for name in environment if name.startswith(("KCI", "AWS"))}
    if bench.is_isolated:
        assert "the-token" not in log
        assert "secret: \n" in log.replace("secret:\n", "secret: \n")
        assert int(log.split("others: ")[1].split()[0]) < 12
        assert "routes: 0" in log
    else:
        assert log.count("the-token") == 1  # the file, which it may read


async def test_a_link_to_a_file_outside_does_not_become_an_artifact(
    bench: Bench,
) -> None:
    secret = bench.folder / "token"
    secret.write_text("the-token")
    bench.make_does(
        f"@mkdir -p $(O)/arch/x86/boot; ln -sf {secret} $(O)/arch/x86/boot/bzImage; "
        f"ln -sf {secret} $(O)/System.map; ln -sf {secret} $(O)/.config"
    )
    outcome = await bench.run(targets=["kernel"])
    kept = b"".join(path.read_bytes() for path in outcome.files.values())
    assert b"the-token" not in kept
    if bench.is_isolated:  # else the linker has written to where its link leads
        assert secret.read_text() == "the-token"


async def test_a_build_over_its_time_is_killed_with_all_that_it_started(
    either_bench: Bench,
) -> None:
    bench = either_bench
    mark = f"{os.getpid()}.{int(bench.is_isolated)}"
    bench.make_does(f"@echo begun; (sleep 99{mark} & sleep 99{mark}); sleep 99{mark}")
    outcome = await bench.run(timeout=2)
    assert outcome.error_code == ErrorCode.NODE_TIMEOUT
    assert "begun" in log_of(outcome)
    assert "the build was stopped: over 2 s" in log_of(outcome)
    assert sleeping(f"99{mark}") == []


async def test_a_cancelled_build_is_gone_at_once(bench: Bench) -> None:
    mark = f"88{os.getpid()}"
    bench.make_does(f"@sleep {mark}")
    running = asyncio.create_task(bench.run())
    await until(lambda: sleeping(mark) != [])
    assert bench.builder is not None
    assert await bench.builder.slots() == {"build": 0}
    await bench.builder.cancel("kbuild-65f000000000000000000001")
    outcome = await running
    assert outcome.error_code == ErrorCode.CANCELED
    assert sleeping(mark) == []


async def test_patches_are_not_built_without_a_sandbox(bench: Bench) -> None:
    bench.is_isolated = False
    with pytest.raises(NotConfigured, match="in a sandbox only"):
        await bench.run(patchset="f" * 64)


async def test_patches_are_built_in_a_sandbox(isolated_bench: Bench) -> None:
    outcome = await isolated_bench.run(patchset="f" * 64)
    assert outcome.result is Result.PASS, log_of(outcome)


async def test_the_error_is_found_even_if_the_log_was_cut_before_it(
    bench: Bench,
) -> None:
    bench.settings = bench.settings.model_copy(update={"max_log": 100_000})
    bench.make_does("@yes | head -c 3000000; echo 'a.c:1:1: error: no'; exit 1")
    outcome = await bench.run()
    assert outcome.error_msg == "a.c:1:1: error: no"
    assert outcome.files["build_log"].stat().st_size < 200_000


def sleeping(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"sleep" and mark.encode() in words:
            found.append(str(path))
    return found


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.05)
