"""Regions: the part of a file that is made. The rest of the file is written by people.

in Markdown   <!-- table: NAME -->   and the lines with | behind it
elsewhere     # table: NAME … # end of table, with the language's own sign of a comment
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate import boards, cddl, code, markdown
from docs.generate.sensors import sensors

Make = Callable[[], str]

FILES: Mapping[str, Mapping[str, Make]] = {
    "firmware/wire/lyhord_wire/codes.py": {"codes": code.codes},
    "firmware/wire/lyhord_wire/settings.py": {"settings": code.settings},
    "firmware/wire/lyhord_wire/names.py": {"names": code.names},
    "firmware/wire/lyhord_wire/instructions.py": {"instructions": code.instructions},
    "docs/lyhord.cddl": cddl.REGIONS,
    "docs/boards.md": {"boards": boards.table},
    "docs/protocol.md": markdown.PROTOCOL,
    "docs/sensors.md": {"sensors": sensors, "alarm limits": markdown.alarm_limits},
    "docs/platforms.md": {"platform names": markdown.platform_names},
}


def current(root: Path) -> dict[Path, str]:
    """Each file that has regions, as it should be. Raises ValueError for a region that is not there once."""
    found = {}
    for name, regions in FILES.items():
        path = root / name
        text = path.read_text(encoding="utf-8")
        for region, make in regions.items():
            text = _filled(text, region, make(), path)
        found[path] = text
    return found


def _filled(text: str, region: str, made: str, path: Path) -> str:
    if path.suffix == ".md":
        pattern = rf"(<!-- table: {region} -->\n)(?:\|.*\n)*()"
    else:
        pattern = rf"( *[#;] table: {region}\n)(?:.*\n)*?( *[#;] end of table\n)"
    text, count = re.subn(pattern, lambda match: match[1] + made + match[2], text)
    if count != 1:
        raise ValueError(f"{path}: expected the region {region} once, it is there {count} times")
    return text
