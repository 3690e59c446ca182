"""Stamps of files: what has changed, and what it takes a process that forks to look."""

import pytest

LOOK = """
directory = {directory!r}
files = [os.path.join(directory, name) for name in ("a.py", "line\\nfeed.py", os.fsdecode(b"\\xff.py"), "absent.py")]
for file in files[:-1]:
    open(file, "w").close()
known = stamps.Stamps()
for file in files:
    known.expect(file, entries.stamp(file))
changed = files[{index}]
before = known.first_changed()
{change}
tell(before=before, found=known.first_changed() == changed, said=known.has_changed(changed))
"""


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("change", ["open(changed, 'a').write('x')", "os.path.exists(changed) and os.remove(changed)"])
def test_what_has_changed_is_found(interpreter, tmp_path, index, change):
    told = interpreter(LOOK.format(directory=str(tmp_path), index=index, change=change))
    is_changed = index < 3 or "open" in change
    assert told == {"before": None, "found": is_changed, "said": is_changed}


def test_a_file_is_to_stay_as_it_was_first(interpreter, tmp_path):
    told = interpreter(
        f"""
        file = {str(tmp_path / "a.py")!r}
        known = stamps.Stamps()
        for size in range(2):
            open(file, "w").write("x" * size)
            known.expect(file, entries.stamp(file))
        tell(found=known.first_changed() == file)
        """
    )
    assert told == {"found": True}


def test_a_look_leaves_those_that_were_forked_few_pages(interpreter):
    """Names of five thousand files alone are on more than a hundred pages."""
    told = interpreter(
        """
        import resource
        known = stamps.Stamps()
        for number in range(5000):
            known.expect(f"/nowhere/{number:060}.py", None)
        known.first_changed()
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        found = known.first_changed()
        tell(found=found, pages=resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        """
    )
    assert told["found"] is None
    assert told["pages"] < 60
