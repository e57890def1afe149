"""No downlink counter twice and no silent loss, whatever becomes of the store's files and their witness."""

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_gateway.model.work import Delivered
from lyhord_gateway.store.backup import back_up, restore
from lyhord_gateway.store.recovery import witness
from lyhord_gateway.store.recovery.promises import LEFT_OUT_UNKNOWN, loss, settle
from lyhord_gateway.store.recovery.recover import open_sound
from lyhord_gateway.store.recovery.witness import BLOCK, Witness, path_of, read_testimony
from lyhord_gateway.store.renumber import renumber
from lyhord_gateway.store.schema import connect
from lyhord_gateway.store.session import load_session, save_session
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import StoreMoved, UserError
from tests.gateway.bench import Bench, running
from tests.gateway.killed_store import overwrite
from tests.gateway.parts import (
    NODE,
    GatewayProcess,
    Node,
    cli,
    connected,
    free_port,
    get,
    next_message,
    until,
)

ANSWERS = 40


async def answered(bench: Bench, node: Node, number: int = ANSWERS) -> None:
    for _ in range(number):
        await bench.heard(node.report(ack=True))
        node.open(bench.answers[-1][1])


async def killed(path: Path, node: Node, number: int = ANSWERS, wal: bool = True) -> None:
    """A gateway that answers some frames and is killed; its files as they are then. wal: the log is kept."""
    aside = path.parent / "killed"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    open_sound(path, ["city"])[0].close()
    async with running(Bench(path)) as bench:
        if bench.reader.node(NODE) is None:
            bench.add()
        if not wal:  # what was before is in the file
            connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        await answered(bench, node, number)
        for part in path.parent.glob(path.name + "*"):
            if not part.name.endswith("-shm"):
                shutil.copyfile(part, aside / part.name)
    for part in path.parent.glob(path.name + "*"):
        part.unlink()
    for part in aside.iterdir():
        part.rename(path.parent / part.name)


async def goes_on(path: Path, node: Node, number: int = ANSWERS) -> str:
    """The next start answers on; what it says of a loss."""
    open_sound(path, ["city"])[0].close()
    async with running(Bench(path)) as bench:
        if bench.reader.node(NODE) is None:
            bench.add()
        await answered(bench, node, number)
        said = loss(bench.reader._connection)
    assert len(set(node.downlinks)) == len(node.downlinks), "a nonce was used twice"
    return said.text if said else ""


LOGS: dict[str, Callable[[Path], None]] = {
    "missing": lambda log: log.unlink(),
    "empty": lambda log: log.write_bytes(b""),
    "header only": lambda log: os.truncate(log, 32),
    "cut off": lambda log: os.truncate(log, 32 + 3 * (4096 + 24)),
}


@pytest.mark.parametrize("what", LOGS)
@pytest.mark.parametrize("before", [0, 5], ids=["a node never heard", "a node that was heard"])
async def test_a_lost_log_costs_no_nonce_and_is_said(
    tmp_path: Path, what: str, before: int, caplog: pytest.LogCaptureFixture
) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    if before:
        await killed(path, node, before)
    await killed(path, node, wal=False)
    LOGS[what](path.with_name("lyhord.db-wal"))
    said = await goes_on(path, node)
    assert "were committed are not in it" in said or "it is empty" in said or "hole" in caplog.text
    assert caplog.records, "it is said"


async def test_a_plain_kill_costs_no_nonce_and_few_counters(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    for _ in range(3):
        await killed(path, node)
    assert await goes_on(path, node) == ""
    assert max(node.downlinks) < 4 * (BLOCK + 600)


async def test_a_clean_stop_costs_no_counter(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    for _ in range(3):
        assert await goes_on(path, node, 5) == ""
    assert node.downlinks == list(range(15))


async def test_another_command_that_takes_the_log_in_is_no_loss(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await killed(path, node)
    connection = connect(path)  # the last one to close takes the log into the file and deletes it
    connection.execute("SELECT count(*) FROM sample").fetchone()
    connection.close()
    assert not path.with_name("lyhord.db-wal").exists()
    assert await goes_on(path, node) == ""


async def test_an_older_copy_in_the_stores_place(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node)
    shutil.copyfile(path, tmp_path / "old.db")
    await goes_on(path, node, 300)
    shutil.copyfile(tmp_path / "old.db", path)
    said = await goes_on(path, node)
    assert said.startswith("300 readings and 300 answers that were committed are not in it")


async def test_a_store_that_is_gone_beside_its_witness(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node)
    path.unlink()
    said = await goes_on(path, node)  # the registry is imported once more
    assert said == "it is empty, but 40 readings were stored and 40 answers given"


WITNESSES: dict[str, Callable[[Path], None]] = {
    "gone": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "zeros": lambda file: file.write_bytes(bytes(3 * 4096)),
    "noise": lambda file: file.write_bytes(os.urandom(3 * 4096)),
    "short": lambda file: os.truncate(file, 17),
}


@pytest.mark.parametrize("what", WITNESSES)
@pytest.mark.parametrize("log_too", [False, True], ids=["the log stays", "the log is lost too"])
async def test_a_lost_witness_costs_counters_and_no_nonce(tmp_path: Path, what: str, log_too: bool) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node, 3)
    await killed(path, node, wal=not log_too)
    WITNESSES[what](path_of(path))
    if log_too:
        path.with_name("lyhord.db-wal").unlink()
    said = await goes_on(path, node)
    assert "witness" in said and node.downlinks[-1] >= LEFT_OUT_UNKNOWN


@pytest.mark.parametrize("page", [0, 1, 2])
@pytest.mark.parametrize("answers", [1, ANSWERS, BLOCK + 200])
async def test_a_witness_with_one_bad_page_is_enough(tmp_path: Path, page: int, answers: int) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node, 3)
    async with running(Bench(path)) as bench:
        for _ in range(answers // 200 + 1):
            for _ in range(min(answers, 200)):
                bench.hear(node.report(ack=True))
            await bench.settled()
        given = len(bench.answers)
        shutil.copyfile(path_of(path), tmp_path / "witness")
    shutil.copyfile(tmp_path / "witness", path_of(path))
    overwrite(path_of(path), page * 4096 + 9, b"\xff\x00\xff")
    said = read_testimony(path)
    assert said is not None and said.whole == (page == 2)
    bound = said.reserved + (0 if said.whole else 2 * BLOCK)
    assert bound >= 3 + given, "no counter beyond it was given out"


async def test_another_stores_witness_is_not_believed(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node)
    await goes_on(tmp_path / "other.db", Node())
    path_of(tmp_path / "other.db").replace(path_of(path))
    assert "another store's" in await goes_on(path, node)


async def test_a_store_from_before_there_were_witnesses_is_taken_as_it_is(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node, 3)
    path_of(path).unlink()
    connection = connect(path)
    connection.execute("DELETE FROM kept WHERE key GLOB 'store.*'")
    connection.close()
    assert await goes_on(path, node, 3) == ""
    assert node.downlinks == list(range(6))


async def test_nothing_is_given_out_that_the_witness_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full for the witness: frames are not acknowledged, and go on when there is room."""
    path, node = tmp_path / "lyhord.db", Node()
    monkeypatch.setattr(witness, "BLOCK", 8)
    async with running(Bench(path)) as bench:
        bench.add()
        full = [False]
        pwrite = os.pwrite

        def refusing(file: int, data: bytes, at: int) -> int:
            if full[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            return pwrite(file, data, at)

        monkeypatch.setattr(os, "pwrite", refusing)
        await bench.heard(node.report(ack=True))
        full[0] = True
        frames = [node.report(ack=True) for _ in range(20)]
        for frame in frames:
            bench.hear(frame)
            await until(
                lambda: (
                    len(bench.answers) - 1 + bench.metrics.counters["store.frames_not_stored"]
                    == bench.metrics.counters["ingest.heard"] - 1
                ),
                "it has an outcome",
            )
        assert len(bench.answers) <= 10 and bench.metrics.states["store"] == "ENOSPC"
        said = read_testimony(path)
        assert said is not None and len(bench.answers) <= said.reserved
        full[0] = False
        for frame in frames:
            await bench.heard(frame, heard_us=10_000_000)
        assert bench.stored() == list(range(21))
        assert bench.metrics.states["store"] == "up"
    counters = [frame[6:9] for _, frame in bench.answers]
    assert len(set(counters)) >= 21


@pytest.mark.parametrize("deleted", ["-wal", ""], ids=["log", "store"])
async def test_files_that_are_deleted_while_the_gateway_runs_are_saved(tmp_path: Path, deleted: str) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    open_sound(path, ["city"])[0].close()
    bench = Bench(path)
    with pytest.raises(StoreMoved, match="what was committed is saved"):
        async with running(bench):
            bench.add()
            await answered(bench, node)
            path.with_name(path.name + deleted).unlink()
            await until(lambda: bench.store._finished.done(), "it is noticed")
    bench.reader.close()
    connection, salvaged = open_sound(path, ["city"])
    assert salvaged is None
    assert connection.execute("SELECT count(*) FROM sample").fetchone() == (ANSWERS,)
    assert path.stat().st_mode & 0o777 == 0o600
    connection.close()
    await goes_on(path, node)


async def test_a_log_deleted_under_a_gateway_that_is_killed(tmp_path: Path) -> None:
    """Acknowledged samples are gone: log and health say so, and no nonce is used twice."""
    port = free_port()
    gateway = GatewayProcess(tmp_path, None, f'[http]\nlisten = "127.0.0.1"\nport = {port}\n')
    node = Node()
    await gateway.add(node)
    async with gateway, connected(gateway.port, node.down) as client:
        for _ in range(5):
            await client.publish(node.up, node.report(ack=True), qos=1)
            node.open(bytes((await next_message(client)).payload))  # type: ignore[arg-type]
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGSTOP)
        (tmp_path / "data" / "lyhord.db-wal").unlink()
        await gateway.kill()
    await gateway.add(node)  # the registry went along
    async with gateway, connected(gateway.port, node.down) as client:
        for _ in range(5):
            await client.publish(node.up, node.report(ack=True), qos=1)
            node.open(bytes((await next_message(client)).payload))  # type: ignore[arg-type]
        status, text = get(port, "/health")
        reasons = json.loads(text)["reasons"]
    assert len(set(node.downlinks)) == 10
    assert status == 503 and any(reason["code"] == "store_went_back" for reason in reasons), text
    assert "readings" in gateway.log.read_text()


async def test_a_backup_that_is_restored_by_the_book_is_no_loss(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node)
    copy = tmp_path / "copy.db"
    back_up(path, copy, lambda left, total: None)
    await goes_on(path, node)
    restore(copy, path, 0)
    assert await goes_on(path, node) == ""


async def test_a_disk_that_takes_nothing_at_the_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await killed(path, node)

    def refusing(file: int, data: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refusing)
        with pytest.raises(UserError, match="cannot be written"):
            open_sound(path, ["city"])
    await goes_on(path, node)


def test_a_link_in_the_witness_place_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    connection, _ = open_sound(path, ["city"])
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    path_of(path).unlink()
    path_of(path).symlink_to(victim)
    with pytest.raises(UserError):
        settle(path, connection, unclean=False)
    connection.close()
    assert victim.read_bytes() == b"mine"


def test_a_write_that_failed_is_tried_at_the_same_place(tmp_path: Path, monkeypatch) -> None:
    """Else the second failure in a row could tear the only good page."""
    path = tmp_path / "lyhord.db"
    file = Witness(path, bytes(16), 10, 1)
    places = []

    def torn(number: int, data: bytes, at: int) -> int:
        places.append(at)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", torn)
        for _ in range(3):
            with pytest.raises(OSError, match="Input"):
                file.reserve(2000)
    assert len(set(places)) == 1
    file.reserve(2000)
    said = read_testimony(path)
    assert said is not None and said.reserved == 2000 + BLOCK and said.running


async def test_history_that_goes_by_age_is_no_loss(tmp_path: Path) -> None:
    """Also without any platform, when all that is stored may go."""
    path, node = tmp_path / "lyhord.db", Node()
    open_sound(path, [])[0].close()
    bench = Bench(path, keep_days=1)
    bench.retention.platforms = []
    async with running(bench):
        bench.add()
        await bench.heard(node.report(ack=True, count=10))
        await until(lambda: len(bench.stored()) <= 1, "old history goes")
        bench.store.submit(Delivered("city", 0, 3))
        await bench.settled()
    assert await goes_on(path, Node(NODE + 1), 0) == ""


async def test_readings_that_are_removed_by_hand_are_no_loss_and_leave_their_numbers(tmp_path: Path) -> None:
    path, node = tmp_path / "lyhord.db", Node()
    await goes_on(path, node, 10)
    connection = connect(path)
    with transaction(connection):
        session = load_session(connection, NODE)
        assert renumber(connection, session, 4) == 6
        save_session(connection, session)
    connection.close()
    node.seq = 4
    assert await goes_on(path, node, 2) == ""
    connection = connect(path)
    assert connection.execute("SELECT max(id) FROM sample").fetchone() == (12,)
    connection.close()


async def test_the_command_line_alone_needs_no_witness(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, None)
    await gateway.add(Node())
    code, out, _ = await cli("nodes", "--config", str(gateway.config))
    assert code == 0 and "000a01" in out
