"""The keeper: the process that the factory starts. It forks the zygote, and is there when that is not any more.

What descends from a zygote that was killed comes to the keeper, as it is their subreaper: the workers go on, as those of
Spark's daemon do, and in the end the keeper ends what is left.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# After which the factory kills this process, if it was asked to end and has not.
STOP_SECONDS = int(sys.argv[1]) / 1000
# From the request to end until whatever is left is killed.
GRACE_SECONDS = STOP_SECONDS / 2
# From the end of whoever wanted the zygote until it is killed.
PATIENCE_SECONDS = STOP_SECONDS * 3 / 4

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

# Of the one thread that this is.
CHILDREN = "/proc/thread-self/children"

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


class ChildEnds:
    """Tells a poller that children have ended, and which."""

    def __init__(self):
        self.heard, self.rung = socket.socketpair()
        for end in (self.heard, self.rung):
            end.setblocking(False)
        signal.set_wakeup_fd(self.rung.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def fileno(self):
        return self.heard.fileno()

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            self.heard.recv(4096)

    def collect(self):
        """Pid and exit status of each that has ended."""
        self.drain()
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                yield pid, status

    def close(self):
        self.heard.close()
        self.rung.close()


def running_children():
    """Our children that still run. Orphans of theirs come to us, as we are the subreaper."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    with open(CHILDREN) as children:
        return [int(pid) for pid in children.read().split()]


def signal_each(pids, number):
    """Those that could be signalled: a task may have started a program that is another user's."""
    signalled = set()
    for pid in pids:
        with contextlib.suppress(PermissionError):
            os.kill(pid, number)
            signalled.add(pid)
    return signalled


def end_descendants():
    """Asks them to end, as `pyspark.daemon` does, and kills who is still there after the grace."""
    asked = set()
    deadline = time.monotonic() + GRACE_SECONDS
    while (children := set(running_children())) and time.monotonic() < deadline:
        signal_each(children - asked, signal.SIGHUP)
        asked |= children
        time.sleep(0.01)
    kill_descendants()


def kill_descendants():
    pause = 0.001
    while signal_each(running_children(), signal.SIGKILL):
        time.sleep(pause)
        pause = min(2 * pause, 0.1)  # one that waits for a device takes its time


def is_over(control):
    """Whether nobody holds the other end of `control`: then this zygote is wanted no more."""
    poller = select.poll()
    poller.register(control, 0)  # a hang-up is told without being asked for
    return bool(poller.poll(0))


def send(control, **message):
    control.sendall(json.dumps(message, ensure_ascii=False).encode(errors="replace"))


def await_end(zygote, control, ends):
    """The zygote's exit status. It is asked to end when nobody holds the other end of `control`."""
    poller = select.poll()
    poller.register(control, 0)
    poller.register(ends, select.POLLIN)
    patience = None
    while True:
        for pid, status in ends.collect():
            if pid == zygote:
                return status
        ready = [fd for fd, _ in poller.poll(patience)]
        if control.fileno() in ready:
            poller.unregister(control)
            patience = PATIENCE_SECONDS * 1000
            os.kill(zygote, signal.SIGTERM)  # it was not waited for, so the number is its own
        elif not ready:
            os.kill(zygote, signal.SIGKILL)


def outlive(status, control, ends):
    """The zygote has ended, its workers go on: tells of their ends in its place, until there are none or nobody listens."""
    poller = select.poll()
    poller.register(control, 0)
    poller.register(ends, select.POLLIN)
    with contextlib.suppress(OSError):  # nobody is left to hear it
        send(control, gone=status)
        while not is_over(control):
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid:
                send(control, exited=pid, status=ended)
            else:
                poller.poll()
                ends.drain()


def keep(zygote, control):
    """Sees the zygote and its workers to their end, and ends as the zygote has.

    Tasks can signal this process, and must not end the zygote of others by it: only the end of `control` counts.
    """
    ends = ChildEnds()
    for number in DEADLY_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    set_title("native-python-worker keeper")
    status = await_end(zygote, control, ends)
    if is_over(control):
        kill_descendants()  # the zygote has asked them
    else:
        outlive(status, control, ends)
        end_descendants()
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


