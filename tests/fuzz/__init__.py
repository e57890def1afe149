"""Fuzzing of every parser that meets untrusted bytes. `make fuzz SECONDS=60` searches, guided by coverage;
`test_replay.py` runs the seeds, everything that was ever found, and some mutations of them in `make test`."""
