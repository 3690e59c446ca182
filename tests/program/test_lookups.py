"""What an import depends on beside the first file that has its name: what is loaded ahead is used where all of it is the same."""

import sys
import zipfile

import pytest

# What a task may have put there itself.
PUT = [
    "sys.modules['b'] = None",
    "sys.modules['b'] = types.ModuleType('b')",
    "sys.modules['b.sub'] = None",
    "unittest.mock.patch.dict(sys.modules, [('b.sub', types.ModuleType('b.sub'))]).start()",
]


@pytest.mark.parametrize("put", PUT)
@pytest.mark.parametrize("name", ["a", "a, b"])
def test_what_a_task_has_put_into_sys_modules_stays_there(interpreter, folder, put, name):
    folder("site"), folder("site/b", __init__="from . import sub", sub="MINE = 1")
    code = f"""
    import types, unittest.mock
    {{}}
    {put}
    try:
        import {name}
        got = sys.modules["a"].GOT
    except ImportError as error:
        got = str(error)
    tell(got=got, b=getattr(sys.modules.get("b"), "__file__", None) is not None, sub=hasattr(sys.modules.get("b.sub"), "MINE"))
    """
    site = folder("site", a="try:\n from b import sub\n GOT = hasattr(sub, 'MINE')\nexcept ImportError as e:\n GOT = str(e)")
    assert interpreter(code.format("ahead('a')"), site) == interpreter(code.format(""), site)


NO_PLACES = ["b'/tmp'", "('a',)", "3.5", "['l']", "None", "pathlib.Path('/tmp')"]


@pytest.mark.parametrize("item", NO_PLACES)
def test_what_is_no_string_is_no_place(interpreter, folder, item):
    told = interpreter(
        f"""
        import pathlib
        ahead("a")
        sys.path.insert(0, {item})
        import a
        tell(got=a.GOT)
        """,
        folder("site", a="GOT = 1"),
    )
    assert told == {"got": 1}


def test_a_finder_that_refuses_a_module_does_not_refuse_what_can_do_without(interpreter, folder):
    code = """
    {}
    class Refusing:
        def find_spec(self, name, path=None, target=None):
            if name == "b":
                raise ImportError("no b")
    sys.meta_path.insert(0, Refusing())
    import a
    tell(got=a.GOT)
    """
    site = folder("site", a="try:\n import b\n GOT = 'b'\nexcept ImportError as e:\n GOT = str(e)", b="")
    assert interpreter(code.format("ahead('a')"), site) == interpreter(code.format(""), site) == {"got": "no b"}


IMPORTERS = ["None", "importlib.machinery.FileFinder('other', (importlib.machinery.SourceFileLoader, ['.py']))"]


@pytest.mark.parametrize("importer", IMPORTERS)
def test_who_reads_an_entry_of_the_path_is_asked(interpreter, folder, importer):
    code = f"""
    import importlib.machinery
    {{}}
    sys.path_importer_cache[sys.path[0]] = {importer}
    try:
        import a
        tell(by=a.BY)
    except ImportError as error:
        tell(error=str(error))
    """
    folder("other", a="BY = 'other'")
    site = folder("site", a="BY = 'site'")
    assert interpreter(code.format("ahead('a')"), site) == interpreter(code.format(""), site)


BY = "BY = {!r}"


@pytest.mark.parametrize(("own", "by"), [("x", "own"), ("y", "site")])
def test_of_a_namespace_each_package_is_looked_for(interpreter, folder, own, by):
    """A task's own part of it goes first, as far as it has the same packages."""
    folder("site"), folder("site/space"), folder("site/space/x", __init__=BY.format("site"))
    folder("own"), folder("own/space"), folder(f"own/space/{own}", __init__=BY.format("own"))
    told = interpreter(
        f"""
        ahead("space.x")
        loaded = cache.module("space.x")
        sys.path.insert(0, "own")
        import space.{own}
        from space.x import BY
        tell(by=BY, same=sys.modules["space.x"] is loaded)
        """,
        folder("site"),
    )
    assert told == {"by": by, "same": by == "site"}


IN_ZIP = pytest.mark.skipif(sys.version_info < (3, 10), reason="there pkgutil does not look into archives")


@pytest.mark.parametrize("of_zip", [False, pytest.param(True, marks=IN_ZIP)])
def test_a_package_that_has_its_modules_in_several_places_finds_the_tasks_own(interpreter, folder, tmp_path, of_zip):
    text = "import pkgutil\n__path__ = pkgutil.extend_path(__path__, __name__)\n"
    folder("site"), folder("site/spread", __init__=text, one="")
    folder("own"), folder("own/spread", __init__=text, two="")
    own = "own.zip" if of_zip else "own"
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as deps:
        deps.writestr("spread/__init__.py", text)
        deps.writestr("spread/two.py", "")
    told = interpreter(
        f"""
        ahead("spread.one")
        sys.path.append({own!r})
        from spread import one, two
        tell(two=two.__name__)
        """,
        folder("site"),
    )
    assert told == {"two": "spread.two"}


def test_what_was_missing_is_found_now(interpreter, folder):
    own = folder("own", extra="")
    site = folder("site", a="try:\n import extra\nexcept ImportError:\n extra = None")
    told = interpreter(
        f"""
        ahead("a")
        sys.path.append({str(own)!r})
        import a
        tell(found=a.extra is not None)
        """,
        site,
    )
    assert told == {"found": True}


def test_a_package_is_not_missing_where_a_submodule_of_it_is(interpreter, folder):
    folder("site"), folder("site/b", __init__="try:\n import b.extra\nexcept ImportError:\n pass")
    told = interpreter(
        """
        with recorder.Recorder(cache, watched):
            import b  # as PySpark's worker does
        ahead("a")
        loaded = cache.module("a")
        import a
        tell(same=a is loaded, missed=sorted(cache.missed))
        """,
        folder("site", a="import b"),
    )
    assert told == {"same": True, "missed": []}


@pytest.mark.parametrize("read", ["os.environ.get('MODE')", "os.getenv('MODE', 'none')", "'MODE' in os.environ"])
@pytest.mark.parametrize("mode", [None, "on", "off"])
def test_a_variable_that_an_import_reads_is_as_the_task_has_set_it(interpreter, folder, read, mode):
    site = folder("site", a=f"import os\nMODE = {read}", b="import a")
    code = f"""
    {{}}
    os.environ.update(MODE={mode!r}) if {mode!r} else os.environ.pop("MODE", None)
    import b
    tell(mode=b.a.MODE)
    """
    ahead = interpreter(code.format("ahead('b')"), site, MODE="on")
    assert ahead == interpreter(code.format(""), site, MODE="on")


@pytest.mark.parametrize(
    "read",
    ["import sysconfig; sysconfig.get_config_vars()", "import ssl; ssl.get_default_verify_paths()", "import numpy, pyarrow.fs"],
)
def test_what_the_interpreter_reads_itself_or_cannot_be_loaded_again_is_used(interpreter, folder, read):
    told = interpreter(
        """
        ahead("a")
        loaded = cache.module("a")
        os.environ.update(HOME="/tmp", PYTHONUSERBASE="/tmp", SSL_CERT_FILE="/tmp/a", OPENBLAS_MAIN_FREE="1", MODE="on")
        import a
        tell(same=a is loaded)
        """,
        folder("site", a=f"{read}\nimport os\n" + ("MODE = os.environ.get('MODE')" if "pyarrow" in read else "")),
    )
    assert told == {"same": True}


@pytest.mark.parametrize("copy", ["dict(os.environ)", "os.environ.copy()", "list(os.environ.items())"])
def test_one_that_copies_the_environment_is_used(interpreter, folder, copy):
    site = folder("site", a=f"import os\nALL = {copy}")
    told = interpreter(
        """
        ahead("a")
        loaded = cache.module("a")
        os.environ["OTHER"] = "1"
        import a
        tell(same=a is loaded)
        """,
        site,
        OTHER="0",
    )
    assert told == {"same": True}


OWN_WAY = """
import importlib.machinery

class Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module):
        super().exec_module(module)
        module.BY = "own"

class Own:
    def find_spec(name, path=None, target=None):
        if name == "b":
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            spec.loader = Loader(spec.loader.name, spec.loader.path)
            return spec
"""
HOOK = "sys.path_hooks.insert(0, importlib.machinery.FileFinder.path_hook((Loader, ['.py']))); sys.path_importer_cache.clear()"


@pytest.mark.parametrize("put", ["sys.meta_path.insert(0, Own)", HOOK], ids=["finder", "hook"])
def test_who_loads_in_a_way_of_his_own_does_so_though_another_module_has_imported_it(interpreter, folder, put):
    """From the same file."""
    told = interpreter(
        f"""
        ahead("a")
        exec({OWN_WAY!r})
        {put}
        import a
        tell(by=getattr(a.b, "BY", None))
        """,
        folder("site", a="import b", b=""),
    )
    assert told == {"by": "own"}


def test_a_submodule_that_has_changed_on_disk_is_loaded_anew(interpreter, folder):
    """Also by a worker that was forked before."""
    folder("site"), folder("site/a", __init__="", sub="BY = 'old'")
    told = interpreter(
        """
        ahead("a.sub")
        with open(sys.path[0] + "/a/sub.py", "w") as file:
            file.write("BY = 'the new one'")
        watched.told()
        from a.sub import BY
        tell(by=BY)
        """,
        folder("site"),
    )
    assert told == {"by": "the new one"}


def test_an_archive_that_is_replaced_is_noticed(interpreter, tmp_path):
    def write(text):
        with zipfile.ZipFile(tmp_path / "deps.zip", "w") as deps:
            deps.writestr("a.py", text)

    write("BY = 'old'")
    told = interpreter(
        f"""
        import zipfile
        ahead("a")
        before = watched.told(), watched.look()
        with zipfile.ZipFile({str(tmp_path / "deps.zip")!r}, "w") as deps:
            deps.writestr("a.py", "BY = 'the new one'")
        tell(before=before, after=[watched.told(), watched.look()])
        """,
        tmp_path / "deps.zip",
    )
    file = str(tmp_path / "deps.zip")
    assert told == {"before": [None, None], "after": [file, file]}


def test_what_c_code_looks_for_without_its_package_is_there(interpreter):
    told = interpreter("tell(there=cache.module('json.decoder') is sys.modules['json.decoder'])")
    assert told == {"there": True}


@pytest.mark.parametrize(
    "take", ["sys.meta_path.pop(0)", "sys.meta_path[:] = sys.meta_path[-1:]", "sys.meta_path = sys.meta_path[1:]"]
)
def test_finders_are_the_tasks_to_take_out(interpreter, folder, take):
    code = """
    {}
    there = [getattr(finder, "__name__", "") for finder in sys.meta_path]
    {}
    import a
    tell(there=there, got=a.GOT)
    """
    site = folder("site", a="import sys\nGOT = sys.argv[0]")
    own = interpreter(code.format("ahead('a')\n    sys.argv[0] = 'changed since'", take), site)
    assert own == {**interpreter(code.format("", take), site), "got": "-c"}
