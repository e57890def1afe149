"""`const` for the bridge's and the drivers' modules on CPython."""

from tests.fakes.names_of_micropython import install

install()
