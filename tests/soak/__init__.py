"""The soak: many nodes, many days, in virtual time."""
