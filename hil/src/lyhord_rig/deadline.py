"""The deadline for whatever is real: a program to start, an answer, a file to appear.

One value for the rig and for every test, far beyond what any of it takes: a machine that is four times too
busy makes all of it four times slower, and that is no fault. Only what has failed takes so long. What
measures time belongs to `make bench`; what depends on time runs in a `World`, where time is virtual.
"""

DEADLINE_S = 120.0
