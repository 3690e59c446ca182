"""Loggers that modules make when they are imported: after an import of what is loaded ahead they are what they would be without."""

import pytest

MODULES = {
    "outer": "import logging, inner\nOWN = logging.getLogger('outer')\nOWN.addHandler(logging.NullHandler())",
    "inner": "import logging\nOWN, CHILD = logging.getLogger('inner'), logging.getLogger('inner.deep.child')\nOWN.setLevel('ERROR')",
}

# What the task does before its import.
BEFORE = {
    "nothing": "",
    "disables": "import logging.config\nlogging.config.dictConfig({'version': 1, 'disable_existing_loggers': True})",
    "has a class": """
class Own(logging.Logger):
    def __init__(self, name):
        super().__init__(name)
        self.marked = True
logging.setLoggerClass(Own)
""",
    "has one": "logging.getLogger('inner').addFilter(bool)\nlogging.getLogger('inner').disabled = True",
    "has a child": "logging.getLogger('inner.deep.child.small')",
    "has a parent": "logging.getLogger('inner.deep').setLevel('CRITICAL')",
    "has a level": "logging.root.setLevel('DEBUG')\nlogging.getLogger('outer')",
}

TELL = """
def described(name):
    logger = logging.root.manager.loggerDict.get(name)
    if not isinstance(logger, logging.Logger):
        return str(type(logger))
    return [type(logger).__name__, logger.parent.name, logger.getEffectiveLevel(), logger.disabled, len(logger.filters),
            [type(handler).__name__ for handler in logger.handlers], getattr(logger, "marked", False)]

import logging
names = [name + more for name in ("outer", "inner") for more in ("", ".deep", ".deep.child", ".deep.child.small")]
early = [name for name in names if name in logging.root.manager.loggerDict]
{before}
import {imported}
module = sys.modules["inner"]
logging.getLogger("inner").info("the cache of levels")
module.OWN.extra = 1
tell(
    early=early, late=[described(name) for name in names],
    one=[getattr(logging.getLogger("inner"), "extra", 0), isinstance(module.OWN, logging.getLoggerClass())],
    child=module.CHILD.isEnabledFor(40),
)
"""


@pytest.mark.parametrize("imported", MODULES)
@pytest.mark.parametrize("before", BEFORE)
def test_they_are_made_by_the_import(interpreter, folder, begin, imported, before):
    code = TELL.format(before=BEFORE[before], imported=imported)
    where = folder("ahead", **MODULES)
    loaded = interpreter(begin + 'load("inner", "outer")\n' + code, where)
    assert loaded == interpreter("import logging\n" + code, where)
    assert loaded["early"] == []


def test_one_that_a_module_of_the_interpreter_makes_is_there_with_that_module(interpreter, folder, begin):
    """Whoever has imported it while modules were loaded ahead."""
    told = interpreter(
        begin
        + """
load("outer")
import logging, concurrent.futures
tell(same=logging.getLogger("concurrent.futures") is sys.modules["concurrent.futures._base"].LOGGER)
""",
        folder("ahead", outer="import concurrent.futures"),
    )
    assert told == {"same": True}
