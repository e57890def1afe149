"""The disk is full, again and again, while frames keep coming; once the gateway is killed on a full disk.

Full means: the kernel refuses to make the gateway's files longer (RLIMIT_FSIZE of the running process, which
needs no privileges), or, where a file system can be mounted, a real one without a free block.
"""

import asyncio
import random
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.crash.stage import Stage, Totals, stage
from tests.gateway.parts import DEADLINE_S, until

NODES = 8
_BURSTS_S = 0.1


class Disk(Protocol):
    def fill(self, city: Stage) -> None: ...

    def free(self, city: Stage) -> None: ...


class Limit:
    """Files of the gateway's process do not grow beyond what the log of the store is now."""

    def fill(self, city: Stage) -> None:
        self._set(city, 1024)

    def free(self, city: Stage) -> None:
        self._set(city, resource.RLIM_INFINITY)

    @staticmethod
    def _set(city: Stage, size: int) -> None:
        assert city.gateway.process is not None
        if city.running:
            _, hard = resource.prlimit(city.gateway.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(city.gateway.process.pid, resource.RLIMIT_FSIZE, (size, hard))


class FileSystem:
    """A small tmpfs; `folder` is its mount point."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, city: Stage) -> None:
        store = sqlite3.connect(city.store)
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the log would have room in itself
        store.close()
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def free(self, city: Stage) -> None:
        self._ballast.unlink()


@contextmanager
def mounted(folder: Path, size: str = "8m") -> Iterator[bool]:
    """Mounts a tmpfs at `folder`; False if this user may not."""
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    may = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield may
    finally:
        if may:
            subprocess.run(["umount", "-l", str(folder)], check=True)


async def run(folder: Path, times: int, seed: int, say: Callable[[str], None] = print) -> Totals:
    """Plays the story on a real full file system if one can be mounted, else under a limit."""
    with mounted(folder / "disk") as real:
        return await play(folder, times, seed, FileSystem(folder / "disk") if real else Limit(), say)


async def play(folder: Path, times: int, seed: int, disk: Disk, say: Callable[[str], None] = print) -> Totals:
    rng = random.Random(seed)
    totals = Totals()
    real = isinstance(disk, FileSystem)
    killed_at = rng.randrange(times)
    async with stage(folder, rng, NODES, data_dir=folder / "disk" if real else None) as city:
        await city.gateway.start()
        for time in range(times):
            city.fleet.burst(rng)
            await asyncio.sleep(rng.random() * 0.2)
            disk.fill(city)
            await _refused(city, rng, totals)
            if time == killed_at:
                await city.gateway.kill()
                if real:
                    await _cannot_start(city, totals)
            disk.free(city)
            if not city.running:
                await city.gateway.start()
            await city.acknowledged()  # it goes on by itself
            if city.state != "up":
                await until(lambda: city.state == "up", "it says so")
            say(f"  full {time + 1} times, {len(city.city.readings)} samples at the platform")
        await city.drained(totals)
        if await city.gateway.terminate() != 0:
            totals.faults.append("the gateway did not stop politely")
        city.judge(totals)
    kind = "a real one" if real else "a limit on its files"
    totals.story = f"disk full {times} times ({kind}), once killed there"
    return totals


async def _refused(city: Stage, rng: random.Random, totals: Totals) -> None:
    """Frames come, none is acknowledged any more, and the gateway says why."""
    said = city.gateway.log.stat().st_size
    for _ in range(int(DEADLINE_S / _BURSTS_S)):
        city.fleet.burst(rng)
        if city.gateway.log.stat().st_size > said:
            break
        await asyncio.sleep(_BURSTS_S)
    else:
        totals.faults.append("a full disk was not noticed")
    for node in city.fleet.nodes:
        node.take(1)
    await _sent_again(city)  # acknowledgements that were under way have arrived
    before = city.fleet.acknowledged
    await _sent_again(city)
    if city.fleet.acknowledged != before:
        totals.faults.append("something was acknowledged on a full disk")


async def _sent_again(city: Stage) -> None:
    """Every node has waited for an answer in vain and sent once more."""
    enough = {node.id: node.sends + 2 for node in city.fleet.nodes}
    await until(
        lambda: all(node.sends >= enough[node.id] for node in city.fleet.nodes), "nodes send again and again"
    )


async def _cannot_start(city: Stage, totals: Totals) -> None:
    """On a full disk it may start or refuse to, in one line."""
    log = city.gateway.log
    before = log.stat().st_size
    try:
        await city.gateway.start()
    except AssertionError:
        said = log.read_bytes()[before:].decode()
        if said.count("\n") != 1:
            totals.faults.append(f"it did not say in one line why it does not start: {said}")
    if city.running:
        await city.gateway.kill()
