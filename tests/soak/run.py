"""One district from the first power-on to the verdict."""

from tests.soak.town import Town
from tests.soak.verdict import judge


async def run(plan, folder, say=lambda text: None):
    """The Verdict on a soak of `plan`; everything it leaves behind is in `folder`."""
    async with Town(plan, folder, say) as town:
        await town.live()
        await town.gateway.close()
        return judge(town)
