# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever a log holds: no exception, and linear time. Run by `make fuzz`."""

import sys
import time

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["kci_log_parser", "kci_shared.rules"]):
    from kci_log_parser.command_output import read_log
    from kci_shared.rules.results import NotJUnit

SMALL, LARGE = 1 << 15, 1 << 17
SLOWEST = 20
"""Seconds of the processor for a MB, instrumented and on a machine that is busy."""
OFTEN = 16
"""Of so many logs one is read at length."""
TEXT = rb"""[   12.345678] ~[    1.0][  T12] ~<4>~kern  :err   : ~# ~    ~- {msg: '
BUG: KASAN: ~BUG: ~WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2~Oops: ~f+0x1/0x2
------------[ cut here ]------------~---[ end trace 0~Kernel panic - not syncing:~
x:1 blocked for more than 9 seconds~UBSAN: x in a.c:1:2~ detected stalls on CPUs
ok 1 a~not ok 2 b # SKIP~1..3~KTAP version 1~# Subtest: s~# selftests: n: x
<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass>~<LAVA_SIGNAL_STARTTC a>~tag=x stime=1
a.c:1:2: error: x~a.c: In function 'f':~make: *** [a] Error 1~*** x~a.c:1: TPASS: x
ld: error: x~a.c:(.text+0x1): undefined reference to `f'~--> a.rs:1:2~error[E1]: x
U-Boot 2024.01~Starting kernel ...~Linux version 6.1~login: ~/ # ~<testsuite>
reboot: Restarting system~<testcase name='a'/>~Makefile:1: *** x  Stop."""
PIECES = [*TEXT.replace(b"\n", b"~").split(b"~"), b"\t", b"\r", b"\x1b[31m"]


def test_one_log(data: bytes) -> None:
    """Read a log in two ways, and much of it."""
    log = _log(atheris.FuzzedDataProvider(data))
    try:
        whole = read_log(iter([log]))
    except NotJUnit:
        return
    parts = read_log(log[at : at + 37] for at in range(0, len(log), 37))
    if b"<testsuite" not in log:
        assert whole == parts, "what is found depends on how the log was cut"
    whole.model_dump_json()
    if log and hash(data) % OFTEN == 0:
        small, large = _cost(log, SMALL), _cost(log, LARGE)
        assert large < SLOWEST * LARGE / 1e6, f"{large:.1f} s"
        assert large < max(10 * small, 0.5), (
            f"{small:.2f} s, four times that {large:.2f}"
        )


def _log(said: atheris.FuzzedDataProvider) -> bytes:
    """Make a log of pieces and noise."""
    parts = []
    while said.remaining_bytes():
        if said.ConsumeBool():
            parts.append(PIECES[said.ConsumeIntInRange(0, len(PIECES) - 1)])
        else:
            parts.append(said.ConsumeBytes(said.ConsumeIntInRange(0, 12)))
        if said.ConsumeIntInRange(0, 2) == 0:
            parts.append(b"\n")
    return b"".join(parts)


def _cost(log: bytes, size: int) -> float:
    """Return the seconds that a log takes when it is repeated to some size."""
    long = (log * (size // len(log) + 1))[:size]
    start = time.process_time()
    try:
        read_log(iter([long]))
    except NotJUnit:
        return 0.0
    return time.process_time() - start


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_log)
    atheris.Fuzz()
