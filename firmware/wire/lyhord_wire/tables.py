"""Every number that has a name on the wire, as tables: one row says all that anybody knows of it.

    quantities.py   quantities, units
    orders.py       settings, commands
    alarms.py       alarms
    fields.py       fields of a status, an about and an instructions map; faults, reset causes, kinds of node

The one place where they stand. `make docs` makes from them what the node needs (`codes.py`, `settings.py`,
`names.py`, the head of `instructions.py`: a node does without these tables) and the tables of the documents
(docs/protocol.md, lyhord.cddl, sensors.md, platforms.md); a test says when they are stale. Gateway, tools and
rig read them as they are: ranges, units, and what platforms call things.

A number is given once and for ever: a row that nobody needs any more stays, with "not used" as its meaning.
"""

from lyhord_wire.alarms import ALARMS as ALARMS
from lyhord_wire.codes import *  # noqa: F403 - whoever has the tables has the numbers too
from lyhord_wire.fields import ABOUT as ABOUT
from lyhord_wire.fields import FAULTS as FAULTS
from lyhord_wire.fields import INSTRUCTIONS as INSTRUCTIONS
from lyhord_wire.fields import PROFILES as PROFILES
from lyhord_wire.fields import RESET_CAUSES as RESET_CAUSES
from lyhord_wire.fields import STATUS as STATUS
from lyhord_wire.fields import TEXT_MAX as TEXT_MAX
from lyhord_wire.fields import version_number as version_number
from lyhord_wire.orders import COMMANDS as COMMANDS
from lyhord_wire.orders import SETTINGS as SETTINGS
from lyhord_wire.quantities import FIRST_DEPLOYMENT_QUANTITY as FIRST_DEPLOYMENT_QUANTITY
from lyhord_wire.quantities import QUANTITIES as QUANTITIES
from lyhord_wire.quantities import QUANTITY_MAX as QUANTITY_MAX
from lyhord_wire.quantities import UNITS as UNITS
