"""A damaged store's file: what was acknowledged and can be read is kept, whatever was damaged."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_gateway.store.schema import connect
from tests.gateway.killed_store import (
    DELIVERED,
    NODES,
    PAGE,
    Store,
    judge,
    missing,
    others,
    overwrite,
    recovered,
    rows,
)

HEADERS: dict[str, Callable[[random.Random], bytes]] = {
    "100 random bytes": lambda rng: rng.randbytes(100),
    "one page of zeros": lambda rng: bytes(PAGE),
    "one page of noise": lambda rng: rng.randbytes(PAGE),
    "the magic alone": lambda rng: b"X" * 16,
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_is_overwritten_costs_no_reading(what: str, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)  # no log, in which page 1 would still be whole
    path = tmp_path / "lyhord.db"
    before = path.read_bytes()
    overwrite(path, 0, HEADERS[what](random.Random(1)))
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.samples) - DELIVERED
    assert salvaged.without_key in (0, 1), "only the node that was never heard"
    assert others(connection) == store.others
    judge(store, connection, set(), sessions_gone=True)
    assert connect(path).execute("SELECT name, cursor FROM platform").fetchall() == [("city", DELIVERED)]
    (aside,) = tmp_path.glob("lyhord.damaged-*.db")
    assert aside.read_bytes()[PAGE:] == before[PAGE:]


@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "noise"])
@pytest.mark.parametrize("seed", range(2))
def test_pages_in_the_middle_cost_what_is_on_them(
    seed: int, noise: bool, store: Store, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    pages = store.leaves(tmp_path)
    hit = rng.sample(sorted(pages), 4)
    path = tmp_path / "lyhord.db"
    for page in hit:
        overwrite(path, (page - 1) * PAGE, rng.randbytes(PAGE) if noise else bytes(PAGE))
    connection, salvaged = recovered(path)
    assert salvaged.holes >= len(hit)
    judge(store, connection, {row for page in hit for row in pages[page]})


@pytest.mark.parametrize("kind", ["internal", "pointer map"])
def test_what_only_leads_to_rows_costs_none(kind: str, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    look = connect(path)
    pages = [2]
    if kind == "internal":
        pages = [p for (p,) in look.execute("SELECT pageno FROM dbstat WHERE pagetype = 'internal'")]
    look.close()
    for page in pages:
        overwrite(path, (page - 1) * PAGE, bytes(PAGE))
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.samples) - DELIVERED
    judge(store, connection, set(), sessions_gone=True)


def test_a_lost_session_takes_its_keys_along(store: Store, tmp_path: Path) -> None:
    pages = store.leaves(tmp_path, "session")
    path = tmp_path / "lyhord.db"
    page = random.Random(3).choice(sorted(pages))
    overwrite(path, (page - 1) * PAGE, bytes(PAGE))
    connection, salvaged = recovered(path)
    assert salvaged.without_key == len(pages[page]) + 1, "those on the page and the one never heard"
    keys = {node for node, _ in rows(connection, "node_key", 2)}
    assert keys.isdisjoint(pages[page])
    assert connection.execute("SELECT count(*) FROM node").fetchone() == (NODES + 1,), "they are still known"
    judge(store, connection, set(), sessions_gone=True)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_a_file_that_is_cut_off(share: float, store: Store, tmp_path: Path) -> None:
    pages = store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    size = int(path.stat().st_size * share)
    with path.open("r+b") as file:
        file.truncate(size)
    if not size:
        shutil.copyfile(store.folder / "lyhord.db-wal", tmp_path / "lyhord.db-wal")
        connection, salvaged = recovered(path)
        assert store.wal_samples <= rows(connection, "sample").keys()
        judge(store, connection, missing(store, connection), sessions_gone=True)
        return
    connection, _ = recovered(path)
    lost = {row for page, ids in pages.items() if page * PAGE > size for row in ids}
    judge(store, connection, lost, sessions_gone=True)


def test_nothing_but_noise_is_set_aside_and_a_fresh_store_takes_over(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    path.write_bytes(random.Random(7).randbytes(40 * PAGE))
    connection, salvaged = recovered(path)
    assert (salvaged.nodes, salvaged.readings) == (0, 0) and salvaged.holes > 30
    connection.close()


def test_the_history_is_saved_for_a_platform_that_has_nothing_yet(store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    overwrite(path, 0, bytes(100))
    connection, salvaged = recovered(path, ("city", "new"))
    assert salvaged.readings == len(store.samples)
    assert rows(connection, "sample") == store.samples
    connection.close()
