"""`lyhord report`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools.cli.options import JsonOption, read_bytes
from lyhord_tools.errors import ToolError
from lyhord_tools.papers import record as records
from lyhord_tools.papers import report, signature
from lyhord_tools.private_file import create_private
from lyhord_wire.outside import printable

commands = typer.Typer(
    name="report",
    help="Signed reports of devices: make a key, sign a self-test, check somebody's.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@commands.command("key")
def make_key(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, mode 0600: keep it.")],
) -> None:
    """Make a technician's key, and print its public half for those who check."""
    typer.echo(signature.new_key(out), nl=False)
    typer.echo(
        f"fingerprint {signature.fingerprint(signature.load_key(out).public_key().public_bytes_raw())}"
    )


@commands.command("sign")
def sign_record(
    record: Annotated[Path, typer.Argument(metavar="RECORD", help="JSON of `lyhord selftest --json`.")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The signed report, a new .json file.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Key of `lyhord report key`.")],
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Also as a page, .pdf or .png.")
    ] = None,
) -> None:
    """Sign a device's record: JSON for machines, and a page for people."""
    try:
        told = json.loads(read_bytes(record))
    except (ValueError, RecursionError) as fault:
        raise ToolError(f"{record}: expected the JSON of lyhord selftest --json") from fault
    found = records.read(told)
    signer = signature.load_key(key)
    signed = signature.sign(found, signer)
    if pdf is not None:
        report.render(found, pdf, signer.public_key().public_bytes_raw())
    create_private(out, signed)
    typer.echo(f"{out}: {_who(found)}, {found.verdict}, signed")


@commands.command("verify")
def verify_report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A signed report.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Public key (PEM) that must have signed it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a signed report: was it changed, and with --key, is it who it should be?"""
    found, signed_with = signature.verify(file, None if key is None else signature.load_public(key))
    print_of = signature.fingerprint(signed_with)
    if as_json:
        typer.echo(
            json.dumps(
                {"valid": True, "signer_known": key is not None, "fingerprint": print_of, **found.told()}
            )
        )
        return
    typer.echo(
        printable(f"{file}: unchanged since it was signed: {_who(found)}, {found.verdict}, {found.made}")
    )
    if key is None:
        typer.echo(f"signed with the key that is enclosed, {print_of}; --key says whose that must be")
    else:
        typer.echo(f"signed with {key}, {print_of}")


def _who(found: records.Record) -> str:
    return f"node {found.device.id}" if found.device.id else f"board {found.device.mac}"
