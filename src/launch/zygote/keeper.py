"""The keeper: the process that the factory starts. It forks the zygote, waits for its end, and ends what that leaves behind.

A zygote that is killed cannot end its workers' children itself. They come to the keeper then, as it is their subreaper.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# After which the factory kills this process, if it was asked to end and has not.
STOP_SECONDS = int(sys.argv[1]) / 1000
# From the end of whoever wanted the zygote until it is killed.
PATIENCE_SECONDS = STOP_SECONDS * 3 / 4

LIBC = ctypes.CDLL(None)


def prctl(option, value):
    return LIBC.prctl(option, value, 0, 0, 0)


def set_title(title):
    """Has `ps` show this command line: that of the daemon whose place this process takes."""
    with open("/proc/self/stat") as stat:
        start, end = map(int, stat.read().rpartition(")")[2].split()[45:47])
    room = end - start
    # The kernel takes the line for a title, up to the first NUL, where its last byte is none.
    if len(title.encode()) < room:
        ctypes.memmove(start, title.encode().ljust(room - 1, b"\0") + b" ", room)


def running_children():
    """Our children that still run. Orphans of theirs come to us, as we are the subreaper."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        return [int(pid) for pid in children.read().split()]


def kill_descendants():
    while children := running_children():
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def await_end(zygote, control):
    """The zygote's exit status. It is asked to end when this process is, and when nobody holds the other end of `control`."""
    pidfd = os.pidfd_open(zygote)

    def send(number):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)

    def ask(*_):
        send(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGALRM, lambda *_: send(signal.SIGKILL))
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(control, 0)  # its hang-up is told without being asked for
    if pidfd not in [fd for fd, _ in poller.poll()]:
        ask()
    return os.waitpid(zygote, 0)[1]


def keep(zygote, control):
    """Ends what the zygote leaves behind, and then this process as the zygote has ended."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_title("native-python-worker keeper")
    status = await_end(zygote, control)
    kill_descendants()
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the core that counts is the zygote's
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def lead():
    """Makes this process the leader of a group, and the one that orphans of its descendants come to."""
    os.setpgid(0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def split_from_keeper(control):
    """Goes on in a child, which ends when its parent does. The parent never returns."""
    lead()
    keeper = os.getpid()
    zygote = os.fork()
    if zygote:
        keep(zygote, control)
    lead()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(0)


