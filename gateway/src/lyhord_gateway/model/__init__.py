"""The plain values that the stages exchange: uplinks, work for the store, readings."""
