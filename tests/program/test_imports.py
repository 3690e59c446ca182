"""What is loaded ahead is used where the look-up gives the same, and only there."""

import zipfile

import pytest


def test_an_import_gets_what_was_loaded_ahead(interpreter, folder):
    told = interpreter(
        """
        ahead("a")
        before = "a" in sys.modules
        import a
        tell(before=before, a=a.BY, loads=a.LOADS, spec=a.__spec__.loader.__class__.__name__, b="b" in sys.modules)
        """,
        folder(
            "site", a="import b\nBY = 'site'\nLOADS = b.count()\n", b="n = 0\ndef count():\n global n\n n += 1\n return n\n"
        ),
    )
    assert told == {"before": False, "a": "site", "loads": 1, "spec": "SourceFileLoader", "b": True}


def test_what_another_module_has_brought_is_not_there_before_its_time(interpreter, folder):
    told = interpreter(
        """
        ahead("a")
        import b
        tell(a="a" in sys.modules, colorsys="colorsys" in sys.modules)
        """,
        folder("site", a="import b, colorsys", b=""),
    )
    assert told == {"a": False, "colorsys": False}


CALLED = {
    "only imports": ("def get(name):\n    return __import__(name)", False),
    "keeps it": ("def get(name):\n    global kept\n    kept = __import__(name)\n    return kept", True),
    "keeps a part of it": ("def get(name):\n    global kept\n    kept = __import__(name).Part\n    return kept", True),
}


@pytest.mark.parametrize(("called", "comes_with_it"), CALLED.values(), ids=CALLED)
def test_what_a_function_imports_for_another_module_comes_with_that_one(interpreter, folder, called, comes_with_it):
    told = interpreter(
        """
        ahead("called", "a")
        import called
        there = "b" in sys.modules
        import a
        tell(there=there, later="b" in sys.modules)
        """,
        folder("site", called=called, a="import called; b = called.get('b')", b="class Part: pass"),
    )
    assert told == {"there": comes_with_it, "later": True}


def test_a_function_that_keeps_what_it_has_imported_has_the_tasks_own(interpreter, folder):
    own = folder("own", b="BY = 'own'")
    told = interpreter(
        f"""
        ahead("called", "a")
        sys.path.insert(0, {str(own)!r})
        import called
        tell(by=called.get().BY)
        """,
        folder(
            "site",
            called="b = None\ndef get():\n    global b\n    if not b:\n        import b\n    return b",
            a="import called; called.get()",
            b="BY = 'site'",
        ),
    )
    assert told == {"by": "own"}


def test_the_tasks_own_file_is_imported(interpreter, folder):
    own = folder("own", a="BY = 'own'")
    told = interpreter(
        f"""
        ahead("a")
        sys.path.insert(0, {str(own)!r})
        import a
        tell(by=a.BY)
        """,
        folder("site", a="BY = 'site'"),
    )
    assert told == {"by": "own"}


@pytest.mark.parametrize("name", ["b", "colorsys"])
def test_what_depends_on_the_tasks_own_file_is_loaded_anew(interpreter, folder, name):
    """Also where that is a module of the standard library."""
    own = folder("own", **{name: ""})
    told = interpreter(
        f"""
        ahead("early", "a", "late")
        early = cache.module("early")
        sys.path.insert(0, {str(own)!r})
        import early as imported, late
        tell(own=late.a.it.__file__.startswith({str(own)!r}), early=imported is early)
        """,
        folder("site", early="", a=f"import {name} as it", b="", late="import a"),
    )
    assert told == {"own": True, "early": True}


def test_a_zip_of_the_tasks_goes_first(interpreter, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "deps.zip", "w") as deps:
        deps.writestr("a/__init__.py", "BY = 'zip'")
    told = interpreter(
        f"""
        ahead("a")
        sys.path.insert(1, {str(tmp_path / "deps.zip")!r})
        import a
        tell(by=a.BY)
        """,
        folder("none"),
        folder("site", a="BY = 'site'"),
    )
    assert told == {"by": "zip"}


def test_a_directory_without_a_module_shadows_nothing(interpreter, folder):
    own = folder("own")
    (own / "a").mkdir()
    told = interpreter(
        f"""
        ahead("a")
        loaded = cache.module("a")
        sys.path.insert(0, {str(own)!r})
        import a
        tell(same=a is loaded)
        """,
        folder("site", a=""),
    )
    assert told == {"same": True}


def test_what_is_not_on_the_path_any_more_is_not_found(interpreter, folder):
    told = interpreter(
        """
        ahead("a")
        del sys.path[0]
        try:
            import a
        except ImportError as error:
            tell(error=type(error).__name__)
        """,
        folder("site", a=""),
    )
    assert told == {"error": "ModuleNotFoundError"}


ORDERS = {
    "what came later": ("sys.path.insert(0, sys.path.pop(sys.path.index(later)))", "later"),
    "what came later, which stays there": ("sys.path.insert(0, later)", "later"),
    "what has nothing of it": ("sys.path.insert(0, sys.path.pop(sys.path.index(empty)))", "first"),
    "all in reverse": ("sys.path.reverse()", "later"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_the_path_is_the_tasks(interpreter, folder, order):
    """Though each entry of it was there before, and is as it was."""
    put_first, by = ORDERS[order]
    first, empty, later = folder("first", a="BY = 'first'"), folder("empty"), folder("later", a="BY = 'later'")
    told = interpreter(
        f"""
        empty, later = {str(empty)!r}, {str(later)!r}
        ahead("a")
        {put_first}
        import a
        tell(by=a.BY)
        """,
        first,
        empty,
        later,
    )
    assert told == {"by": by}


@pytest.mark.parametrize("change", ["write", "add"])
def test_what_has_changed_on_disk_is_loaded_anew(interpreter, folder, change):
    site, first = folder("site", a="BY = 'old'"), folder("first")
    file = {"write": site, "add": first}[change] / "a.py"
    told = interpreter(
        f"""
        ahead("a")
        with open({str(file)!r}, "w") as file:
            file.write("BY = 'the new one'")
        import a
        tell(by=a.BY)
        """,
        first,
        site,
    )
    assert told == {"by": "the new one"}


def test_who_only_asks_gets_the_answer_of_an_interpreter_that_has_loaded_nothing(interpreter, folder):
    site = folder("site", a="")
    told = interpreter(
        """
        import importlib.util
        ahead("a")
        spec = importlib.util.find_spec("a")
        tell(origin=spec.origin, loader=type(spec.loader).__name__, path=spec.loader.get_filename("a"), a="a" in sys.modules)
        """,
        site,
    )
    file = str(site / "a.py")
    assert told == {"origin": file, "loader": "SourceFileLoader", "path": file, "a": False}


def test_a_finder_of_the_tasks_is_asked_first(interpreter, folder):
    told = interpreter(
        """
        import importlib.machinery, types
        ahead("a", "b")

        class Own:
            def find_spec(name, path=None, target=None):
                return importlib.machinery.ModuleSpec(name, Own, origin="own") if name == "a" else None
            def create_module(spec):
                return types.ModuleType("a")
            def exec_module(module):
                module.BY = "own"

        sys.meta_path.insert(0, Own)
        import b
        tell(by=b.a.BY)
        """,
        folder("site", a="BY = 'site'", b="import a"),
    )
    assert told == {"by": "own"}


def test_nothing_stays_of_an_import_that_has_failed(interpreter, folder):
    told = interpreter(
        """
        import base
        cache.keep_all()
        try:
            import a
        except ZeroDivisionError:
            pass
        tell(forgotten=cache.forget_batch(), b="b" in sys.modules, base="base" in sys.modules)
        """,
        folder("site", a="import b, base\n1 / 0", b="", base=""),
    )
    assert told == {"forgotten": True, "b": False, "base": True}


def test_c_code_of_a_failed_import_cannot_be_forgotten(interpreter, folder):
    told = interpreter(
        """
        sys.path.insert(0, sys.path.pop(0))
        cache.keep_all()
        try:
            import a
        except ZeroDivisionError:
            pass
        tell(forgotten=cache.forget_batch())
        """,
        folder("site", a="import numpy\n1 / 0"),
    )
    assert told == {"forgotten": False}


SHADOWED = """
ahead("numpy", "pandas")
loaded = cache.module("pandas")
{before}
sys.path.insert(0, {own!r})
import pandas, numpy
frame = pandas.DataFrame({{"a": [1, 2, 2], "at": pandas.to_datetime(["2020-01-01"] * 3)}})
sums = frame.groupby("a").size().tolist()
tell(
    anew=pandas is not loaded,
    sums=sums,
    numpy=isinstance(frame["a"].values, numpy.ndarray),
    dateutil=sys.modules["dateutil"].__file__.startswith({own!r}),
)
"""


def test_pandas_is_loaded_anew_with_the_tasks_own_dateutil(interpreter, folder):
    """Its C code comes from copies of its files."""
    import dateutil

    own = folder("own")
    (own / "dateutil").symlink_to(next(iter(dateutil.__path__)))
    told = interpreter(SHADOWED.format(own=str(own), before=""))
    assert told == {"anew": True, "sums": [1, 2], "numpy": True, "dateutil": True}


def test_pandas_that_the_task_has_imported_stays(interpreter, folder):
    import dateutil

    own = folder("own")
    (own / "dateutil").symlink_to(next(iter(dateutil.__path__)))
    told = interpreter(SHADOWED.format(own=str(own), before="import pandas"))
    assert told == {"anew": False, "sums": [1, 2], "numpy": True, "dateutil": False}


ARROW = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


@pytest.mark.parametrize("before", ["", "import importlib"])
def test_what_cannot_be_loaded_a_second_time_says_so(interpreter, folder, before):
    """PySpark's worker has imported `importlib`, whose code runs while C code is loaded that imports something."""
    own = folder("own", numpy="BY = 'own'")
    told = interpreter(
        f"""
        {before}
        ahead("numpy", "pyarrow")
        sys.path.insert(0, {str(own)!r})
        try:
            import pyarrow
        except ImportError as error:
            tell(error=str(error))
        """,
        **ARROW,
    )
    assert "pyarrow" in told["error"] and "spark.nativePythonWorker.preload" in told["error"]


def test_what_c_code_has_imported_comes_with_it(interpreter):
    told = interpreter(
        """
        import importlib
        ahead("numpy", "pyarrow")
        import pyarrow
        tell(numpy="numpy" in sys.modules, used="numpy" in cache.used)
        """,
        **ARROW,
    )
    assert told == {"numpy": True, "used": True}


def test_it_says_so_where_the_error_is_taken_for_a_package_that_is_missing(interpreter, folder):
    import pytz

    own = folder("own")
    (own / "pytz").symlink_to(next(iter(pytz.__path__)))
    told = interpreter(
        f"""
        import contextlib, io
        ahead("numpy", "pandas", "pyarrow")
        sys.path.insert(0, {str(own)!r})
        with contextlib.redirect_stderr(io.StringIO()) as said:
            import pandas
            try:
                import pyarrow
            except ImportError as error:
                tell(said=said.getvalue(), error=str(error))
        """,
        **ARROW,
    )
    assert told["said"] == f"ImportError: {told['error']}\n"


PACKAGE = {"__init__": "BY = 'site'\n", "sub": "BY = 'site'\n"}
IMPORTS_OF_A_SUBMODULE = [
    "from package.sub import BY",
    "import package.sub",
    "import importlib; importlib.import_module('package.sub')",
    "import pickle; pickle.loads(b'cpackage.sub\\nBY\\n.')",
]


@pytest.mark.parametrize("statement", IMPORTS_OF_A_SUBMODULE)
def test_who_imports_a_submodule_imports_the_package(interpreter, folder, statement):
    folder("site"), folder("site/package", **PACKAGE)
    told = interpreter(
        f"""
        ahead("package.sub")
        used = []
        cache.when_used = used.extend
        loaded = cache.module("package.sub")
        before = [name for name in sys.modules if name.startswith("package")]
        {statement}
        after = [name for name in sys.modules if name.startswith("package")]
        tell(before=before, after=sorted(after), same=sys.modules["package.sub"] is loaded, used="package" in used)
        """,
        folder("site"),
    )
    assert told == {"before": [], "after": ["package", "package.sub"], "same": True, "used": True}


@pytest.mark.parametrize("statement", IMPORTS_OF_A_SUBMODULE)
def test_a_submodule_is_that_of_the_tasks_own_package(interpreter, folder, statement):
    folder("site"), folder("site/package", **PACKAGE)
    folder("own"), folder("own/package", **{name: text.replace("site", "own") for name, text in PACKAGE.items()})
    told = interpreter(
        f"""
        ahead("package.sub", "a")
        sys.path.insert(0, "own")
        {statement}
        import package
        tell(by=[package.BY, sys.modules["package.sub"].BY])
        """,
        folder("site", a="import package.sub"),
    )
    assert told == {"by": ["own", "own"]}


def test_a_module_that_another_thread_is_about_to_import_is_not_loaded_again(interpreter, folder):
    """While this one has looked up another module that needs it."""
    told = interpreter(
        """
        import importlib.util, threading, time
        ahead("b")
        loaded, shadowed, found = cache.module("a"), cache.lookup.shadowed, cache.find_spec("b")
        is_looking = threading.Event()

        def slow(*what):
            is_looking.set()
            time.sleep(0.3)
            return shadowed(*what)

        cache.lookup.shadowed = slow
        other = threading.Thread(target=__import__, args=("a",))
        other.start()
        is_looking.wait()
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        other.join()
        tell(same=sys.modules["a"] is loaded and module.a is loaded, spec=type(loaded.__spec__.loader).__name__)
        """,
        folder("site", a="", b="import a"),
    )
    assert told == {"same": True, "spec": "SourceFileLoader"}


def test_two_threads_that_import_get_the_same_module(interpreter, folder):
    """One has looked a module up when the other gets it along with one that needs it."""
    told = interpreter(
        """
        import importlib.util
        ahead("b")
        spec = cache.find_spec("a")
        import b
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        tell(same=module is b.a is sys.modules["a"], own=module.__spec__ is not spec)
        """,
        folder("site", a="", b="import a"),
    )
    assert told == {"same": True, "own": True}


def test_who_only_asks_takes_nothing_from_a_thread_that_imports_it_meanwhile(interpreter, folder):
    told = interpreter(
        """
        import importlib.util
        ahead("a")
        shadowed, found = cache.lookup.shadowed, cache.find_spec("a")

        def during(*what):
            found.loader.exec_module(importlib.util.module_from_spec(found))  # as the other thread does
            return shadowed(*what)

        cache.lookup.shadowed = during
        spec = importlib.util.find_spec("a")
        tell(there="a" in sys.modules, name=spec.name)
        """,
        folder("site", a=""),
    )
    assert told == {"there": True, "name": "a"}


# As that of setuptools: it gives another module than the path has, and imports that while it is asked.
FINDER_THAT_IMPORTS = """
import importlib, importlib.util

class Loader:
    def create_module(self, spec):
        return importlib.import_module("tools._other")

    def exec_module(self, module):
        pass

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "given":
            try:
                found = importlib.import_module("tools._other")
            except Exception:
                return None
            found.__name__ = name
            return importlib.util.spec_from_loader(name, Loader(), origin=found.__file__)

sys.meta_path.insert(1, Finder())
"""


@pytest.mark.parametrize("later", ("given", "tools, given", "tools._other, given"))
def test_a_finder_may_import_a_package_that_needs_what_it_is_asked_for(interpreter, folder, later):
    installed = folder("installed", given="BY = 'path'")
    folder("installed/tools", __init__="import given", _other="")
    told = interpreter(
        f"""
        exec({FINDER_THAT_IMPORTS!r})
        ahead("tools")
        loaded = cache.module("given"), cache.module("tools")
        import {later}
        import given, tools
        tell(same=(given, tools) == loaded, dropped=sorted(cache.dropped), file=given.__file__)
        """,
        installed,
    )
    assert told["same"] and not told["dropped"], told
    assert told["file"].endswith("_other.py")


FINDER_THAT_LOOKS_UP = """
import importlib.util

class Finder:
    def __init__(self):
        self.looks_up = set()

    def find_spec(self, name, path=None, target=None):
        if name not in self.looks_up:
            self.looks_up.add(name)
            try:
                return importlib.util.find_spec(name)
            finally:
                self.looks_up.discard(name)

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("shadowed", (False, True))
def test_a_finder_may_look_up_what_it_is_asked_for(interpreter, folder, shadowed):
    """It is given what the path has, not what is loaded ahead."""
    installed = folder("installed", a="what = 'ahead'")
    other = folder("other", **({"a": "what = 'other'"} if shadowed else {"b": ""}))
    told = interpreter(
        f"""
        ahead("a")
        exec({FINDER_THAT_LOOKS_UP!r})
        sys.path.insert(0, {str(other)!r})
        import a
        tell(what=a.what)
        """,
        installed,
    )
    assert told == {"what": "other" if shadowed else "ahead"}
