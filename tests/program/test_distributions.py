"""What `importlib.metadata` finds in archives, after modules were loaded ahead."""

import importlib.metadata
import zipfile

import pytest

LOOK = """
def opened(look):
    files = []
    sys.addaudithook(lambda event, args: files.append(args[0]) if event == "open" else None)
    found = look()
    return found, files.count(archive)

def names():
    import importlib.metadata
    return sorted(one.metadata["Name"] for one in importlib.metadata.distributions() if one.metadata["Name"] == "some")

archive = sys.path[0]
loader.begin(["candidate"], (archive,), [])
loader.load_next(NoSignals())
"""
METADATA = "Name: some\nVersion: 1\n"


@pytest.fixture
def archive(tmp_path):
    """archive("a/b", ...): a new one with these files, whose text is metadata."""

    def make(*names):
        path = tmp_path / "archive.zip"
        with zipfile.ZipFile(path, "w") as writing:
            for name in names:
                writing.writestr(name, METADATA)
        return path

    return make


@pytest.fixture
def look(interpreter, folder, begin):
    """look("code", archive): what the code tells, after a module that imports `importlib.metadata` was loaded ahead."""
    site = folder("site", candidate="import importlib.metadata\n")
    return lambda code, archive: interpreter(begin + LOOK + code, archive, site)


@pytest.mark.skipif(
    not hasattr(importlib.metadata.FastPath, "lookup"), reason="there importlib.metadata reads it at every look"
)
def test_an_archive_without_any_is_not_read_for_them(look, archive):
    assert look("tell(found=opened(names))", archive("package/module.py")) == {"found": [[], 0]}


def test_those_of_an_archive_are_found(look, archive):
    assert look("tell(found=names())", archive("some-1.dist-info/METADATA"))["found"] == ["some"]


def test_one_that_an_archive_has_by_now_is_found(look, archive):
    path = archive("package/module.py")
    code = f"""
import zipfile
with zipfile.ZipFile(archive, "a") as writing:
    writing.writestr("some-1.dist-info/METADATA", {METADATA!r})
os.utime(archive, (1, 1))
tell(found=names())
"""
    assert look(code, path) == {"found": ["some"]}
