"""Any JSON at all, made mostly of the field names that a loader looks for."""

from __future__ import annotations

from hypothesis import strategies as st

from pisama.trace import JSON


def records(names: tuple[str, ...], words: tuple[str, ...]) -> st.SearchStrategy[JSON]:
    """JSON values whose keys and strings are often ones that mean something."""
    text = st.sampled_from(words) | st.text(max_size=8)
    keys = st.sampled_from(names) | st.text(max_size=3)
    leaves = st.none() | st.booleans() | st.integers(-5, 2**63) | st.floats(allow_nan=False) | text
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=25,
    )
