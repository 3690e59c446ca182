"""What is made immortal: counts that no use changes, in each interpreter that has such."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROGRAM

CODE = f"""
import gc, json, sys
sys.path.insert(0, {str(PROGRAM)!r})
import immortal

class Held:
    text = "a text " * len(sys.argv)

class Thing:
    pass

untracked = ("in a tuple " * len(sys.argv), Held)
gc.collect()
told = dict(supported=immortal.is_supported())
immortal.make_immortal()
gc.freeze()
if told["supported"]:
    words, count = immortal.memory(), immortal.memory()[immortal.word_of(None)]
    # What 3.14 calls in a module takes one reference to the module that it has not counted, and the next use counts one.
    is_immortal = lambda one: count - words[immortal.word_of(one)] in range(10)
    old = [Held, Held.text, Thing, untracked, untracked[0], immortal, immortal.__name__, gc, sys.modules]
    told["at first"] = [is_immortal(one) for one in old]
    for _ in range(1000):
        used = [(one, [one], {{"key": one}}) for one in old]
    del used
    gc.collect()
    told["later"] = [is_immortal(one) for one in old]
    new = Thing()
    told["new"] = words[immortal.word_of(new)] < immortal.SIGN_BIT
print(json.dumps(told))
"""


def interpreters():
    """This one, and others that this machine has."""
    found = [Path(sys.executable), *Path.home().glob(".pyenv/versions/3.*/bin/python")]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found += [Path(folder, f"python3.{minor}") for folder in folders for minor in range(12, 15) if "shims" not in folder]
    return [path for path in found if path.is_file()]


def of(python):
    text = "import json, sys, sysconfig; print(json.dumps([*sys.version_info[:2], bool(sysconfig.get_config_var('Py_GIL_DISABLED'))]))"
    *version, free_threaded = json.loads(subprocess.run([python, "-c", text], capture_output=True, check=True).stdout)
    return tuple(version), free_threaded


@pytest.mark.parametrize("python", interpreters(), ids=str)
def test_no_use_changes_the_count_of_what_is_immortal(python):
    version, free_threaded = of(python)
    if version < (3, 8):
        pytest.skip("no PySpark runs on it")
    done = subprocess.run([python, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["supported"] == ((3, 12) <= version < (3, 15) and not free_threaded)
    if told["supported"]:
        assert all(told["at first"]), told
        assert all(told["later"]), told
        assert told["new"], told
