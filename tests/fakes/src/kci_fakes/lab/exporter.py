# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make the places of a lab's boards, and keep a labgrid exporter running.

An exporter exits whenever its coordinator goes away.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
from labgrid.remote.generated import labgrid_coordinator_pb2 as pb2
from labgrid.remote.generated.labgrid_coordinator_pb2_grpc import CoordinatorStub

from kci_fakes.lab.board import DIE_WITH_PARENT

RESTART_S = 1.0
"""How long to wait before the exporter is started again."""
NO_PROXY = [("grpc.enable_http_proxy", 0)]


def main() -> None:
    """Start the exporter again and again, until a signal comes."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    command = [
        *DIE_WITH_PARENT,
        str(Path(sys.executable).with_name("labgrid-exporter")),
        "-c",
        options.coordinator,
        "-n",
        "lab",
        "--hostname",
        "127.0.0.1",
        str(options.config),
    ]
    tags = dict(tag.split("=") for tag in options.tags)
    while True:
        with grpc.insecure_channel(options.coordinator, NO_PROXY) as channel:
            for place in options.places:
                make_place(CoordinatorStub(channel), place, tags)
        subprocess.run(command, check=False)
        time.sleep(RESTART_S)


def make_place(coordinator: CoordinatorStub, name: str, tags: dict[str, str]) -> None:
    """Make the place of a board unless it exists; wait for the coordinator."""
    steps = [
        (coordinator.AddPlace, pb2.AddPlaceRequest(name=name)),
        (
            coordinator.AddPlaceMatch,
            pb2.AddPlaceMatchRequest(placename=name, pattern=f"lab/{name}/*"),
        ),
        (
            coordinator.SetPlaceTags,
            pb2.SetPlaceTagsRequest(placename=name, tags=tags),
        ),
    ]
    for call, request in steps:
        try:
            call(request, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("coordinator", help="host:port")
    parser.add_argument("config", type=Path, help="the exporter's YAML file")
    parser.add_argument("--places", nargs="+", help="names of boards in the file")
    parser.add_argument("--tags", nargs="+", help="key=value, of each place")
    return parser


if __name__ == "__main__":
    main()
