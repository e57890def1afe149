"""The tables themselves: names and numbers that a reader may trust to be unique and in range."""

from lyhord_wire import instructions, names, settings, tables

ROWS = ("QUANTITIES", "SETTINGS", "ALARMS", "STATUS", "FAULTS", "COMMANDS", "ABOUT", "INSTRUCTIONS")


def test_names_are_unique_and_plain():
    for table in [getattr(tables, name) for name in ROWS]:
        check_names([row.name for row in table.values()])
        assert all(key == row.key for key, row in table.items())
    check_names(list(tables.RESET_CAUSES.values()))
    check_names(list(tables.PROFILES.values()))


def check_names(names):
    assert names
    assert len(set(names)) == len(names), names
    for name in names:
        assert name, names
        assert all(letter in "abcdefghijklmnopqrstuvwxyz0123456789_" for letter in name), name


def test_quantities_have_ranges_that_make_sense():
    assert sorted(tables.QUANTITIES) == list(range(1, 13))
    for key, quantity in tables.QUANTITIES.items():
        assert quantity.key == key
        assert key < tables.FIRST_DEPLOYMENT_QUANTITY
        assert quantity.low < quantity.high, quantity.name
        assert quantity.low <= 0, quantity.name
        assert quantity.num >= 1, quantity.name
        assert quantity.den in (1, 10, 100, 1000), quantity.name
    assert tables.FIRST_DEPLOYMENT_QUANTITY == 32


def test_absolute_zero_is_the_coldest():
    assert tables.QUANTITIES[tables.TEMPERATURE].low == -2731


def test_settings_have_defaults_inside_their_ranges():
    assert sorted(tables.SETTINGS) == list(range(1, 16))
    for key, setting in tables.SETTINGS.items():
        assert setting.key == key
        assert setting.low <= setting.default <= setting.high, setting.name


def test_the_defaults_of_the_protocol():
    defaults = {setting.name: setting.default for setting in tables.SETTINGS.values()}
    assert defaults["sample_period"] == 900
    assert defaults["report_period"] == 3600
    assert defaults["full_alarm"] == 85
    assert defaults["fire_alarm"] == 650
    assert defaults["frost_alarm"] == 50
    assert defaults["warm_alarm"] == 300
    assert defaults["spreading_factor"] == 9
    assert defaults["tx_power"] == 14
    assert defaults["ack_every"] == 4
    assert defaults["tilt_alarm"] == 30
    assert defaults["link"] == tables.LINK_AUTO
    assert defaults["channels"] == 255
    assert defaults["fastest_sf"] == 12  # never below `spreading_factor`: it stays as it is set


def test_upper_case_numbers_and_tables_agree():
    numbered = dir(tables)
    for prefix, table in (
        ("ALARM_", tables.ALARMS),
        ("STATUS_", tables.STATUS),
        ("FAULT_", tables.FAULTS),
        ("COMMAND_", tables.COMMANDS),
        ("PROFILE_", tables.PROFILES),
        ("ABOUT_", tables.ABOUT),
    ):
        numbers = [getattr(tables, name) for name in numbered if name.startswith(prefix)]
        assert sorted(numbers) == sorted(table), prefix
    for name in ("QUANTITIES", "SETTINGS", "ALARMS", "STATUS", "FAULTS", "COMMANDS", "ABOUT"):
        for row in getattr(tables, name).values():
            assert getattr(tables, row.constant) == row.key
    for row in tables.INSTRUCTIONS.values():
        assert getattr(instructions, row.constant) == row.key


def test_the_node_has_the_names_and_ranges_of_the_tables():
    for name in ("QUANTITIES", "ALARMS", "FAULTS"):
        assert getattr(names, name) == {row.key: row.name for row in getattr(tables, name).values()}
    assert names.RESET_CAUSES == tables.RESET_CAUSES
    assert sorted(settings.SETTINGS) == sorted(tables.SETTINGS)
    for key, setting in settings.SETTINGS.items():
        row = tables.SETTINGS[key]
        for column in ("key", "name", "unit", "low", "high", "default"):
            assert getattr(setting, column) == getattr(row, column)


def test_every_quantity_has_a_unit_that_platforms_know():
    for quantity in tables.QUANTITIES.values():
        assert quantity.unit in tables.UNITS, quantity.name


def test_faults_are_single_bits():
    assert sorted(tables.FAULTS) == [1, 2, 4, 8, 16, 32, 64, 128, 256]


def test_alarm_2_stays_unused():
    assert 2 not in tables.ALARMS


def test_firmware_versions_are_one_number():
    assert tables.version_number(1, 2, 3) == 0x010203
    assert tables.version_number(0, 0, 0) == 0
    assert tables.version_number(255, 255, 255) == 0xFFFFFF
