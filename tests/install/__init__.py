"""`make install-check`: a fresh Debian, and docs/operate.md followed to the letter."""
