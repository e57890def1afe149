"""Test functions with known fates; `test_both_interpreters.py` runs them on MicroPython."""

import sys


def passes():
    print("::00000000:: PASS fails")  # a verdict only with the right mark


def fails():
    assert sys.implementation.name == "cpython"


def exits():
    sys.exit(0)


def needs_more_memory():
    bytearray(400_000)


def hangs():
    while True:
        pass


def never_reached():
    raise AssertionError
