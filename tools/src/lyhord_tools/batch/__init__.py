"""A bench day: many boards side by side, from the box to a label."""
