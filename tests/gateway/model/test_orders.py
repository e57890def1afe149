"""Orders for a node: names, ranges, size; refused whole, in one line."""

import pytest

from lyhord_gateway.model.orders import Order, OrderRefused, command_order, settings_order
from lyhord_wire.tables import COMMANDS, SETTINGS


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)
def test_each_setting_is_held_to_its_range(setting) -> None:
    assert settings_order({setting.name: setting.low}).settings == {setting.key: setting.low}
    assert settings_order({setting.name: setting.high}).settings == {setting.key: setting.high}
    for wrong in (setting.low - 1, setting.high + 1):
        with pytest.raises(OrderRefused, match=f"{setting.name}: expected {setting.low}…{setting.high}"):
            settings_order({"ack_every": 4, setting.name: wrong})


def test_settings_that_do_not_go_together_or_are_too_many_are_refused_whole() -> None:
    with pytest.raises(OrderRefused, match="less than empty_distance, 300"):
        settings_order({"empty_distance": 300, "full_distance": 300})
    assert settings_order({"empty_distance": 0, "full_distance": 300}).settings
    with pytest.raises(OrderRefused, match="fit into a frame at SF12"):
        settings_order({setting.name: setting.high for setting in SETTINGS.values() if setting.key != 8})
    with pytest.raises(OrderRefused, match="flavour: expected one of sample_period, "):
        settings_order({"flavour": 1})


def test_commands_by_name_with_their_arguments() -> None:
    for code, name in [(command.key, command.name) for command in COMMANDS.values()]:
        assert command_order(name) == Order({}, (code,))
    assert command_order("blink", [5]).text() == "blink 5"
    for name, arguments in (
        ("blink", [0]),
        ("blink", [101]),
        ("blink", [1, 2]),
        ("restart", [1]),
        ("explode", []),
    ):
        with pytest.raises(OrderRefused, match=f"{name}: expected"):
            command_order(name, arguments)
