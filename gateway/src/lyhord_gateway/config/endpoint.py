"""A broker to connect to: what its section in the configuration says, with the files that it names."""

import ssl
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lyhord_gateway.config.address import is_here, parse_listen
from lyhord_gateway.config.mqtt_url import MqttUrl, parse_mqtt_url
from lyhord_gateway.config.platform_options import Platform
from lyhord_gateway.config.secret import ApiKey, Credentials, check_private, read_api_key, read_credentials
from lyhord_gateway.config.source_options import Mqtt
from lyhord_gateway.support.errors import UserError


class Endpoint(Struct, frozen=True, kw_only=True):
    """A broker to connect to, with everything it takes; its files have been read or found readable."""

    url: MqttUrl
    credentials: Credentials | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    api_key: ApiKey | None = None

    def tls_context(self) -> ssl.SSLContext | None:
        """For mqtts: host name and chain are verified. Raises OSError (ssl.SSLError is one) when a
        file cannot be used."""
        if not self.url.tls:
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file, password="")  # nobody is asked for one
        return context


def read_endpoint(path: Path, base: Path, key: str, section: Mqtt | Platform) -> Endpoint:
    """Checks `section` and reads its files; raises UserError. key: the section's name in messages."""
    try:
        url = parse_mqtt_url(section.url)
    except ValueError as error:
        raise UserError(f"{path}: {key}.url: {error}") from error
    if not url.tls and not is_here(url.host) and not section.insecure:
        raise UserError(
            f"{path}: {key}.url: expected mqtts://, because {url.host} is another machine; or insecure = true"
        )
    if section.cert_file and not section.key_file:
        raise UserError(f"{path}: {key}.key_file: expected the private key of {key}.cert_file")
    if not url.tls and (section.ca_file or section.cert_file or section.key_file):
        raise UserError(f"{path}: {key}.url: expected mqtts://, because certificate files are given")
    credentials = None
    if section.credentials:
        credentials = read_credentials(f"{path}: {key}.credentials", base / section.credentials)
    api_key = None
    if isinstance(section, Platform) and section.api_key:
        api_key = read_api_key(f"{path}: {key}.api_key", base / section.api_key)
    if section.key_file:
        check_private(f"{path}: {key}.key_file", base / section.key_file)
    endpoint = Endpoint(
        url=url,
        credentials=credentials,
        ca_file=_readable(path, base, f"{key}.ca_file", section.ca_file),
        cert_file=_readable(path, base, f"{key}.cert_file", section.cert_file),
        key_file=_readable(path, base, f"{key}.key_file", section.key_file),
        api_key=api_key,
    )
    _check_certificates(path, key, endpoint)
    return endpoint


class OwnBroker(Struct, frozen=True, kw_only=True):
    """The embedded broker. accounts: it is for others too, so nobody comes in without one. certificate: files
    of its certificate and key; then it speaks TLS only."""

    listen: str
    port: int
    certificate: tuple[Path, Path] | None = None

    @property
    def accounts(self) -> bool:
        return self.certificate is not None or not is_here(self.listen)


def read_own_broker(path: Path, base: Path, section: Mqtt) -> OwnBroker:
    """Checks `section`, whose broker is embedded; raises UserError. What cannot count is refused."""
    if section.url:
        raise UserError(f"{path}: mqtt.url: expected no address, because mqtt.embedded is true")
    for key, why in (
        ("credentials", "accounts are made from the registry"),
        ("ca_file", "nodes have no certificates"),
        ("insecure", "it is for mqtt.url"),
    ):
        if getattr(section, key):
            raise UserError(
                f"{path}: mqtt.{key}: expected nothing here, because mqtt.embedded is true: {why}"
            )
    try:
        listen = parse_listen(section.listen)
    except ValueError as error:
        raise UserError(f"{path}: mqtt.listen: {error}") from error
    if bool(section.cert_file) != bool(section.key_file):
        missing = "key_file" if section.cert_file else "cert_file"
        raise UserError(f"{path}: mqtt.{missing}: expected the broker's certificate and key, or neither")
    certificate = _readable(path, base, "mqtt.cert_file", section.cert_file)
    if certificate is None:
        return OwnBroker(listen=listen, port=section.port)
    key_file = base / section.key_file
    check_private(f"{path}: mqtt.key_file", key_file)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key_file, password="")
    except OSError as error:
        raise UserError(
            f"{path}: mqtt.cert_file: expected a certificate (PEM) that belongs to mqtt.key_file, and that "
            f"without a passphrase ({error})"
        ) from error
    return OwnBroker(listen=listen, port=section.port, certificate=(certificate, key_file))


def _check_certificates(path: Path, key: str, endpoint: Endpoint) -> None:
    try:
        replace(endpoint, cert_file=None).tls_context()
    except OSError as error:
        raise UserError(
            f"{path}: {key}.ca_file: expected certificates (PEM) in {endpoint.ca_file} ({error})"
        ) from error
    try:
        endpoint.tls_context()
    except OSError as error:
        raise UserError(
            f"{path}: {key}.cert_file: expected a certificate (PEM) that belongs to {key}.key_file, "
            f"and that without a passphrase ({error})"
        ) from error


def _readable(path: Path, base: Path, key: str, name: str) -> Path | None:
    if not name:
        return None
    file = base / name
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise UserError(f"{path}: {key}: {file} cannot be read ({error.strerror})") from error
