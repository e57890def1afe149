"""Hosts and listening addresses, checked before anything is started: one line, not a traceback later."""

import ipaddress
import socket

LOOPBACK = "127.0.0.1"
_ANYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}


def parse_listen(text: str) -> str:
    """The IP address to listen on, as it is written without brackets; `localhost` is 127.0.0.1. Raises
    ValueError with what was expected."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare.lower() == "localhost":
        return LOOPBACK
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        raise ValueError(
            'expected an IP address to listen on, such as "127.0.0.1", "::1", "0.0.0.0" or "::"'
        ) from None
    if address.version == 6 and address.scope_id:
        raise ValueError("expected an IP address without a zone (%…)")
    if address.version == 4 and bare != str(address):
        raise ValueError(f"expected {address}")
    return str(address)


def parse_host(text: str) -> str:
    """A host's name (labels of 1…63 characters, 253 in all) or IP address, without brackets. Raises
    ValueError with what was expected."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    name = text.removesuffix(".")
    try:
        name.encode("idna")  # what the resolver will do with it
    except UnicodeError:
        raise ValueError(_NAME) from None
    labels = name.split(".")
    if len(name) > 253 or not all(0 < len(label) <= 63 for label in labels):
        raise ValueError(_NAME)
    if any(character.isspace() or character in "[]%/\\\0" for character in name):
        raise ValueError(_NAME)
    if labels[-1].isdigit():
        raise ValueError(f"expected four numbers up to 255 in an IP address, not {name:.40}")
    return text


_NAME = "expected a host name of labels with 1…63 characters, 253 in all, or an IP address"


def is_here(host: str) -> bool:
    """The host is this machine by its loopback interface, so that nobody can listen on the way."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def from_here(listen: str) -> str:
    """The address on this machine at which a server is met that listens there."""
    return _ANYWHERE.get(listen, listen)


def with_port(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bindable(host: str, port: int) -> None:
    """Raises OSError if nothing of ours can listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)


def free_port() -> int:
    """A TCP port of loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
