"""The configuration: TOML → one frozen tree (`tree.py`), and the template that is printed from it."""
