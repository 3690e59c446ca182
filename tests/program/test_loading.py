"""What becomes of modules that are to be loaded ahead, and of what they bring beside modules."""

import pytest


@pytest.fixture
def load(interpreter, folder, begin):
    """load("code", a="text", ...): what the code tells, with these modules to be loaded."""

    def run(code, **modules):
        return interpreter(begin + code, folder("ahead", **modules))

    return run


def test_modules_are_loaded_in_turn_and_taken_out(load):
    code = """
load("a", "b")
files = [os.path.basename(fields["files"][fields["module"]]) for fields in told_of("loaded")]
tell(kinds=[kind for kind, _ in told], files=files, there=[name for name in ("a", "b") if name in sys.modules])
"""
    kinds = ["loading", "loaded", "loading", "loaded", "complete"]
    assert load(code, a="", b="import a") == {"kinds": kinds, "files": ["a.py", "b.py"], "there": []}


def test_one_that_is_missing_or_fails_is_left_out_and_the_next_is_loaded(load):
    code = """
load("missing", "fails", "a")
tell(left_out=[[f["module"], f["missing"], f["reason"]] for f in told_of("left_out")], loaded=[f["module"] for f in told_of("loaded")])
"""
    left_out = [
        ["missing", True, "ModuleNotFoundError: No module named 'missing'"],
        ["fails", False, "ValueError: not today"],
    ]
    assert load(code, fails="raise ValueError('not today')", a="") == {"left_out": left_out, "loaded": ["a"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import os; os.chdir('/')", "changes the directory when it is imported"),
        (
            "import threading\nheld = threading.Event()\nthreading.Thread(target=held.wait, daemon=True).start()",
            "starts threads when it is imported; the first runs threading.Event.wait",
        ),
    ],
    ids=["directory", "thread"],
)
def test_one_that_spoils_the_process_ends_all_loading(load, text, why):
    code = """
load("spoils", "a")
loader.add("a")
spoiled = [fields["why"].split(" (")[0] for fields in told_of("spoiled")]
tell(spoiled=spoiled, stopped=loader.has_stopped, left=loader.modules, loaded=told_of("loaded", "complete"))
"""
    assert load(code, spoils=text, a="") == {"spoiled": [why], "stopped": True, "left": [], "loaded": []}


def test_what_a_package_changes_in_the_environment_is_changed_where_it_is_imported(load):
    code = """
load("a")
after = [os.environ.get("SET_BY_A")]
loader.heritage.pass_on()
after.append(os.environ.get("SET_BY_A"))
import a
after.append(os.environ.get("SET_BY_A"))
tell(after=after)
"""
    assert load(code, a="import os; os.environ['SET_BY_A'] = '1'") == {"after": [None, None, "1"]}


DEFAULTS = [
    "os.environ.setdefault('STAGE', 'prod')",
    "if 'STAGE' not in os.environ: os.environ['STAGE'] = 'prod'",
    "os.environ['STAGE'] = os.getenv('STAGE') or 'prod'",
]


@pytest.mark.parametrize("text", DEFAULTS)
@pytest.mark.parametrize(("own", "then"), [(None, "prod"), ("test", "test")])
def test_a_default_that_a_package_sets_is_not_for_who_has_a_value(load, text, own, then):
    code = """
load("a")
loader.heritage.pass_on()
loaded = loader.cache.module("a")
if OWN:
    os.environ["STAGE"] = OWN
import a
tell(stage=os.environ.get("STAGE"), same=a is loaded)
""".replace("OWN", repr(own))
    assert load(code, a=f"import os\n{text}") == {"stage": then, "same": True}


@pytest.mark.parametrize("imports", ["import conf", "import importlib; importlib.import_module('conf')"])
def test_it_is_changed_by_the_package_that_does_so_whoever_has_imported_that(load, imports):
    """Modules of other packages find it when they are loaded, and each sets its own after those that it needs."""
    code = """
load("late", "outer", "last")
loader.heritage.pass_on()
names = ["STAGE", "OUTER"]
after = [[os.environ.get(name) for name in names]]
import conf
after.append([os.environ.get(name) for name in names])
import outer, last
after.append([os.environ.get(name) for name in names])
tell(after=after, seen=last.SEEN)
"""
    modules = {
        "conf": "import os\nos.environ['STAGE'] = 'prod'\nos.environ['OUTER'] = 'no'",
        "outer": f"import os\n{imports}\nos.environ['OUTER'] = 'yes'",
        "late": "",
        "last": "import os, conf, outer\nSEEN = os.environ['STAGE']",
    }
    after = [[None, None], ["prod", "no"], ["prod", "yes"]]
    assert load(code, **modules) == {"after": after, "seen": "prod"}


def test_what_pyspark_sets_when_a_package_imports_it_is_that_packages(load):
    code = """
sys.modules.pop("stays", None)
loader.cache.stays.add("stays")
load("a")
loader.heritage.pass_on()
import a
tell(stage=os.environ.get("STAGE"))
"""
    modules = {"stays": "import os\nos.environ['STAGE'] = 'prod'", "a": "import stays"}
    assert load(code, **modules) == {"stage": "prod"}


@pytest.mark.parametrize("name", ["inner", "outer"])
def test_thread_pools_have_their_size_where_the_package_that_has_loaded_them_is_imported(load, name):
    code = """
load("outer")
sizes = []
for package, found in loader.heritage.pools.items():
    found.resize = lambda environment, package=package: sizes.append(package)
owners = [package for package, found in loader.heritage.pools.items() if found.sizes]
loader.heritage.pass_on()
import NAME
tell(owners=owners, numpy="numpy" in sizes)
""".replace("NAME", name)
    told = load(code, outer="import inner", inner="import numpy")
    assert told == {"owners": ["numpy"], "numpy": True}


def test_the_memory_of_what_nobody_has_imported_is_told(load):
    code = """
load("a", "b")
brought = loader.heritage.resident["a"] * 1024
before = loader.heritage.unused()
import a
tell(brought=brought, less=before - loader.heritage.unused())
"""
    told = load(code, a="data = bytes(range(256)) * 65536", b="")
    assert told["brought"] >= 16 << 20
    assert told["less"] == told["brought"]


FILTERS = """
import warnings
{more}

def load_all():
    before = list(warnings.filters)
    load({names})
    loader.heritage.pass_on()
    assert warnings.filters == before

{load_all}
warnings.simplefilter("error")
import {name}
tell(filters=[(action, str(message and message.pattern)) for action, message, *_ in warnings.filters], more=told_of("spoiled"))
"""


@pytest.mark.parametrize("name", ["a", "b"])
def test_filters_of_warnings_are_added_where_the_package_is_imported_that_has_added_them(load, name):
    modules = {
        "a": "import warnings\nwarnings.filterwarnings('ignore', 'mine')",
        "b": "import warnings\nwith warnings.catch_warnings():\n warnings.simplefilter('ignore')\nimport a",
    }
    code = FILTERS.replace("{more}", "").replace("{names}", "'b'").replace("{name}", name)
    told = load(code.replace("{load_all}", "load_all()"), **modules)
    assert told == load(code.replace("{load_all}", ""), **modules)
    assert told["filters"][:2] == [["ignore", "mine"], ["error", "None"]]


def test_one_that_seeds_random_numbers_or_sets_up_logging_is_left_to_the_tasks(load):
    code = """
import random, logging
load("a")
load("b")
tell(why=[fields["why"] for fields in told_of("spoiled")])
"""
    why = ["changes the state of random when it is imported"]
    assert load(code, a="import random\nrandom.seed(1)", b="") == {"why": why}


def test_what_was_missing_is_told_and_watched(load):
    """A session may bring it, or somebody install it."""
    code = """
load("a", "b")
open(sys.path[0] + "/extra.py", "w").close()
tell(files=[fields["files"].get("extra") for fields in told_of("loaded")], changed=watched.told())
"""
    told = load(code, a="try:\n import extra\nexcept ImportError:\n pass", b="")
    assert told["files"] == ["", None]
    assert told["changed"].endswith("/extra.py")


OPTIONS = """
os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
{}
os.environ.update({})
import pandas, pyarrow, warnings
warnings.simplefilter("ignore")
tell(
    copies=pandas.options.mode.copy_on_write,
    strings=getattr(getattr(pandas.options, "future", None), "infer_string", None),
    memory=pyarrow.default_memory_pool().backend_name,
    value=pyarrow.array([1]).to_pandas().sum().item(),
)
"""
LATE = [
    {},
    {"PANDAS_COPY_ON_WRITE": "warn"},
    {"PANDAS_COPY_ON_WRITE": "1", "PANDAS_FUTURE_INFER_STRING": "1"},
    {"PANDAS_FUTURE_INFER_STRING": "0"},
    {"ARROW_DEFAULT_MEMORY_POOL": "system"},
    {"ARROW_DEFAULT_MEMORY_POOL": "jemalloc"},
]


@pytest.mark.parametrize("late", LATE, ids=str)
def test_options_are_what_the_task_has_set_before_its_import(load, late):
    code = (
        "load('pandas', 'pyarrow')\nassert not told_of('spoiled')\nloader.heritage.pass_on()\nloaded = cache.module('pyarrow')"
    )
    told = load(OPTIONS.format(code, late) + "assert pyarrow is loaded")
    assert told == load(OPTIONS.format("", late))


def test_what_tasks_import_by_a_call_of_the_interpreters_is_loaded_last(load):
    code = """
import importlib
wanted = loading.with_those_of_each_task(["a"], [])
without = loading.with_those_of_each_task(["a"], wanted)
load(*wanted)
loaded = [fields["module"] for fields in told_of("loaded")]
before = set(sys.modules) | set(cache.entries)
importlib.invalidate_caches()
tell(wanted=wanted, without=without, loaded=loaded, imported=sorted(name for name in set(sys.modules) - before))
"""
    found = load(code, a="")
    assert found["wanted"][0] == "a" and found["without"] == ["a"]
    assert found["loaded"] == found["wanted"] and found["imported"] == []
