"""The last stage: readings to platforms, live ones first, the cursor behind their PUBACKs."""
