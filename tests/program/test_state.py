"""What an import changes of the process is told, and undone."""

import pytest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("pass", []),
        ("os.chdir('/')", ["the directory"]),
        ("os.umask(0)", ["the umask"]),
        ("os.environ['A'] = 'b'", ["the environment (A)"]),
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
