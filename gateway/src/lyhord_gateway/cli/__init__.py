"""`lyhord-gateway`: thin commands over the library, and how they show what they find."""

from lyhord_gateway.cli.commands import app, main

__all__ = ["app", "main"]
