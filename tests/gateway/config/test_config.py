"""The configuration: its template, and every fault in one line that names file, key and expectation."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from lyhord_gateway.config.platform_rules import only
from lyhord_gateway.config.template import template
from lyhord_gateway.config.tree import Config, load
from lyhord_gateway.options.platform_options import Platform, keys
from lyhord_gateway.profiles.catalogue import KINDS
from lyhord_gateway.profiles.make import kind_named
from lyhord_gateway.support.errors import UserError
from tests.fakes.certificates import Authority
from tests.gateway.parts import cli

BASE = "[gateway]\nnumber = 1\n"
PLATFORM = BASE + '[[platform]]\nname = "city"\nurl = "mqtt://localhost"\nprofile = "senml"\n'
YGGIO = "yggio/generic/v2/city/lyhord-{node}"
PROFILES = [kind.profile for kind in KINDS]


def platform(profile: str, *options: str) -> str:
    return PLATFORM.replace('"senml"', f'"{profile}"') + "".join(f"{option}\n" for option in options)


def written(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def fault(folder: Path, text: str) -> str:
    path = written(folder, text)
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_the_template_is_accepted_unchanged_and_says_every_default(tmp_path: Path) -> None:
    config = load(written(tmp_path, template())).config
    assert config == load(written(tmp_path, BASE + "[mqtt]\n")).config


@pytest.mark.parametrize("profile", PROFILES)
def test_every_key_of_the_template_is_accepted_and_documented(profile: str, tmp_path: Path) -> None:
    text = re.sub(r"^#(\[|[a-z_]+ = )", r"\1", template(), flags=re.M)
    text = text.replace("embedded = true", "embedded = false")
    shared, *own = re.split(r"(?=^profile = )", text, flags=re.M)
    rest = own[-1][own[-1].index("\n\n") :]
    chosen = next(part for part in own if part.startswith(f'profile = "{profile}"'))
    text = shared + chosen.removesuffix(rest) + rest
    text = re.sub(r"^organization = ", "#organization = ", text, flags=re.M)  # it goes without device
    if profile == "homeassistant":
        text = text.replace("fill_scale = 1", "fill_scale = 100")
    (tmp_path / "fiware.key").write_text("4jggokgpepnvsb2uv4s40d59ov\n")
    (tmp_path / "fiware.key").chmod(0o600)
    Authority(tmp_path, "ca").issue("client")[0].rename(tmp_path / "client.pem")
    for name in ("node-broker.credentials", "city.credentials"):
        (tmp_path / name).write_text("user\npassword\n")
        (tmp_path / name).chmod(0o600)
    loaded = load(written(tmp_path, text))
    for section in Config.__struct_fields__:
        value = getattr(loaded.config, section)
        for key in (value[0] if isinstance(value, tuple) else value).__struct_fields__:
            assert re.search(rf"^# .*\n#?{key} = ", text, re.M), f"{section}.{key} is not documented"
    assert loaded.node_brokers["mqtt"].url.tls
    assert loaded.platforms[0][1].credentials is not None
    assert "password" not in repr(loaded).replace("password on", "")
    assert "4jggokgpepnvsb2uv4s40d59ov" not in repr(loaded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BASE + "colour = 1\n", r"unknown field `colour` - at `\$.gateway`"),
        ("[gateways]\n" + BASE, r"unknown field `gateways`"),
        ('[gateway]\nname = "x"\n', r"missing required field `number` - at `\$.gateway`"),
        ("[gateway]\nnumber = 256\n", r"Expected `int` <= 255 - at `\$.gateway.number`"),
        ("[gateway]\nnumber = true\n", r"Expected `int`, got `bool` - at `\$.gateway.number`"),
        ("[gateway]\nnumber = \n", r"line 2"),
        (BASE + "[mqtt]\nembedded = false\n", r"mqtt.url: expected a broker's address"),
        (BASE + '[mqtt]\nurl = "mqtt://x"\n', r"mqtt.url: expected no address"),
        (BASE + '[[bridge]]\nurl = "x"\nfreq_hz = 869000000\n', r"bridge\[0\].freq_hz: expected"),
        (BASE + '[[bridge]]\nurl = "x"\nname = "a"\n' * 2, r"bridge.name: expected different names"),
        (
            BASE + '[[bridge]]\nurl = "x"\nname = "store"\n',
            r"bridge\[0\].name: expected another than broker",
        ),
        (BASE + '[[bridge]]\nurl = "x"\nname = "platform.city"\n', r"bridge\[0\].name: expected another"),
        (PLATFORM + PLATFORM.removeprefix(BASE), r"platform.name: expected different names"),
        (PLATFORM.replace("mqtt:", "http:"), r"platform\[0\].url: expected mqtt://host:port"),
        (PLATFORM.replace("localhost", "u:p@localhost"), r"platform\[0\].url: .*credentials file"),
        (PLATFORM.replace("localhost", "localhost:99999"), r"platform\[0\].url: .*port"),
        (PLATFORM + 'ca_file = "ca.pem"\n', r"platform\[0\].url: expected mqtts://"),
        (PLATFORM + 'topic = "a/{nodes}"\n', r"platform\[0\].topic: expected no braces but"),
        (PLATFORM + 'topic = "a/#"\n', r"at `\$.platform\[0\].topic`"),
        (PLATFORM + "fill_scale = 10\n", r"at `\$.platform\[0\].fill_scale`"),
        (PLATFORM + 'credentials = "none"\n', r"platform\[0\].credentials: .*none cannot be read"),
        (
            PLATFORM.replace("mqtt:", "mqtts:") + 'ca_file = "no.pem"\n',
            r"platform\[0\].ca_file: .*cannot be read",
        ),
        (PLATFORM.replace("mqtt:", "mqtts:") + 'cert_file = "c"\n', r"platform\[0\].key_file: expected"),
        (PLATFORM + 'device = "bin"\n', r"platform\[0\].device: expected {node} in it"),
        (PLATFORM + 'device = "bin {node}"\n', r"platform\[0\].device: expected letters, .* for senml"),
        (PLATFORM + 'backlog_topic = "a/{nodes}"\n', r"platform\[0\].backlog_topic: expected no braces but"),
        (PLATFORM + "expire_s = 60\n", r"platform\[0\].expire_s: expected nothing here for senml; .*homeass"),
        (PLATFORM + 'context = "https://x"\n', r"platform\[0\].context: .* it is for ngsi-ld"),
        (PLATFORM + 'battery_unit = "kV"\n', r"at `\$.platform\[0\].battery_unit`"),
        (platform("thingsboard", 'topic = "a"'), r"platform\[0\].topic: .* senml, ngsi-ld, homeassistant"),
        (platform("fiware-iota-json"), r"platform\[0\].api_key: expected the file"),
        (platform("fiware-iota-json", 'api_key = "none"'), r"platform\[0\].api_key: .*none cannot be read"),
        (platform("fiware-iota-json", 'device = "{node}/a"', 'api_key = "k"'), r"platform\[0\].device: "),
        (platform("ngsi-ld", 'device = "å{node}"'), r"platform\[0\].device: expected letters, digits"),
        (platform("ngsi-ld", 'context = "x"'), r"at `\$.platform\[0\].context`"),
        (platform("yggio"), r"platform\[0\].topic: expected yggio/generic/v2/<credential set>/"),
        (platform("yggio", 'topic = "generic/{node}"'), r"platform\[0\].topic: expected yggio/generic/v2/"),
        (platform("yggio", 'topic = "yggio/generic/v2/a"'), r"platform\[0\].topic: expected {node} in it"),
        (platform("yggio", f'topic = "{YGGIO}"', "batch_count = 20"), r"platform\[0\].batch_count: expected"),
        (platform("homeassistant", 'topic = "a"'), r"platform\[0\].topic: expected {node} in it"),
        (platform("homeassistant", 'backlog_topic = "a"'), r"platform\[0\].backlog_topic: expected {node}"),
        (platform("homeassistant", "fill_scale = 1"), r"platform\[0\].fill_scale: expected 100 for home"),
        (platform("homeassistant", 'device = "a.{node}"'), r"platform\[0\].device: expected letters, digits"),
        (platform("homeassistant", 'discovery_prefix = "a/b"'), r"at `\$.platform\[0\].discovery_prefix`"),
    ],
)
def test_faults_name_the_key_and_what_was_expected(text: str, expected: str, tmp_path: Path) -> None:
    assert re.search(expected, fault(tmp_path, text))


@pytest.mark.parametrize(("content", "mode"), [("a b\n", 0o600), ("", 0o600), ("a/b", 0o600), ("abc", 0o644)])
def test_an_api_key_is_private_and_fits_into_a_topic(content: str, mode: int, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(content)
    (tmp_path / "key").chmod(mode)
    said = fault(tmp_path, platform("fiware-iota-json", 'api_key = "key"'))
    assert said.startswith("platform[0].api_key: ") and "expected" in said


def test_options_stand_below_the_profiles_that_they_are_for() -> None:
    below = re.split(r"^#profile = ", template(), flags=re.M)[1:]
    assert [part.split("\n", 1)[0].strip('"') for part in below] == PROFILES
    for key, profiles in only().items():
        assert key not in keys(Platform)
        found = [name for name, part in zip(PROFILES, below, strict=True) if f"\n#{key} = " in part]
        assert tuple(found) == profiles, key


@pytest.mark.parametrize("profile", PROFILES)
def test_another_profiles_option_at_its_default_says_nothing(profile: str, tmp_path: Path) -> None:
    """As the template has them, so that files of before go on as they are."""
    needed = {"yggio": f'topic = "{YGGIO}"', "fiware-iota-json": 'api_key = "key"'}
    (tmp_path / "key").write_text("4jggokgpepnvsb2uv4s40d59ov\n")
    (tmp_path / "key").chmod(0o600)
    lines = ["batch_count = 100", "expire_s = 14400", "commands = true", 'compression = "none"']
    lines += ['discovery_prefix = "homeassistant"', needed.get(profile, "")]
    loaded = load(written(tmp_path, platform(profile, *lines)))
    ((options, _),) = loaded.platforms
    assert type(options) is kind_named(profile).options and options.profile == profile


def test_a_profile_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    assert (
        fault(tmp_path, platform("carrier-pigeon")) == f"platform[0].profile: expected {', '.join(PROFILES)}"
    )


@pytest.mark.parametrize("section", ["platform[0]", "mqtt"])
def test_certificates_are_looked_at_before_anybody_connects(section: str, tmp_path: Path) -> None:
    """A gateway whose node broker had a wrong file ended with a traceback, again and again."""
    certificate, key = Authority(tmp_path, "ca").issue("client")
    (tmp_path / "text.pem").write_text("not a certificate\n")
    locked = serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "locked.key").write_bytes(locked)
    _, other = Authority(tmp_path, "other").issue("somebody")
    for name in ("locked.key", other.name):
        (tmp_path / name).chmod(0o600)
    if section == "mqtt":
        text = BASE + '[mqtt]\nembedded = false\nurl = "mqtts://localhost"\n'
    else:
        text = PLATFORM.replace("mqtt:", "mqtts:")
    good = f'ca_file = "ca.pem"\ncert_file = "{certificate.name}"\nkey_file = "{key.name}"\n'
    load(written(tmp_path, text + good))
    for right, wrong, named in (
        ("ca.pem", "text.pem", "ca_file: expected certificates (PEM) in "),
        (certificate.name, "text.pem", "cert_file: expected a certificate (PEM) that belongs to "),
        (key.name, other.name, "cert_file: expected a certificate (PEM) that belongs to "),
        (key.name, "locked.key", "cert_file: expected a certificate (PEM) that belongs to "),
    ):
        assert fault(tmp_path, text + good.replace(right, wrong)).startswith(f"{section}.{named}")


def test_an_access_token_alone_is_enough_and_hides(tmp_path: Path) -> None:
    (tmp_path / "city").write_text("A1_TOKEN\n")
    (tmp_path / "city").chmod(0o600)
    loaded = load(written(tmp_path, PLATFORM + 'credentials = "city"\n'))
    credentials = loaded.platforms[0][1].credentials
    assert credentials is not None and (credentials.user, credentials.password) == ("A1_TOKEN", None)
    assert "A1_TOKEN" not in repr(loaded)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "--config", "/nonexistent/gateway.toml"], "cannot be read"),
        (["nodes"], "expected --config FILE"),
        (["run", "--config", "{unknown}"], "unknown field `colour`"),
        (["nodes", "--config", "{good}"], "expected a store"),
        (["nodes", "import", "--config", "{good}", "/nonexistent/nodes.jsonl"], "cannot be read"),
    ],
)
async def test_a_users_fault_is_one_line_and_exit_2(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "unknown.toml").write_text(BASE + "colour = 1\n")
    (tmp_path / "good.toml").write_text(BASE + f'data_dir = "{tmp_path}/data"\n')
    files = {"{unknown}": f"{tmp_path}/unknown.toml", "{good}": f"{tmp_path}/good.toml"}
    code, out, err = await cli(*(files.get(argument, argument) for argument in arguments))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and expected in err, err


async def test_check_and_template_from_the_command_line(tmp_path: Path) -> None:
    code, text, _ = await cli("config-template")
    assert code == 0
    path = written(tmp_path, text)
    assert await cli("check", "--config", str(path)) == (0, f"{path}: ok\n", "")


def test_platforms_that_share_a_broker_have_a_health_topic_each(tmp_path: Path) -> None:
    """The last will of one connection would say of the whole gateway that it is gone."""
    other = '[[platform]]\nname = "{}"\nurl = "mqtt://{}"\nprofile = "senml"\n'
    loaded = load(
        written(tmp_path, PLATFORM + other.format("twin", "localhost:1883") + other.format("far", "[::1]"))
    )
    topics = {name: loaded.status_topic(name) for name in ("city", "twin", "far")}
    assert topics["far"] == "lyhord-gateway/lyhord/health"
    assert topics["city"] == "lyhord-gateway/lyhord/health/city"
    assert topics["twin"] == "lyhord-gateway/lyhord/health/twin"
