"""Process groups on this machine, whose ranks do what a test tells them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import distributed

# Processes are forked from one that has imported what takes long.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["crossentropy.distributed", "tests.distributed.worlds"])


class World:
    """Ranks that wait for work. They find each other by a file, so that no port is taken."""

    def __init__(self, size: int, folder: Path) -> None:
        self.size, self._pipes, self._ranks = size, [], []
        for rank in range(size):
            here, there = _processes.Pipe()
            process = _processes.Process(target=_work, args=(rank, size, str(folder / "store"), there))
            process.start()
            there.close()
            self._pipes.append(here)
            self._ranks.append(process)

    def run(self, work: Callable[..., Any], *args: Any) -> list[Any]:
        """What ``work(rank, *args)`` returns or raises on each rank; EOFError for a rank that has died."""
        for pipe in self._pipes:
            pipe.send((work, args))
        return [self._answer(pipe) for pipe in self._pipes]

    @staticmethod
    def _answer(pipe: Connection) -> Any:
        if not pipe.poll(120.0):
            raise TimeoutError("a rank does not answer")
        try:
            return pipe.recv()
        except (EOFError, ConnectionResetError):
            return EOFError()

    def close(self) -> None:
        """Send the ranks home."""
        for pipe, process in zip(self._pipes, self._ranks, strict=True):
            with suppress(BrokenPipeError):
                pipe.send(None)
            process.join(10.0)
            process.kill()
            process.join()


def _work(rank: int, size: int, store: str, pipe: Connection) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=size, timeout=timedelta(seconds=60))
    while (given := pipe.recv()) is not None:
        work, args = given
        try:
            pipe.send(work(rank, *args))
        except Exception as error:
            pipe.send(error)
    with suppress(RuntimeError):  # after a rank has died
        distributed.destroy_process_group()
