"""The common part of the commands: options, the store they work on, ids as people write them, two outputs."""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.model.reading import node_of
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import connect_reading, open_store
from lyhord_gateway.support.errors import StoreDamaged, UserError
from lyhord_wire.outside import escaped

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration (TOML).")]
MaybeConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The configuration (TOML).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def node_number(text: str) -> int:
    """A node's id out of six hexadecimal digits; raises UserError."""
    number = node_of(text)
    if number is None:
        raise UserError(f"{text}: expected a node id, six hexadecimal digits, 000001…ffffff")
    return number


def given(command: str, config: Path | None) -> Path:
    """The configuration of a command that has others below it: only then can it be left out."""
    if config is None:
        raise UserError(f"{command}: expected --config FILE")
    return config


def tell(found: object, as_json: bool, table: Callable[[], None]) -> None:
    """Prints what was found, as JSON or by `table`."""
    if as_json:
        typer.echo(json_line(found))
    else:
        table()


def json_line(found: object) -> str:
    """One line of JSON. Letters stand as they are where the reader knows them, else as escapes."""
    utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    return escaped(json.dumps(found, ensure_ascii=not utf8))


@contextmanager
def reading(loaded: Loaded) -> Iterator[Reader]:
    """A look into the store, checked and migrated before."""
    open_store(loaded.store_path, create=False).close()
    reader = Reader(connect_reading(loaded.store_path))
    try:
        yield reader
    except (sqlite3.DatabaseError, StoreDamaged) as error:
        raise UserError(
            f"{loaded.store_path}: cannot be read ({error}); the gateway's next start checks and recovers it"
        ) from error
    finally:
        reader.close()


@contextmanager
def writing(loaded: Loaded) -> Iterator[sqlite3.Connection]:
    """A connection that changes the store; a gateway that runs on it takes the change over at once."""
    connection = open_store(loaded.store_path)
    try:
        yield connection
    except (sqlite3.DatabaseError, StoreDamaged) as error:
        raise UserError(f"{loaded.store_path}: cannot be written ({error})") from error
    finally:
        connection.close()
