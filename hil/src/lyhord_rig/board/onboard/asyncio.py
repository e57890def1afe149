# The interpreter's asyncio keeps its queue by the real clock, in C. Better no asyncio than one out of time.
raise ImportError("asyncio is not in virtual time")
