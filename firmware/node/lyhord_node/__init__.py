"""The node: one wake is wake → measure → keep → send → sleep. `cycle.py` tells the story; start there."""
