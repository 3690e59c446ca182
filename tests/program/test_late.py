"""Modules that a package gives when it is asked for them, which its own import does not load."""

import pytest

MODULES = {
    "__init__": """
def __getattr__(name):
    if name in ("late", "later"):
        import importlib
        return importlib.import_module("lazy." + name)
    raise AttributeError(name)
""",
    "late": "import colorsys, lazy.core\nfrom lazy import part\nTOLD = 'late'",
    "later": "TOLD = 'later'",
    "core": "",
    "part": "",
}
OTHERS = {"user": "import lazy\nGOT = lazy.late.TOLD", "other": "import user"}
TELL = """
def there():
    return [name for name in {names!r} if name in sys.modules and name != "lazy.core"]

{task}
tell(there=there(), bound=sorted(name for name in vars(sys.modules["lazy"]) if name[0] != "_" and name != "core"), got={got})
"""
NAMES = [f"lazy.{name}" for name in MODULES if name != "__init__"] + ["colorsys", *OTHERS]
TASKS = {
    "import lazy": "None",
    "import lazy; lazy.late": "lazy.late.TOLD",
    "import lazy.late": "lazy.late.TOLD",
    "from lazy import late": "late.TOLD",
    "from lazy import later": "later.TOLD",
    "import user": "user.GOT",
    "import other": "other.user.GOT",
    "import lazy; lazy.late; import user": "user.GOT",
    "import lazy; del sys.modules['lazy']; import lazy.late": "lazy.late.TOLD",
}


@pytest.fixture
def both(interpreter, folder, begin):
    """both("task", "got"): what that gives where it is loaded ahead, and where it is not."""
    folder("site", **OTHERS), folder("site/lazy", **MODULES)

    def run(task, got, loading="load('lazy', 'user', 'other')"):
        code = TELL.format(names=NAMES, task=task, got=got)
        return interpreter(begin + loading + "\n" + code, folder("site")), interpreter(code, folder("site"))

    return run


@pytest.mark.parametrize("task", TASKS)
def test_they_are_there_when_they_are_asked_for(both, task):
    loaded, alone = both(task, TASKS[task])
    assert loaded == alone


def test_one_is_what_was_loaded(both):
    loaded, _ = both("here = id(cache.module('lazy.late'))\nimport lazy", "id(lazy.late) == here")
    assert loaded["got"] is True


CHANGES = {
    "file": "open(sys.path[0] + '/lazy/late.py', 'w').write('TOLD = \"changed\"')",
    "place": "import lazy; lazy.__path__.insert(0, sys.path[0] + '/other'); sys.path_importer_cache.clear()",
    "finder": """
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "lazy.late":
            import importlib.util
            return importlib.util.spec_from_file_location(name, sys.path[0] + "/other/late.py")
sys.meta_path.insert(0, Finder)
""",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_an_import_would_find_elsewhere_is_found_there(both, folder, change):
    folder("site/other", late="TOLD = 'another'")
    loaded, alone = both(CHANGES[change] + "\nimport lazy.late", "lazy.late.TOLD")
    assert loaded["got"] == alone["got"] != "late"


def test_it_falls_with_what_it_needs(both, folder):
    folder("own", colorsys="MINE = 1")
    loaded, alone = both(f"sys.path.insert(0, {str(folder('own'))!r})\nimport lazy.late", "sys.modules['colorsys'].MINE")
    assert loaded == alone


# As the zygote has it: neither numpy nor Arrow starts threads.
QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "MIMALLOC_ARENA_RESERVE": "65536"}


def test_names_that_c_code_puts_into_sys_modules_come_with_the_package(interpreter, begin):
    code = """
import pandas
tell(names=sorted(name for name in sys.modules if "cython" in name))
"""
    loaded = interpreter(begin + "load('numpy', 'pandas')\n" + code, **QUIET)
    assert loaded == interpreter(code)
