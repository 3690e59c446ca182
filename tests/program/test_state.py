"""What an import changes of the process is told."""

import pytest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("pass", []),
        ("os.chdir('/')", ["the directory"]),
        ("os.umask(0)", ["the umask"]),
        ("sys.path.append('/nowhere')", ["sys.path"]),
        ("import socket; socket.setdefaulttimeout(1)", ["the timeout of sockets"]),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])", ["the signals that are blocked"]),
        ("import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')", ["the locale"]),
        ("sys.setrecursionlimit(5000)", ["the limit of recursion"]),
        ("import gc; gc.disable()", ["the garbage collector"]),
        ("sys.excepthook = print", ["hooks of the interpreter"]),
        ("import io; sys.stderr = io.StringIO()", ["the standard streams"]),
        ("import gettext; gettext.install('mine')", ["what is built in"]),
        ("import warnings; warnings.resetwarnings()", ["the filters of warnings"]),
        ("signal.signal(signal.SIGUSR1, print)", ["the handlers of signals"]),
        ("logging.basicConfig()", ["the root logger"]),
        ("decimal.getcontext().prec = 5", ["the context of decimals"]),
        ("random.seed(1)", ["the state of random"]),
        ("numpy.random.seed(1)", ["the state of numpy.random"]),
        ("signal.set_wakeup_fd(os.open('/dev/null', os.O_WRONLY | os.O_NONBLOCK))", ["who is told of signals"]),
    ],
)
def test_a_change_is_told(interpreter, change, told):
    code = f"""
    import decimal, logging, numpy.random, random, signal
    before = state.ProcessState()
    {change}
    tell(told=before.restore())
    """
    assert interpreter(code) == {"told": told}


def test_what_an_import_changes_in_the_environment_can_be_done_again(interpreter):
    code = """
    before = state.ProcessState()
    os.environ["ADDED"] = "1"
    os.environ["CHANGED"] = "2"
    del os.environ["REMOVED"]
    variables = before.variables()
    before.restore()
    restored = os.environ.get("ADDED"), os.environ["CHANGED"], os.environ["REMOVED"]
    state.set_variables(variables)
    tell(restored=restored, then=[os.environ.get(name) for name in ("ADDED", "CHANGED", "REMOVED")])
    """
    told = interpreter(code, CHANGED="1", REMOVED="1")
    assert told == {"restored": [None, "1", "1"], "then": ["1", "2", None]}
