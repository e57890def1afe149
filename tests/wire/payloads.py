"""Hypothesis strategies: everything that a node, a gateway and a bridge may say."""

from hypothesis import strategies as st

from lyhord_wire import bridge
from lyhord_wire.report import U32_MAX, Report
from lyhord_wire.tables import FIRST_DEPLOYMENT_QUANTITY, QUANTITIES, QUANTITY_MAX, SETTINGS

I32 = st.integers(-(2**31) + 1, 2**31 - 1)
U32 = st.integers(0, U32_MAX)

cbor_values = st.recursive(
    st.none() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(-(2**64), 2**64 - 1) | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=12,
)


def values_of(quantity: int) -> st.SearchStrategy[int | None]:
    known = QUANTITIES.get(quantity)
    low, high = (known.low, known.high) if known else (-(2**40), 2**40)
    return st.none() | st.integers(low, high)


@st.composite
def reports(draw) -> Report:
    count = draw(st.integers(0, 12))
    period = draw(st.integers(1, 86400)) if count > 1 else 0
    span = max(0, count - 1) * period
    time = draw(st.integers(0, U32_MAX - span) | st.integers(-1 - U32_MAX, -1 - span))
    keys = st.sampled_from(sorted(QUANTITIES)) | st.integers(FIRST_DEPLOYMENT_QUANTITY, QUANTITY_MAX)
    quantities = draw(st.sets(keys, min_size=1, max_size=4)) if count else ()
    columns = {key: draw(st.lists(values_of(key), min_size=count, max_size=count)) for key in quantities}
    status = st.fixed_dictionaries(
        {},
        optional={
            0: st.integers(0, 0xFFFFFF),
            1: st.integers(0, 5),
            2: U32,
            3: st.integers(0, 20000),
            4: U32,
            5: U32,
            6: st.integers(-150, 20),
            7: st.integers(-128, 127),
            8: U32,
            9: st.integers(0, 63),
            10: U32,
        },
    )
    return Report(
        draw(st.integers(0, U32_MAX - 12)),
        time,
        period,
        columns,
        draw(st.none() | status),
        draw(st.none() | st.lists(st.integers(1, 8), max_size=8)),
    )


short_texts = st.text(max_size=24).filter(lambda text: len(text.encode()) <= 24)

abouts = st.fixed_dictionaries(
    {},
    optional={
        0: short_texts,
        1: st.integers(-90_000_000, 90_000_000),
        2: st.integers(-180_000_000, 180_000_000),
        3: st.integers(1, 255),
        4: short_texts,
        5: st.integers(0, 20000),
        6: st.integers(0, 20000),
        7: st.integers(0, 0xFFFFFF),
    },
)

instructions = st.fixed_dictionaries(
    {},
    optional={
        0: U32,
        1: st.integers(0, U32_MAX + 1),
        2: st.tuples(U32, st.integers(1, U32_MAX)),
        3: st.fixed_dictionaries(
            {}, optional={key: st.integers(setting.low, setting.high) for key, setting in SETTINGS.items()}
        ),
        4: U32,
        5: st.lists(I32, min_size=1, max_size=8),
    },
)

_frequencies = st.integers(863_000_000, 870_000_000)
_spreading_factors = st.integers(7, 12)
_radio_bytes = st.binary(min_size=1, max_size=255)

bridge_messages = st.one_of(
    st.builds(
        bridge.Received,
        U32,
        st.integers(-150, 20),
        st.integers(-128, 127),
        _frequencies,
        _spreading_factors,
        _radio_bytes,
    ),
    st.builds(bridge.TxResult, U32, st.sampled_from(sorted(bridge.RESULTS))),
    st.builds(bridge.Status, st.dictionaries(st.integers(0, 6), U32)),
    st.builds(bridge.Log, st.text(max_size=50)),
    st.builds(
        bridge.Transmit,
        U32,
        st.none() | U32,
        _frequencies,
        _spreading_factors,
        st.integers(2, 27),
        _radio_bytes,
    ),
    st.builds(bridge.GetStatus),
    st.builds(bridge.Listen, _frequencies, _spreading_factors),
)
