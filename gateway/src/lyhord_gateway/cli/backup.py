"""`lyhord-gateway backup` and `restore`: the store out of a gateway, and into one."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from lyhord_gateway.cli.common import ConfigOption
from lyhord_gateway.config.tree import Loaded, load
from lyhord_gateway.node_broker.accounts import Accounts
from lyhord_gateway.store.backup import back_up
from lyhord_gateway.store.backup import restore as put_back
from lyhord_gateway.support.instance_lock import instance_lock


def backup(
    config: ConfigOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; it will hold the nodes' keys.")],
) -> None:
    """Copy the store, and what the node broker's accounts are made from, also while the gateway runs."""
    loaded = load(config)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("copying")
        back_up(
            loaded.store_path,
            file,
            lambda left, total: progress.update(bar, total=total, completed=total - left),
            _accounts(loaded).known_secret(),
        )
    typer.echo(f"{file}: {file.stat().st_size} bytes")


def restore(
    config: ConfigOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` has made.")],
) -> None:
    """Put a copy in the store's place; no downlink counter is used again. Stop the gateway before."""
    loaded = load(config)
    with instance_lock(loaded.data_dir):
        restored = put_back(file, loaded.store_path, time.time())
        if restored.beside is not None:
            _accounts(loaded).restore_secret(restored.beside)
    heard = "never"
    if restored.heard_s is not None:
        heard = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(restored.heard_s))
    typer.echo(
        f"{restored.nodes} nodes and {restored.readings} readings, the newest frame was heard {heard}; "
        f"{restored.left_out} downlink counters of each node are left out"
    )
    if restored.aside is not None:
        typer.echo(f"the store before is set aside as {restored.aside}")
    if restored.used_up:
        typer.echo(f"{restored.used_up} nodes have no downlink counters left: nodes rotate gives them keys")


def _accounts(loaded: Loaded) -> Accounts:
    return Accounts(loaded.data_dir / "broker")
