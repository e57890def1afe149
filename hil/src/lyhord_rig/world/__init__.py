"""The virtual time, and what there is to measure in it."""
