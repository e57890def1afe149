"""Errors, logs, counters and files, used by every stage."""
