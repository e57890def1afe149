"""Orders for a node from a person or a platform: settings and commands, checked before they are queued.

An order is refused whole, in one line, against the one table of settings; what is queued fits into an
answer at every spreading factor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lyhord_gateway.support.errors import UserError
from lyhord_wire.frame import DOWNLINK_OVERHEAD, max_frame
from lyhord_wire.instructions import (
    COMMAND,
    SETTINGS,
    SETTINGS_VERSION,
    STORED,
    encode_instructions,
)
from lyhord_wire.tables import (
    COMMANDS,
    EMPTY_DISTANCE,
    FULL_DISTANCE,
)
from lyhord_wire.tables import SETTINGS as TABLE

# RX2 is at SF12, so an answer that fits there can go out in both windows, whatever the uplink's SF was.
ANSWER_MAX = max_frame(12) - DOWNLINK_OVERHEAD
VERSION_MAX = 0xFFFFFFFF

_SETTING_KEYS = {setting.name: key for key, setting in TABLE.items()}
_COMMANDS = {command.name: command for command in COMMANDS.values()}
_WIDEST = 0xFFFFFFFF  # *stored* and a settings version, at their longest


WhyRefused = Literal["invalid", "method", "unknown_node", "full", "unheard", "store"]


class OrderRefused(UserError):
    """One line that names the setting or command and what was expected. reason: a counter's name."""

    def __init__(self, text: str, reason: WhyRefused = "invalid") -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Order:
    """Either settings (id → integer) or a command (code, arguments …); the other one is empty."""

    settings: Mapping[int, int]
    command: tuple[int, ...]

    def text(self) -> str:
        """As a person writes it: `full_alarm=80` or `blink 5`."""
        if self.settings:
            return " ".join(f"{setting_name(key)}={value}" for key, value in self.settings.items())
        code, *arguments = self.command
        known = COMMANDS.get(code)
        return " ".join([known.name if known else f"command_{code}", *map(str, arguments)])


def settings_order(wanted: Mapping[str, int]) -> Order:
    """Settings by name. Raises OrderRefused."""
    if not wanted:
        raise OrderRefused("settings: expected one at least")
    values: dict[int, int] = {}
    for name, value in wanted.items():
        key = _SETTING_KEYS.get(name)
        if key is None:
            raise OrderRefused(f"{name:.40}: expected one of {', '.join(_SETTING_KEYS)}")
        setting = TABLE[key]
        if not setting.low <= value <= setting.high:
            unit = f" ({setting.unit})" if setting.unit else ""
            raise OrderRefused(f"{name}: expected {setting.low}…{setting.high}{unit}")
        values[key] = value
    empty = values.get(EMPTY_DISTANCE, 0)
    if empty and values.get(FULL_DISTANCE, 0) >= empty:
        raise OrderRefused(f"full_distance: expected less than empty_distance, {empty}")
    if instructions_size(values, ()) > ANSWER_MAX:
        raise OrderRefused("settings: expected fewer at a time, they must fit into a frame at SF12")
    return Order(values, ())


def command_order(name: str, arguments: Sequence[int] = ()) -> Order:
    """A command by name. Raises OrderRefused."""
    command = _COMMANDS.get(name)
    if command is None:
        raise OrderRefused(f"{name:.40}: expected one of {', '.join(_COMMANDS)}")
    if not command.high:
        if arguments:
            raise OrderRefused(f"{name}: expected no argument")
    elif len(arguments) > 1 or not all(1 <= argument <= command.high for argument in arguments):
        raise OrderRefused(f"{name}: expected one argument at most, 1…{command.high}")
    return Order({}, (command.key, *arguments))


def instructions_size(settings: Mapping[int, int], command: Sequence[int]) -> int:
    """Bytes of an answer with these and *stored*, at the most."""
    instructions: dict[int, object] = {STORED: _WIDEST}
    if settings:
        instructions[SETTINGS] = dict(settings)
        instructions[SETTINGS_VERSION] = VERSION_MAX
    if command:
        instructions[COMMAND] = list(command)
    return len(encode_instructions(instructions))


def setting_name(key: int) -> str:
    setting = TABLE.get(key)
    return setting.name if setting else f"setting_{key}"
