"""Emulated sensors at pin, bus and UART, and their wiring to a board."""
