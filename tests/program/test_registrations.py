"""What modules enter, when they are imported, into lists of the interpreter and into the context of their thread."""

import pytest

FINDERS = """
import sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None
class Front(Finder): pass
class Hook:
    def __init__(self, path):
        raise ImportError
sys.meta_path.append(Finder)
sys.meta_path.insert(0, Front)
sys.path_hooks.append(Hook)
"""

TELL = """
def found():
    lists = sys.meta_path, sys.path_hooks
    return [[getattr(finder, "__name__", type(finder).__name__) for finder in one] for one in lists]

early = found()
import {imported}
tell(early=early, late=found())
"""


@pytest.mark.parametrize("imported", ["inner", "outer"])
def test_finders_are_there_where_the_package_is_imported_that_has_added_them(interpreter, folder, begin, imported):
    where = folder("ahead", inner=FINDERS, outer="import inner")
    code = TELL.format(imported=imported)
    loaded = interpreter(begin + 'load("inner", "outer")\n' + code, where)
    assert loaded == interpreter(code, where)


def test_who_takes_finders_away_is_left_to_the_tasks(interpreter, folder, begin):
    code = begin + 'load("a")\ntell(why=[fields["why"] for fields in told_of("spoiled")])'
    text = "import sys\nif len(sys.path_hooks) > 1:\n    sys.path_hooks.pop()"
    told = interpreter(code, folder("ahead", a=text))
    assert told == {"why": ["changes the finders of modules when it is imported"]}


CONTEXT = """
import contextvars, decimal
OWN = contextvars.ContextVar("own", default=None)
OWN.set("set")
decimal.Decimal(1) / 3
"""


def test_variables_of_the_context_are_set_where_the_package_is_imported(interpreter, folder, begin):
    where = folder("ahead", inner=CONTEXT, outer="import inner")
    code = """
import contextvars
early = [variable.name for variable in contextvars.copy_context()]
import decimal
decimal.DefaultContext.prec = 5
import outer
decimal.DefaultContext.prec = 28
tell(early=early, late=str(decimal.Decimal(1) / 3), own=sys.modules["inner"].OWN.get())
"""
    loaded = interpreter(begin + 'load("outer")\n' + code, where)
    assert loaded == interpreter(code, where) == {"early": [], "late": "0.33333", "own": "set"}
