"""Whatever was loaded is watched, and whatever could be loaded in its place."""

import zipfile

import pytest

WATCHED = """
ahead("a")
watched.add_path(sys.path, {{}}, ["absent"])
{change}
tell(told=watched.told(), seen=watched.look())
"""


def write(file):
    return f"open({str(file)!r}, 'w').write('x = 1')"


@pytest.fixture
def places(folder):
    first, site = folder("first"), folder("site", a="import deps.inner", other="")
    (site / "deps").mkdir()
    (site / "deps/__init__.py").touch()
    (site / "deps/inner.py").touch()
    return first, site


@pytest.mark.parametrize(
    "changed", ["site/a.py", "site/deps/inner.py", "first/a.py", "first/deps.py", "first/absent.py", "site/absent.py"]
)
def test_a_change_is_seen_and_told(interpreter, places, tmp_path, changed):
    told = interpreter(WATCHED.format(change=write(tmp_path / changed)), *places)
    by_look = str(tmp_path / changed)
    assert told["told"] == by_look
    assert told["seen"] in (by_look, by_look.replace(".py", ""))


@pytest.mark.parametrize("changed", ["site/other.py", "first/data.csv", "site/deps.txt", "site/new.py"])
def test_other_files_are_nobodys_business(interpreter, places, tmp_path, changed):
    told = interpreter(WATCHED.format(change=write(tmp_path / changed)), *places)
    assert told == {"told": None, "seen": None}


def test_a_file_that_is_gone_has_changed(interpreter, places):
    told = interpreter(WATCHED.format(change=f"os.remove({str(places[1] / 'a.py')!r})"), *places)
    assert told == {"told": str(places[1] / "a.py"), "seen": str(places[1] / "a.py")}


def test_no_look_reads_an_archive(interpreter, places, tmp_path):
    """Workers would inherit its importer, and read the archive again in each task."""
    deps = tmp_path / "deps.zip"
    with zipfile.ZipFile(deps, "w") as archive:
        archive.writestr("b.py", "")
    change = f"sys.path_importer_cache.pop({str(deps)!r}, None)\n{write(tmp_path / 'first/data.csv')}"
    text = WATCHED.format(change=change) + f"tell(read={str(deps)!r} in sys.path_importer_cache)"
    first, site = places
    assert interpreter(text, first, deps, site) == {"read": False}
