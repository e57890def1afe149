"""`const` for the drivers' pure parts on CPython."""

from tests.fakes.names_of_micropython import install

install()
