"""A broker to connect to: what its section in the configuration says, with the files that it names."""

import ssl
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from lyhord_gateway.options.address import is_here
from lyhord_gateway.options.mqtt_url import MqttUrl, parse_mqtt_url
from lyhord_gateway.options.secret import ApiKey, Credentials, check_private, read_api_key, read_credentials
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


class Section(Protocol):
    """The keys of a section that names a broker."""

    @property
    def url(self) -> str: ...
    @property
    def credentials(self) -> str: ...
    @property
    def insecure(self) -> bool: ...
    @property
    def ca_file(self) -> str: ...
    @property
    def cert_file(self) -> str: ...
    @property
    def key_file(self) -> str: ...


def read_endpoint(path: Path, base: Path, key: str, section: Section, secret: str = "") -> Endpoint:
    """Checks `section` and reads its files; raises UserError. key: the section's name in messages. secret:
    its option with the file of the API key, "" for none."""
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
    if secret:
        api_key = read_api_key(f"{path}: {key}.{secret}", base / getattr(section, secret))
    if section.key_file:
        check_private(f"{path}: {key}.key_file", base / section.key_file)
    endpoint = Endpoint(
        url=url,
        credentials=credentials,
        ca_file=readable(path, base, f"{key}.ca_file", section.ca_file),
        cert_file=readable(path, base, f"{key}.cert_file", section.cert_file),
        key_file=readable(path, base, f"{key}.key_file", section.key_file),
        api_key=api_key,
    )
    _check_certificates(path, key, endpoint)
    return endpoint


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


def readable(path: Path, base: Path, key: str, name: str) -> Path | None:
    """The file `name` of the configuration, None if it names none; raises UserError."""
    if not name:
        return None
    file = base / name
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise UserError(f"{path}: {key}: {file} cannot be read ({error.strerror})") from error
