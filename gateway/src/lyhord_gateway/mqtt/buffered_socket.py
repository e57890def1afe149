"""Fewer system calls for the MQTT library: many packets are read at once, and written at once.

Paho asks its socket for one byte, then for the length, then for the rest, and writes every PUBACK by itself.
Each of those calls also gives the interpreter lock away, and under load that costs more than the call.
"""

import socket
import ssl

_CHUNK = 16_384  # bytes; some 200 frames, whose handling keeps the event loop busy for a few milliseconds
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """A connected socket, plain or TLS, with a buffer each way. It looks like a TLS socket, which may hold
    bytes that select() knows nothing of: `pending` tells how many. lost: why nothing can be read any more,
    in the words of the system or the TLS library; for Paho, which would only write a line of its own about
    it, a lost connection is one that has ended."""

    def __init__(self, connected: socket.socket | ssl.SSLSocket) -> None:
        self._socket = connected
        self._read = b""
        self._at = 0
        self._written = bytearray()
        self.lost: OSError | None = None

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end; raises what the socket raises when there is nothing yet."""
        if self._at == len(self._read):
            try:
                self._read, self._at = self._socket.recv(_CHUNK), 0
            except _NOT_NOW:
                raise
            except OSError as lost:
                self.lost = lost
                return b""
        taken = self._read[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def pending(self) -> int:
        below = self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0
        return len(self._read) - self._at + below

    def send(self, buffer: bytes | bytearray) -> int:
        """Takes all of it, until `flush`; raises BlockingIOError while the peer does not take what it has."""
        if len(self._written) >= _CHUNK and not self.flush():
            raise BlockingIOError
        self._written += buffer
        return len(buffer)

    def flush(self) -> bool:
        """True if everything is out; raises OSError if the connection is lost."""
        while self._written:
            try:
                sent = self._socket.send(self._written)
            except _NOT_NOW:
                return False
            del self._written[:sent]
        return True

    def fileno(self) -> int:
        return self._socket.fileno()

    def setblocking(self, blocking: bool) -> None:
        self._socket.setblocking(blocking)

    def close(self) -> None:
        self._socket.close()
