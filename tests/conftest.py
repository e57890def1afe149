"""Fixtures of every test: portable tests run on both interpreters (see tests/plugins)."""

pytest_plugins = ["tests.plugins.both_interpreters", "tests.plugins.spread"]
