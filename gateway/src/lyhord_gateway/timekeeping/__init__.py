"""Timekeeping: the time of day, and how far it is believed."""
