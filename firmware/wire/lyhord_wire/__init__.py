"""The wire: what a node, a bridge, a gateway and a tool must agree on, byte for byte.

Sans-IO and integers only. The same files run on MicroPython (ESP32) and on CPython; nothing
here opens a socket, reads a clock or keeps a global that changes. `docs/protocol.md` says what
the bytes mean. Import the module you need; this package imports nothing by itself, because a
node pays for every import with battery.
"""
