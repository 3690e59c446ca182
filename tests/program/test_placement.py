"""Where what is made next is in memory."""

import pytest

# Here and there one of many blocks is given up.
HOLES = """
many = [bytes(BYTES) for _ in range(2000)]
del many[::8]
FILL
pages = {id(one) >> 12 for one in [bytes(BYTES) for _ in range(200)]}
tell(pages=len(pages))
"""


@pytest.mark.parametrize("size", [20, 60, 200, 600, 900])
def test_what_is_made_when_pools_are_filled_is_in_a_row(interpreter, size):
    in_holes, in_a_row = (
        interpreter(HOLES.replace("BYTES", str(size)).replace("FILL", fill))["pages"] for fill in ("", "placement.fill_pools()")
    )
    assert in_a_row <= in_holes / 2


@pytest.mark.parametrize("allocator", ["malloc", "pymalloc_debug", "malloc_debug"])
def test_another_allocator_is_left_alone(interpreter, allocator):
    told = interpreter(
        """
        status = linux.open_status()
        before = linux.status_of(status, b"RssAnon")
        placement.fill_pools()
        tell(kibibytes=linux.status_of(status, b"RssAnon") - before)
        """,
        PYTHONMALLOC=allocator,
    )
    assert told["kibibytes"] < 2048
