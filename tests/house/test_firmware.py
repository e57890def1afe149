"""Rules of an ESP32 that a PC does not have."""

import ast

from tests.house.sources import ROOT, python_files


def on_the_device():
    for folder in ("wire", "drivers", "boards", "node", "bridge"):
        yield from python_files(f"firmware/{folder}")


def test_no_floats():
    """Floats have 32 bits on the ESP32: a Unix time or a latitude would lose its last digits."""
    found = []
    for path in on_the_device():
        for node in ast.walk(ast.parse(path.read_text())):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            division = isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div)
            call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
            if literal or division or call:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_no_cipher_mode_that_the_esp32_lacks():
    """The ESP32's cryptolib has ECB (1) and CBC (2), no CTR (6)."""
    for path in on_the_device():
        assert "MODE_CTR" not in path.read_text(), path
