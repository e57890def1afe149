"""A bench day: eight boards from the box to nodes that a real gateway hears, and three that go wrong."""

import asyncio
import contextlib
import csv
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import zxingcpp

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from lyhord_tools.papers import signature
from tests.gateway.parts import GatewayProcess, until
from tests.tools.conftest import private
from tests.tools.device.test_ports import held
from tests.tools.papers.test_label import pictures

LYHORD = str(Path(sys.executable).parent / "lyhord")
BUSY, PULLED, DEAD = 2, 4, 6


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    process = GatewayProcess(folder, None)
    await process.start()
    yield process
    with contextlib.suppress(ProcessLookupError):
        await process.kill()


class Day:
    """The technician's laptop, and the boards on its hub."""

    def __init__(self, folder: Path, gateway: GatewayProcess, boards: Sequence[WholeBoard]) -> None:
        self.folder = folder / "batch"
        self.fleet = folder / "nodes.jsonl"
        self.boards = boards
        self._gateway = gateway.config
        firmware = folder / "micropython.bin"
        firmware.write_bytes(micropython_file())
        table = folder / "bins.csv"
        rows = [f"Bin {n};59.{1000 + n};17.6253;1200;200" for n in range(len(boards))]
        table.write_text("name;latitude;longitude;empty_distance;full_distance\n" + "\n".join(rows) + "\n")
        self._key = folder / "key.pem"
        signature.new_key(self._key)
        password = private(folder / "password", "bench-password")
        settings = {
            "wifi_ssid": "BENCH",
            "wifi_password": f"@{password}",
            "broker_host": "broker.lan",
            "broker_port": "1883",
            "link": "2",
            "report_period": "60",
            "sample_period": "60",
        }
        pairs = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
        self._words = ["--micropython", firmware, "--table", table, "--fleet", self.fleet, *pairs]
        self._words += ["--gateway", self._gateway, "--key", self._key, "--technician", "Åsa", "--json"]

    def begin(self) -> "subprocess.Popen[str]":
        words = [self.folder, *(board.port for board in self.boards), *self._words]
        return subprocess.Popen(
            tied(LYHORD, "batch", *map(str, words)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def summary(self) -> list[dict[str, str]]:
        with (self.folder / "summary.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def known(self) -> dict[str, dict[str, object]]:
        """The gateway's nodes, by id."""
        program = str(Path(sys.executable).parent / "lyhord-gateway")
        words = ["nodes", "--config", str(self._gateway), "--json"]
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=True)
        return {row["id"]: row for row in json.loads(done.stdout)}

    def install(self, board: WholeBoard) -> None:
        """As an installer does it: reset, Enter, start."""
        words = ["console", "--port", board.port, "-c", "start"]
        done = subprocess.run([LYHORD, *words], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr


async def ended(process: "subprocess.Popen[str]") -> tuple[int, list[dict[str, object]], str]:
    out, err = await asyncio.to_thread(process.communicate, timeout=10 * DEADLINE_S)
    assert "Traceback" not in err
    return process.returncode, json.loads(out), err


@pytest.mark.slow
async def test_a_bench_day(tmp_path: Path, gateway: GatewayProcess) -> None:
    with contextlib.ExitStack() as hub:
        boards = [
            WholeBoard(
                tmp_path, f"b{n}", "--wifi", str(gateway.port), *(["--no-ranger"] if n == DEAD else [])
            )
            for n in range(8)
        ]
        for board in boards:
            hub.enter_context(board)
        day = Day(tmp_path, gateway, boards)
        with held(boards[BUSY].port) as pid:
            process = day.begin()
            await until(boards[PULLED].writes, "it is being flashed")
            boards[PULLED].pull()
            code, ends, said = await ended(process)
        assert code == 2 and "3 of 8 boards are not ready" in said
        bad = {n: end for n, end in enumerate(ends) if not end["ready"]}
        assert set(bad) == {BUSY, PULLED, DEAD}
        assert f"(pid {pid}); stop that first" in str(bad[BUSY]["detail"])
        assert "half written: flash it again" in str(bad[PULLED]["detail"])
        assert (bad[DEAD]["step"], "hold something flat" in str(bad[DEAD]["detail"])) == ("selftest", True)
        good = {str(end["node"]) for end in ends if end["ready"]}
        known = await asyncio.to_thread(day.known)
        assert len(good) == 5 and set(known) == good
        assert all(known[node]["last_heard"] is None for node in good), "they sleep on the shelf"

        # The same command, when the cable is back and the port is free: only what was not done is done.
        boards[PULLED].plug()
        before = {path.name: path.stat().st_mtime_ns for path in day.folder.glob("*.report.json")}
        code, ends, said = await ended(day.begin())
        assert code == 2 and "1 of 8 boards are not ready" in said
        assert [end["ready"] for end in ends] == [n != DEAD for n in range(8)]
        nodes = [str(end["node"]) for end in ends]
        assert good <= set(nodes) and len(set(nodes)) == 8
        after = {path.name: path.stat().st_mtime_ns for path in day.folder.glob("*.report.json")}
        assert len(after) == 7 and before.items() <= after.items(), "what is signed stays as it is"

        # Each row of the table went to one board, for good; labels and reports are of the seven.
        summary = day.summary()
        assert sorted(row["name"] for row in summary) == [f"Bin {n}" for n in range(8)]
        codes = zxingcpp.read_barcodes(pictures(day.folder / "labels.pdf", 200)[0])
        ready = {node for node, end in zip(nodes, ends, strict=True) if end["ready"]}
        assert {code.text.split("/")[1].lower() for code in codes} == ready
        for node in ready:
            record, _ = signature.verify(day.folder / f"{node}.report.json")
            assert (record.device.id, record.verdict, record.technician) == (node, "pass", "Åsa")
        lines = [json.loads(line) for line in day.fleet.read_text().splitlines()]
        keys = [line["key"] for line in lines if "key" in line]
        assert len(keys) == 8
        told = "".join(
            path.read_text() for path in day.folder.iterdir() if path.suffix in (".json", ".jsonl", ".csv")
        )
        assert not [key for key in keys if key in told] and "bench-password" not in told

        # Installed, they are heard; the one that failed is not known at all.
        for number, board in enumerate(boards):
            if number != DEAD:
                await asyncio.to_thread(day.install, board)

        async def heard() -> bool:
            rows = await asyncio.to_thread(day.known)
            return {node for node, row in rows.items() if row["last_heard"] is not None} == ready

        deadline = time.monotonic() + 4 * DEADLINE_S
        while not await heard():
            assert time.monotonic() < deadline, "every installed node is heard"
            await asyncio.sleep(1)
        rows = await asyncio.to_thread(day.known)
        assert {str(rows[node]["name"]) for node in ready} == {
            row["name"] for row in summary if row["verdict"] == "ready"
        }
