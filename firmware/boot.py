# Runs before main.py on every start, deep-sleep wakes included: kept empty, because each millisecond awake is
# battery, and an update of the application must never have to touch it.
