"""The keeper: the process that the factory starts. It forks the zygote, waits for its end, and ends what that leaves behind.

A zygote that is killed cannot end its workers' children itself. They come to the keeper then, as it is their subreaper.
"""

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

# The number of the system call on every architecture; `os.pidfd_open` came with Python 3.9, and some builds lack it.
SYS_PIDFD_OPEN = 434

# Signals that end or stop a process unless it has a say in that. Not those that tell of a fault in it.
DEADLY_SIGNALS = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGXCPU,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGIO,
    signal.SIGPWR,
    16,  # SIGSTKFLT, which this module has had a name for since Python 3.11
}

LIBC = ctypes.CDLL(None, use_errno=True)


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


def is_over(control):
    """Whether nobody holds the other end of `control`: then this zygote is wanted no more."""
    poller = select.poll()
    poller.register(control, 0)  # a hang-up is told without being asked for
    return bool(poller.poll(0))


def open_pidfd(pid):
    pidfd = LIBC.syscall(SYS_PIDFD_OPEN, pid, 0)
    if pidfd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_open")
    return pidfd


def await_end(zygote, control):
    """The zygote's exit status. It is asked to end when nobody holds the other end of `control`."""
    poller = select.poll()
    pidfd = open_pidfd(zygote)
    poller.register(pidfd, select.POLLIN)
    poller.register(control, 0)
    if pidfd not in [fd for fd, _ in poller.poll()]:
        poller.unregister(control)
        os.kill(zygote, signal.SIGTERM)  # it was not waited for, so the number is its own
        if not poller.poll(PATIENCE_SECONDS * 1000):
            os.kill(zygote, signal.SIGKILL)
    return os.waitpid(zygote, 0)[1]


def keep(zygote, control):
    """Ends what the zygote leaves behind, and then this process as the zygote has ended.

    Tasks can signal this process, and must not end the zygote of others by it: only the end of `control` counts.
    """
    for number in DEADLY_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    set_title("native-python-worker keeper")
    status = await_end(zygote, control)
    kill_descendants()
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the core that counts is the zygote's
    number = os.WTERMSIG(status)
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(1)  # stopped and continued, or whatever


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


