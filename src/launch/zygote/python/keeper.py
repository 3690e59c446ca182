"""The keeper: the process that the factory starts. It forks the zygote, and is there when that is not any more.

What descends from a zygote that was killed, or that is not wanted any more, comes to the keeper, as it is their subreaper:
it goes on, and in the end the keeper ends what is left.
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import time

from fitness import refuse_unfit
from linux import CHILDREN, DEADLY_SIGNALS, PR_SET_PDEATHSIG, ChildEnds, is_over, lead, prctl, send, show_as

# The arguments of the process that the factory starts, and what the keeper shows in their place, which is as long.
OWN_ARGUMENTS = ("-c", "exec(input());")
KEEPERS_ARGUMENTS = ("npw-zygote-keeper",)


class Patience:
    """How long an end may take, by the time after which the factory kills the keeper."""

    def __init__(self, order):
        stop_seconds = order["stop_millis"] / 1000
        # From the request to end until whatever is left is killed.
        self.grace = stop_seconds / 2
        # From the end of whoever wanted the zygote until it is killed.
        self.of_keeper = stop_seconds * 3 / 4


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


def end_descendants(patience):
    """Asks them to end, as `pyspark.daemon` does, and kills who is still there after the grace."""
    asked = set()
    deadline = time.monotonic() + patience.grace
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


def await_end(zygote, control, ends, patience):
    """The zygote's exit status. It is asked to end when nobody holds the other end of `control`."""
    poller = select.poll()
    poller.register(control, 0)
    poller.register(ends, select.POLLIN)
    left = None
    while True:
        for pid, status in ends.collect():
            if pid == zygote:
                return status
        ready = [fd for fd, _ in poller.poll(left)]
        if control.fileno() in ready:
            poller.unregister(control)
            left = patience.of_keeper * 1000
            os.kill(zygote, signal.SIGTERM)  # it was not waited for, so the number is its own
        elif not ready:
            os.kill(zygote, signal.SIGKILL)


def outlive(status, control, ends):
    """The zygote has ended, its workers go on: tells of their ends in its place, until there are none or nobody listens."""
    poller = select.poll()
    poller.register(control, 0)
    poller.register(ends, select.POLLIN)
    with contextlib.suppress(OSError):  # nobody is left to hear it
        send(control, "gone", status=status)
        while not is_over(control):
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid:
                send(control, "exited", pid=pid, status=ended)
            else:
                poller.poll()
                ends.drain()


def keep(zygote, control, patience):
    """Sees the zygote and its workers to their end, and ends as the zygote has.

    Tasks can signal this process, and must not end the zygote of others by it: only the end of `control` counts.
    """
    ends = ChildEnds()
    for number in DEADLY_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DEADLY_SIGNALS)
    show_as(OWN_ARGUMENTS, KEEPERS_ARGUMENTS)
    status = await_end(zygote, control, ends, patience)
    if is_over(control):
        kill_descendants()  # the zygote has asked them
    else:
        outlive(status, control, ends)
        end_descendants(patience)
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the core that counts is the zygote's
    number = os.WTERMSIG(status)
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(1)  # stopped and continued, or whatever


def take_control():
    """The socket that is this process's standard input: what it starts finds there what workers of `pyspark.daemon` do."""
    control = socket.socket(fileno=os.dup(0))
    os.set_inheritable(control.fileno(), False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return control


def split_off_zygote():
    """Gives the zygote the socket that it is told by, and what it was told first. The keeper never returns."""
    control = take_control()
    order = json.loads(control.recv(65536))
    refuse_unfit(control, forked=False)
    split_from_keeper(control, Patience(order))
    refuse_unfit(control, forked=True)
    return control, order


def split_from_keeper(control, patience):
    """Goes on in a child, which ends when its parent does. The parent never returns."""
    lead()
    keeper = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DEADLY_SIGNALS)  # until each of the two has its own way with them
    zygote = os.fork()
    if zygote:
        keep(zygote, control, patience)
    lead()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(0)
