# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reading logs costs, beside tuxparse on the same files: `make bench-logs`."""

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "shared" / "data" / "logs"
CHUNK = 1 << 20
MAX_ROUNDS = 3
"""How often a log is read; the best time counts, as the machine is shared."""
PATIENCE = 120
"""After so many seconds a parser is stopped."""

BOOT = """\
U-Boot 2024.01 (Jan 01 2024 - 00:00:00 +0000)
Starting kernel ...
[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd034]
[    0.000000] Linux version 6.16.0 (builder@host) #1 SMP PREEMPT
"""
FAULT = """\
[   {t}] ------------[ cut here ]------------
[   {t}] WARNING: CPU: 1 PID: 12 at drivers/base/{f}.c:{n} {f}_probe+0x1b/0x40
[   {t}] Modules linked in: one two three
[   {t}] CPU: 1 UID: 0 PID: 12 Comm: kworker/1:1 Not tainted 6.16.0 #1 PREEMPT
[   {t}] pc : {f}_probe+0x1b/0x40
[   {t}] Call trace:
"""


def clean_boot(rng: random.Random) -> str:
    """Return the log of a boot that shows nothing."""
    lines = "".join(
        f"[{n / 300:12.6f}] subsystem{rng.randrange(300)}: device {rng.random():.6f} "
        f"at address {rng.getrandbits(48):#x} is ready\n"
        for n in range(1500)
    )
    return f"{BOOT}{lines}[    6.000000] Run /init as init process\nboard login: root\n"


def fault(rng: random.Random) -> str:
    """Return a report as a kernel prints it."""
    where = {"t": f"{rng.uniform(1, 999):9.6f}", "f": rng.choice(["usb", "mmc", "pci"])}
    frames = "".join(
        f"[   {where['t']}]  function_{rng.randrange(900)}+0x{n:x}/0x100\n"
        for n in range(16)
    )
    head = FAULT.format(n=rng.randrange(1, 999), **where)
    return f"{head}{frames}[   {where['t']}] ---[ end trace 0000000000000000 ]---\n"


def build(rng: random.Random) -> str:
    """Return a part of a build's log, with a warning and an error."""
    quiet = "".join(f"  CC      drivers/{rng.random()}.o\n" for _ in range(2000))
    said = f"drivers/a.c:{rng.randrange(999)}:3: warning: unused variable 'x'\n"
    return f"{quiet}{said}drivers/b.c:7:1: error: too few arguments\n   7 | f();\n"


def until(size: int, parts: Iterable[str]) -> bytes:
    """Return a log of some size, made of parts."""
    text, length = [], 0
    for part in parts:
        text.append(part)
        length += len(part)
        if length >= size:
            break
    return "".join(text).encode()[:size]


def logs(size: int) -> dict[str, Callable[[], bytes]]:
    """Return what is read: logs of boots and builds, of some bytes each."""
    rng = random.Random(1)  # noqa: S311

    def mixed() -> Iterable[str]:
        while True:
            yield from (clean_boot(rng), clean_boot(rng), clean_boot(rng), fault(rng))

    return {
        "light": lambda: until(size, iter(lambda: clean_boot(rng), None)),
        "mixed": lambda: until(size, mixed()),
        "dense": lambda: until(size, iter(lambda: fault(rng) + CALM, None)),
        "build": lambda: until(size, iter(lambda: build(rng), None)),
    }


CALM = "".join(f"[   99.{n:06d}] calm again, and again, and again\n" for n in range(80))


def real(size: int) -> dict[str, Callable[[], bytes]]:
    """Return the same of real logs, where a collection of them lies beside us."""
    rows = [json.loads(line) for line in (SAMPLES / "index.jsonl").open()]

    def of(category: str, wanted: Callable[[list[str] | None], bool]) -> list[str]:
        return [
            (SAMPLES / row["file"]).read_bytes().decode("latin-1").rstrip("\n") + "\n"
            for row in rows
            if row["category"] == category and wanted(row["kinds"])
        ]

    clean, faulty = of("boot", lambda kinds: kinds == []), of("kernel", bool)
    cut = [log for log in faulty if "cut here" in log]
    rng = random.Random(1)  # noqa: S311

    def cycle(logs: list[str], every: int = 0) -> Iterable[str]:
        number = 0
        while True:
            hit = every and number % every == 0
            yield rng.choice(faulty) if hit else logs[number % len(logs)]
            number += 1

    return {
        "light, real": lambda: until(size, cycle(clean)),
        "mixed, real": lambda: until(size, cycle(clean, 4)),
        "dense, real": lambda: until(size, cycle(cut)),
        "build, real": lambda: until(size, cycle(of("build", bool))),
    }


def hostile(size: int) -> dict[str, Callable[[], bytes]]:
    """Return what a hung board or a liar prints: some bytes of each."""
    rng = random.Random(1)  # noqa: S311

    def of(line: Callable[[], str]) -> Callable[[], bytes]:
        return lambda: until(size, iter(line, None))

    return {
        "one line of =": of(lambda: "=" * 4096),
        "lines of =": of(lambda: "=" * 78 + "\n"),
        "lines of -": of(lambda: "-" * 78 + "\n"),
        "cut here, never closed": of(lambda: "------------[ cut here ]------------\n"),
        "UBSAN, the same": of(lambda: "UBSAN: shift-out-of-bounds in a.c:1:2\n"),
        "new headlines": of(lambda: f"BUG: trouble {rng.getrandbits(64):x} ahead\n"),
        "new warnings": of(
            lambda: (
                f"WARNING: CPU: 0 PID: 1 at f{rng.getrandbits(64):x}.c:1 g+0x1/0x2\n"
            )
        ),
        "new build errors": of(lambda: f"a{rng.getrandbits(64):x}.c:1:2: error: no\n"),
        "deeper and deeper": of(lambda: " " * rng.randrange(99) + "ok 1 a\n"),
        "kernels that start": of(lambda: "[    0.000000] Linux version 6.1\n"),
        "noise": of(lambda: rng.randbytes(4096).decode("latin-1")),
    }


def read_ours(path: Path) -> int:
    """Read a log as `kci-logs` does."""
    from kci_log_parser.command_output import read_log

    with path.open("rb") as file:
        return len(read_log(iter(lambda: file.read(CHUNK), b"")).events)


def read_tuxparse(path: Path) -> int:
    """Read a log with tuxparse."""
    from tuxparse.boot_test_parser import BootTestParser
    from tuxparse.build_parser import BuildParser

    parser = BuildParser() if "build" in path.name else BootTestParser()
    text = path.read_bytes().decode("utf-8", "replace")
    return sum(
        len(suite) for suite in parser.parse_log(io.StringIO(text), False).values()
    )


PARSERS = {"kci-logs": read_ours, "tuxparse": read_tuxparse}


def measure(parser: str, path: Path) -> tuple[float, float] | None:
    """Return what a parser costs, seconds and MB of memory; None if it is too slow."""
    command = [sys.executable, "-m", "bench.logs", "--read", parser, str(path)]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=PATIENCE, check=True
        )
    except subprocess.TimeoutExpired:
        return None
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def read(parser: str, path: Path) -> None:
    """Read a log, and print what it cost: seconds of the processor, and MB."""
    PARSERS[parser](path.with_name("first"))  # what is imported and compiled is no cost
    seconds = min(_once(PARSERS[parser], path) for _ in range(MAX_ROUNDS))
    # Not getrusage: a child begins with what its parent had.
    status = Path("/proc/self/status").read_text()
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 1000
    sys.stdout.write(json.dumps([seconds, memory]))


def _once(parser: Callable[[Path], int], path: Path) -> float:
    start = time.process_time()
    parser(path)
    return time.process_time() - start


def compare(size: int, parsers: list[str], slow: int) -> None:
    """Print a table: each log, each parser."""
    sys.stdout.write(f"| log |{''.join(f' {p} MB/s | MB |' for p in parsers)}\n")
    sys.stdout.write(f"|---|{'---|' * 2 * len(parsers)}\n")
    kinds = logs(size) | (real(size) if SAMPLES.is_dir() else {}) | hostile(size // 5)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "first").write_text(BOOT)
        for name, make in kinds.items():
            path = Path(folder) / name.replace(" ", "-")
            path.write_bytes(make())
            small = path.with_name(f"small-{path.name}")
            small.write_bytes(path.read_bytes()[: slow * 10**6])
            row = []
            for parser in parsers:
                log = path if parser == "kci-logs" else small
                cost = measure(parser, log)
                speed = log.stat().st_size / 1e6 / cost[0] if cost else 0
                row += (
                    [f"{speed:.1f}", f"{cost[1]:.0f}"]
                    if cost
                    else [f"> {PATIENCE} s", ""]
                )
            sys.stdout.write(f"| {' | '.join([name, *row])} |\n")
            sys.stdout.flush()
            path.unlink()


def main() -> None:
    """Compare, or (in a process of its own) read one log once."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--mb", type=int, default=50, help="how long a log is")
    parser.add_argument("--tuxparse-mb", type=int, default=1, help="how much it gets")
    parser.add_argument("--alone", action="store_true", help="without tuxparse")
    parser.add_argument("--read", nargs=2, metavar=("PARSER", "FILE"))
    told = parser.parse_args()
    if told.read:
        read(told.read[0], Path(told.read[1]))
        return
    parsers = ["kci-logs"] if told.alone else list(PARSERS)
    compare(told.mb * 10**6, parsers, told.tuxparse_mb)


if __name__ == "__main__":
    main()
