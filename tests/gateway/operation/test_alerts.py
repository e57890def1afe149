"""The alerts of docs/operate.md: Prometheus' own tool tries each on what a real gateway answers to a scrape.

A story says how some series of the recorded scrape go on, minute by minute; all others stay as they were. A
series that the gateway does not have from its start cannot be told of, as no alert could see it begin.
"""

import asyncio
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.gateway.parts import DEADLINE_S, GatewayProcess, free_port, get
from tests.gateway.promtool import find_promtool
from tests.install.document import blocks

EUI = "aa555a0000000101"
TARGET = 'instance="gw:9470",job="gateways"'
MINUTES = 300
ALERT = re.compile(r"- alert: (\w+)")
SAMPLE = re.compile(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$")


@dataclass(frozen=True)
class Story:
    """quiet_min, at_min: minutes at which the alert does not fire yet, and does. series: those that change,
    in Prometheus' notation (`start+step x times`). labels: of the alert, beside the target's."""

    alert: str
    quiet_min: int
    at_min: int
    series: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    without_target: bool = False  # nobody answers the scrape


WELL = {
    "lyhord_healthy": "1+0x300",
    'lyhord_platform_up{platform="city"}': "1+0x300",
    f'lyhord_up{{part="{EUI}"}}': "1+0x300",
    "lyhord_samples_stored_total": "0+9x300",
    'lyhord_nodes{kind="known"}': "100+0x300",
    'lyhord_nodes{kind="enabled"}': "100+0x300",
    'lyhord_nodes{kind="heard_last_day"}': "99+0x300",
    "lyhord_disk_free_bytes": "5000000000+0x300",
}
STORIES = [
    Story("LyhordUnhealthy", 63, 66, {"lyhord_healthy": "1+0x59 0+0x100"}),
    Story("LyhordUnhealthy", 63, 70, {"lyhord_healthy": "1+0x59 stale"}, without_target=True),
    Story(
        "LyhordBacklog",
        35,
        50,
        {'lyhord_platform_backlog_age_seconds{platform="city"}': "0+60x300"},
        {"platform": "city"},
    ),
    Story(
        "LyhordPlatformDown",
        88,
        92,
        {'lyhord_platform_up{platform="city"}': "1+0x59 0+0x100"},
        {"platform": "city"},
    ),
    # Never heard since the start; the answers of a concentrator that is heard; our own clock.
    Story("LyhordPartDown", 29, 31, {f'lyhord_up{{part="{EUI}"}}': "0+0x300"}, {"part": EUI}),
    Story(
        "LyhordPartDown",
        88,
        92,
        {f'lyhord_up{{part="{EUI}.answers"}}': "1+0x59 0+0x100"},
        {"part": f"{EUI}.answers"},
    ),
    Story("LyhordPartDown", 88, 92, {'lyhord_up{part="clock"}': "1+0x59 0+0x100"}, {"part": "clock"}),
    Story("LyhordPartDown", 88, 92, {'lyhord_up{part="store"}': "1+0x59 0+0x100"}, {"part": "store"}),
    Story("LyhordSilence", 59, 62, {"lyhord_samples_stored_total": "0+0x300"}),  # there was never a sample
    Story("LyhordSilence", 170, 185, {"lyhord_samples_stored_total": "0+9x60 540+0x200"}),
    Story("LyhordNodesMissing", 118, 122, {'lyhord_nodes{kind="heard_last_day"}': "99+0x59 94+0x200"}),
    *(
        Story(
            "LyhordForgery",
            59,
            65,
            {f'lyhord_frames_refused_total{{reason="{reason}"}}': "0+0x59 0+25x200"},  # the first ones ever
            {"reason": reason},
        )
        for reason in ("tag", "replay")
    ),
    Story(
        "LyhordSkipped",
        59,
        62,
        {'lyhord_platform_readings_skipped_total{platform="city"}': "0+0x59 1+0x200"},
        {"platform": "city"},
    ),
    Story("LyhordDropped", 59, 62, {"lyhord_samples_dropped_total": "0+0x59 1+0x200"}),
    Story("LyhordRestarts", 59, 65, {"process_start_time_seconds": "1000+0x59 1100+60x4 1400+0x200"}),
    Story("LyhordDisk", 63, 67, {"lyhord_disk_free_bytes": "5000000000+0x59 400000000+0x200"}),
]


async def record(folder: Path) -> str:
    """A scrape of a gateway to which nothing has happened: no frame, no platform, no concentrator."""
    port = free_port()
    extra = f'[http]\nport = {port}\n[udp]\neuis = ["{EUI}"]\nlisten = "127.0.0.1"\nport = {free_port()}\n'
    async with GatewayProcess(folder, free_port(), extra):
        async with asyncio.timeout(DEADLINE_S):
            while True:
                text = (await asyncio.to_thread(get, port, "/metrics"))[1]
                if "lyhord_disk_free_bytes" in text:
                    return text
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Series → value, labels in the order of their names, as the stories write them."""
    text = asyncio.run(record(tmp_path_factory.mktemp("scraped")))
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            found[match[1] + (f"{{{match[2]}}}" if match[2] else "")] = match[3]
    return found


def of_target(series: str) -> str:
    """As Prometheus keeps it: with the labels of the target."""
    name, _, labels = series.partition("{")
    return f"{name}{{{labels[:-1]},{TARGET}}}" if labels else f"{name}{{{TARGET}}}"


def told(scrape: dict[str, str], changed: dict[str, str]) -> list[dict[str, str]]:
    assert changed.keys() <= scrape.keys(), "the gateway has these from the start"
    constant = {series: f"{value}+0x{MINUTES}" for series, value in scrape.items()}
    return [
        {"series": of_target(series), "values": values} for series, values in {**constant, **changed}.items()
    ]


def summary(alert: str, labels: dict[str, str]) -> str:
    """The alert's words to people."""
    (rules,) = blocks("rules")
    found = re.search(rf'alert: {alert}\n(?: +(?:expr|for): .*\n)+ +annotations: {{summary: "(.*)"}}', rules)
    assert found is not None, alert
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda name: labels[name[1]], found[1])


def fires(alert: str, minute: int, *labels: dict[str, str], target: bool = True) -> dict[str, object]:
    base = {"instance": "gw:9470", "job": "gateways"} if target else {}
    return {
        "alertname": alert,
        "eval_time": f"{minute}m",
        "exp_alerts": [
            {"exp_labels": base | one, "exp_annotations": {"summary": summary(alert, one)}} for one in labels
        ],
    }


def try_rules(folder: Path, tests: list[dict[str, object]]) -> None:
    """Raises AssertionError with what promtool says."""
    promtool = find_promtool()
    if promtool is None:
        pytest.skip("promtool is not here: make promtool")
    (folder / "rules.yml").write_text(blocks("rules")[0])
    path = folder / "tests.yml"
    path.write_text(
        json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    )  # JSON is YAML
    said = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_fires_when_its_story_comes_true(scrape: dict[str, str], tmp_path: Path) -> None:
    tests: list[dict[str, object]] = []
    for story in STORIES:
        series = told(scrape, WELL | story.series)
        checks = [
            fires(story.alert, story.quiet_min),
            fires(story.alert, story.at_min, story.labels, target=not story.without_target),
        ]
        name = f"{story.alert} {story.series}"
        tests.append({"name": name, "interval": "1m", "input_series": series, "alert_rule_test": checks})
    try_rules(tmp_path, tests)


def test_there_is_a_story_of_every_alert_and_none_fires_while_all_is_well(
    scrape: dict[str, str], tmp_path: Path
) -> None:
    alerts = ALERT.findall(blocks("rules")[0])
    assert {story.alert for story in STORIES} == set(alerts)
    checks = [fires(alert, minute) for alert in alerts for minute in (5, 119, 290)]
    quiet = {"interval": "1m", "input_series": told(scrape, WELL), "alert_rule_test": checks}
    try_rules(tmp_path, [quiet])


def test_a_gateway_that_hears_nothing_and_reaches_nobody_is_seen(
    scrape: dict[str, str], tmp_path: Path
) -> None:
    """The scrape as it was recorded: what never was there raises its alert all the same."""
    checks = [
        fires("LyhordSilence", 90, {}),
        fires("LyhordPlatformDown", 45, {"platform": "city"}),
        fires("LyhordPartDown", 45, {"part": EUI}),
    ]
    silent = {"interval": "1m", "input_series": told(scrape, {}), "alert_rule_test": checks}
    try_rules(tmp_path, [silent])


def test_alerts_name_nothing_that_a_scrape_does_not_have(scrape: dict[str, str]) -> None:
    """Holds without promtool too."""
    (rules,) = blocks("rules")
    named = re.findall(r"((?:lyhord|process)_[a-z0-9_]+)(\{[^}]*\})?", rules)
    assert len(named) > 10
    for name, selector in named:
        wanted = re.findall(r'(\w+)=(~?)"([^"]*)"', selector)
        values = [(label, value) for label, alternatives, one in wanted for value in one.split("|")]
        for label, value in values or [("", "")]:
            assert any(
                series.partition("{")[0] == name and (not label or f'{label}="{value}"' in series)
                for series in scrape
            ), f"{name}{selector}"
