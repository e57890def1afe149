"""TLS to the node's broker, which proves itself by one certificate: the one that the node was told of.

Neither an authority nor a clock is needed, which a new node has not; docs/decisions/node-tls.md.
"""

import hashlib
from binascii import hexlify

import tls


def secured(connection, pin):
    """`connection` (a TCP socket that does not block) under TLS; reads and writes do the handshake.

    pin: SHA-256 of the broker's certificate (DER), 64 hex digits. Before it is proved nothing is
    sent but the handshake; OSError where another one is shown.
    """
    # Not REQUIRED: that asks for an authority. What the callback refuses ends the handshake either way.
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    expected = pin.lower().encode()
    context.verify_mode = tls.CERT_OPTIONAL

    def refuses(certificate, depth):
        return 0 if depth or hexlify(hashlib.sha256(certificate).digest()) == expected else -1

    context.verify_callback = refuses
    return context.wrap_socket(connection, do_handshake_on_connect=False)
