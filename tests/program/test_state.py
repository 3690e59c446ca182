"""What an import changes of the process is told, and undone."""

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
        ("signal.set_wakeup_fd(os.open('/dev/null', os.O_WRONLY | os.O_NONBLOCK))", ["who is told of signals"]),
    ],
)
def test_a_change_is_told_and_undone(interpreter, change, told):
    code = f"""
    import signal
    before = state.ProcessState()
    {change}
    first = before.restore()
    tell(first=first, then=before.restore())
    """
    assert interpreter(code) == {"first": told, "then": []}


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
