"""A small SenML resolver, written from RFC 8428 section 4.6 and sharing nothing with the gateway."""

import re

# RFC 8428 section 12.1 and RFC 8798: those that this project's quantities can have.
UNITS = {"m", "Cel", "V", "%RH", "/", "%", "Pa", "lx", "count", "ppm", "deg", "dB", "dBm"}
UNITS |= {"mm", "cm", "mV", "hPa"}  # secondary units, RFC 8798 section 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_KNOWN = {"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"}


def resolve(pack: list[dict]) -> list[dict]:
    """Records with full name, absolute time, unit and value; raises AssertionError for a bad pack."""
    assert isinstance(pack, list) and pack
    base_name, base_time, base_unit, base_value = "", 0, None, 0
    resolved = []
    for record in pack:
        assert set(record) <= _KNOWN, f"unknown fields in {record}"
        base_name = record.get("bn", base_name)
        base_time = record.get("bt", base_time)
        base_unit = record.get("bu", base_unit)
        base_value = record.get("bv", base_value)
        name = base_name + record.get("n", "")
        assert _NAME.fullmatch(name), name
        assert sum(key in record for key in ("v", "vs", "vb", "vd", "s")) == 1, record
        time = base_time + record.get("t", 0)
        assert time >= 2**28, "relative time"
        unit = record.get("u", base_unit)
        assert unit is None or unit in UNITS, unit
        value = record["v"] + base_value if "v" in record else record.get("vs", record.get("vb"))
        resolved.append({"name": name, "time": time, "unit": unit, "value": value})
    return resolved


def readings(pack: list[dict], prefix: str = "lyhord-") -> dict[tuple[int, int], dict]:
    """(node, seq) → {"time": …, name: (value, unit)}; every record belongs to the `seq` before it."""
    found: dict[tuple[int, int], dict] = {}
    current: dict = {}
    for record in resolve(pack):
        assert record["name"].startswith(prefix), record["name"]
        node_text, name = record["name"][len(prefix) :].split(":")
        if name == "seq":
            current = {"node": int(node_text, 16), "time": record["time"]}
            found[current["node"], record["value"]] = current
        assert (current["node"], current["time"]) == (int(node_text, 16), record["time"])
        current[name] = (record["value"], record["unit"])
    return found
