"""A board at a port: its flash and its console."""
