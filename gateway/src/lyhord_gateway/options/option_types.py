"""Types of options that several sections have."""

from typing import Annotated

from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]
Power = Annotated[
    int, Meta(ge=2, le=27, description="Transmit power in dBm; lowered where the band allows less.")
]
