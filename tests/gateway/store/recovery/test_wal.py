"""A damaged store's log: what follows a hole in it is read, and no counter comes again."""

import random
import struct
from pathlib import Path

import pytest

from lyhord_gateway.store.recovery.recover import open_sound
from lyhord_gateway.store.recovery.wal import read_wal
from tests.gateway.killed_store import (
    FRAME,
    PAGE,
    Store,
    frames,
    judge,
    missing,
    overwrite,
    recovered,
    rows,
)


@pytest.mark.parametrize("where", ["first frame", "quarter", "half", "before the last"])
def test_a_hole_in_the_log_costs_what_is_in_the_hole(where: str, store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    wal = tmp_path / "lyhord.db-wal"
    count = frames(wal)
    at = {"first frame": 0, "quarter": count // 4, "half": count // 2, "before the last": count - 2}[where]
    overwrite(wal, 32 + at * FRAME, random.Random(4).randbytes(FRAME))
    connection, _ = recovered(path)
    lost = missing(store, connection)
    assert len(lost) <= 100, "not more than one page holds"
    judge(store, connection, lost, sessions_gone=True)


@pytest.mark.parametrize("length", [32, 512, PAGE])
def test_a_log_without_its_header(length: int, store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    overwrite(tmp_path / "lyhord.db-wal", 0, random.Random(5).randbytes(length))
    connection, _ = recovered(path)
    lost = missing(store, connection)
    assert len(lost) <= 100
    judge(store, connection, lost, sessions_gone=True)


@pytest.mark.parametrize("cut", ["torn", "noise"])
def test_the_end_of_the_log_may_be_torn_and_no_counter_comes_again(
    cut: str, store: Store, tmp_path: Path
) -> None:
    """Nobody can tell a commit that was lost whole from one that never was: only counters are left out."""
    path = store.copy(tmp_path)
    wal = tmp_path / "lyhord.db-wal"
    keep = 32 + (frames(wal) - 3) * FRAME + 100
    noise = b"" if cut == "torn" else random.Random(6).randbytes(wal.stat().st_size - keep)
    with wal.open("r+b") as file:
        file.truncate(keep)
        file.seek(keep)
        file.write(noise)
    connection, salvaged = open_sound(path, ["city"])
    assert salvaged is None
    for node, row in rows(connection, "session").items():
        assert row[4] > store.sessions[node][4]
    connection.close()


def test_the_checksum_is_sqlites(store: Store) -> None:
    """An independent walk over the log: every frame's checksum from the one before."""
    wal = store.folder / "lyhord.db-wal"
    found = read_wal(wal, 512)
    assert not found.overlooked
    pages = {struct.unpack_from(">I", wal.read_bytes(), 32 + at * FRAME)[0] for at in range(frames(wal))}
    assert set(found.pages) == pages
