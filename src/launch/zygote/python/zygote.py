"""The zygote: an interpreter that has loaded what PySpark's workers need, and forks them.

It is started by the native factory, with a SOCK_SEQPACKET socket as its standard input. Every message is a JSON object,
as `message.rs` has them. The first one to come says what to load; `fork` comes with the socket of the worker to be forked and
its standard error; `try` and `load` name a module; `leave` says that nobody will want another worker. What it sends:
`ready`, `unfit` (and why), `loaded` and `left_out` (a module), `spoiled` (by a module), `complete`, `forked`, `failed`,
`outdated` (a file), `imported` (by a worker), `tried` and `given_up` (a trial), `exited`. When the socket closes, whoever held it
is gone: the zygote ends all that descends from it, and itself.

It has one thread, always: a process with threads must not fork. In a forked worker everything is as `pyspark.daemon`
leaves it; the code from there on is PySpark's own.
"""

import _signal
import builtins
import contextlib
import errno
import importlib
import importlib.util
import os
import select
import signal
import socket
import sys
import time
import traceback
import types

import compiled
from entries import stamp
from fitness import starter_of_threads
from imports import ImportCache
from keeper import OWN_ARGUMENTS, Patience, end_descendants
from linux import (
    CHILDREN,
    DEADLY_SIGNALS,
    ChildEnds,
    Deafness,
    is_over,
    open_status,
    parsed,
    put_in_place,
    receive,
    send,
    show_as,
    threads,
)
from listener import Listener
from loading import Loading, one_thread_each, with_those_of_each_task
from sources import Sources
from state import read_directory
from stopwatch import Stopwatch, lasting_places
from trial import Trial
from worker import (
    bind,
    draw_anew,
    give_group,
    offer_to_oom_killer,
    receive_binding,
    serve_tasks,
)

# The highest there is of the scores by which the kernel chooses whom to kill for lack of memory.
MOST_EXPENDABLE = 1000
# Before each module that is loaded ahead: a worker that is wanted goes first.
PAUSE_MILLIS = 20
# Where workers are wanted all the time: how long the next module waits at most.
LONGEST_PAUSE_SECONDS = 1
# Those of the daemon in whose place this process is, as long as its own.
DAEMONS_ARGUMENTS = ("-m", "pyspark.daemon")


def main_of(module_name):
    """The module that `python -m` would run, as `__main__`, but not run."""
    spec = importlib.util.find_spec(module_name)
    module = types.ModuleType("__main__", None)
    module.__spec__ = spec
    module.__loader__ = spec.loader
    module.__file__ = spec.origin
    module.__cached__ = spec.cached
    module.__package__ = spec.parent
    module.__name__ = module_name
    module.__builtins__ = builtins
    module.__annotations__ = {}
    exec(spec.loader.get_code(module_name), module.__dict__)
    module.__name__ = "__main__"
    return module


def flush():
    """Writes out what a module may have printed, so that no worker prints it again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # as at the end of any Python process, nobody listens


def archives_of_spark():
    """Spark's own archives on the path, which do not change while it runs."""
    specs = [sys.modules[name].__spec__ for name in ("pyspark", "py4j") if name in sys.modules]
    archives = [getattr(spec.loader, "archive", None) for spec in specs]
    return (*filter(None, archives), *(entry for entry in map(str, sys.path) if entry.endswith(".jar")))


class Zygote:
    def __init__(self, control, cache, patience):
        self.control = control
        self.cache = cache
        self.patience = patience
        self.children = set()
        self.daemon = None
        self.deafness = None
        self.directory = None
        self.worker_module = None
        self.oom_score_adj = 0
        self.sources = Sources()
        self.status = open_status()
        cache.lookup.has_news = self.sources.has_news
        self.loading = Loading(cache, self.sources, self.status, self.send, self.split)
        self.listener = None
        self.trial = None
        self.worker = ()
        self.poller = select.poll()

    def send(self, kind, **fields):
        try:
            send(self.control, kind, **fields)
        except BrokenPipeError:
            self.end()  # nobody wants it any more

    def start(self, order):
        """Loads the daemon's and the worker's module. False where this PySpark is not one that we know."""
        with self.loading.recorder, one_thread_each(), compiled.taken():
            import runpy  # noqa: F401 - as `python -m` does

            import pyspark

            wanted = ".".join(order["spark"].split(".")[:2])
            if ".".join(pyspark.__version__.split(".")[:2]) != wanted:
                self.send("unfit", reason=f"PySpark is {pyspark.__version__}, Spark is {order['spark']}")
                return False
            self.worker_module = order["worker"]
            importlib.import_module(self.worker_module)
            self.load_daemon(order["daemon"], [self.worker_module])
        sys.argv[:] = [self.daemon.__file__]
        if not os.path.exists(CHILDREN):
            self.send("unfit", reason=f"this system has no {CHILDREN}")
            return False
        if threads(self.status) > 1:
            self.send(
                "unfit", reason=f"{order['worker']} starts threads when it is imported; the first runs {starter_of_threads()}"
            )
            return False
        show_as(OWN_ARGUMENTS, DAEMONS_ARGUMENTS)
        if hasattr(sys, "orig_argv"):
            put_in_place(sys.orig_argv, OWN_ARGUMENTS, DAEMONS_ARGUMENTS)
        self.oom_score_adj = order["oom_score_adj"]
        for file in order["watch"]:
            self.sources.expect(file, stamp(file))
        modules, left_out = order["load"], order["left_out"]
        if order["loads_more"]:
            modules = with_those_of_each_task(modules, left_out)
        files = self.loading.begin(modules, archives_of_spark(), left_out)
        if order["observe"]:
            places = lasting_places(sys.path, self.directory or read_directory() or "/")
            self.listener = Listener(places, self.cache.module)
        self.loading.freeze()
        self.send("ready", pid=os.getpid(), files=files)
        return True

    def load_daemon(self, module_name, arguments):
        """Runs the daemon's module as `__main__`. Up to Spark 4.1 it looks into its arguments for the worker's module then."""
        sys.argv[1:] = arguments
        self.daemon = sys.modules["__main__"] = main_of(module_name)

    def request(self):
        """Serves one message. False where there will be no more."""
        data, descriptors = receive(self.control, 65536, 2)
        if not data:
            return False
        try:
            [(kind, fields)] = parsed(data).items()
            if kind == "leave":
                self.leave()
            elif kind == "try":
                self.begin_trial(fields["module"], fields["limit_millis"])
            elif kind == "load":
                self.loading.add(fields["module"])
            elif len(descriptors) == 2:
                self.fork(fields["number"], descriptors)
            else:
                # The kernel leaves out what there is no room for.
                self.send("failed", number=fields["number"], errno=errno.EMFILE)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def leave(self):
        """Ends this process. What descends from it is the keeper's."""
        os._exit(0)

    def look_at_sources(self, changed):
        if changed and not self.loading.has_stopped:
            self.loading.stop()
            self.send("outdated", file=changed)

    def fork(self, number, descriptors):
        """The worker's socket and its standard error, which the child keeps."""
        self.look_at_sources(self.sources.seen())
        if self.loading.has_stopped:
            self.send("failed", number=number, errno=0)
            return
        try:
            pid = self.split()
        except OSError as error:
            self.send("failed", number=number, errno=error.errno)
            return
        if pid == 0:
            self.worker = tuple(descriptors)
            descriptors.clear()
            return
        self.children.add(pid)
        give_group(pid)
        self.send("forked", number=number, pid=pid)

    def hear_last_words(self, pid):
        if self.listener:
            self.hear_workers()
            self.listener.forget(pid)

    def hear_workers(self):
        """They have imported something themselves."""
        for told in self.listener.heard(self.children):
            self.send("imported", **told)

    def begin_trial(self, module, limit_millis):
        def load():
            with one_thread_each():
                self.loading.heritage.try_import(module)

        try:
            self.trial = Trial.begin(module, limit_millis, self.split_off, load)
        except OSError as error:
            self.send("given_up", module=module, why=str(error))
        else:
            self.poller.register(self.trial.result, select.POLLIN)

    def split_off(self):
        """Forks a child that has nothing of ours."""
        pid = self.split()
        if pid == 0:
            self.let_go()
            offer_to_oom_killer(MOST_EXPENDABLE)
        return pid

    def look_at_trial(self, status=None):
        """`status` is the child's, if it has ended."""
        trial = self.trial
        outcome = trial and trial.outcome(status)
        if outcome:
            self.trial = None
            self.poller.unregister(trial.result)
            trial.end(has_ended=status is not None)
            kind, found = outcome
            self.send(kind, module=trial.module, **found)

    def let_go(self):
        """In a child: what it must not keep of the zygote."""
        self.control.close()
        self.sources.close()
        os.close(self.status)
        self.ends.close()
        if self.listener:
            self.listener.close()
        if self.trial:
            os.close(self.trial.result)

    def split(self):
        """Forks. The child has nothing left to write, and takes signals for its own."""
        flush()
        # Until the child has its own handlers it would take a signal for the zygote's.
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, DEADLY_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(self.ends.told_before)
                _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
                if self.deafness:
                    self.deafness.end()
            return pid
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def become_worker(self):
        """Never returns."""
        try:
            descriptor, stderr = self.worker
            sock = socket.socket(fileno=descriptor)
            sock.settimeout(None)  # whatever a module that was loaded ahead has made the default
            os.dup2(stderr, 2)
            os.close(stderr)
            self.let_go()
            offer_to_oom_killer(self.oom_score_adj)
            draw_anew(self.cache.module)
            self.loading.heritage.reseed_early()
            binding = receive_binding(sock)
            if binding is None:
                os._exit(0)
            bind(binding)
            self.put_directory_on_path(binding)
            if binding["arguments"] and binding["arguments"][0] != self.worker_module:
                self.load_daemon(self.daemon.__spec__.name, binding["arguments"])
            self.loading.heritage.pass_on()
            with self.faulthandler():
                serve_tasks(
                    self.daemon.worker, sock, os.environ.get("SPARK_REUSE_WORKER"), self.loading.archives, self.observe()
                )
                os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)

    def put_directory_on_path(self, binding):
        """What `python -m` puts first is the directory it was started in."""
        if binding.get("directory") and self.directory in sys.path:
            sys.path[sys.path.index(self.directory)] = os.getcwd()

    def observe(self):
        """From now on what this worker imports is measured. Gives what tells it."""
        if not self.listener:
            return lambda: None
        self.cache.recorder = Stopwatch(self.cache, self.listener.places, self.listener.address)
        return self.cache.recorder.tell

    def faulthandler(self):
        enable = getattr(self.daemon, "enable_faulthandler", contextlib.nullcontext)
        return enable()

    def reap(self):
        for pid, status in self.ends.collect():
            if pid in self.children:
                self.hear_last_words(pid)
                self.children.discard(pid)
                self.send("exited", pid=pid, status=status)
            elif self.trial and pid == self.trial.pid:
                self.look_at_trial(status)

    def serve(self):
        """Gives, in a child, what that has to do: a task has no more frames below it than on stock. As a method of its own, which
        Python calls without a frame of C on any version.
        """
        self.ends = ChildEnds()
        self.deafness = Deafness(on_term=lambda *_: is_over(self.control) and self.end())
        if not self.loading.modules:
            self.send("complete")
        for heard in filter(None, (self.control, self.ends, self.listener)):
            self.poller.register(heard, select.POLLIN)
        if self.sources.events >= 0:
            self.poller.register(self.sources.events, select.POLLIN)
        overdue = time.monotonic() + LONGEST_PAUSE_SECONDS
        while True:
            ready = {fd for fd, _ in self.poller.poll(self.longest_wait())}
            if self.ends.fileno() in ready:
                self.reap()
            if self.sources.events in ready:
                self.look_at_sources(self.sources.told())
            if self.listener and self.listener.fileno() in ready:
                self.hear_workers()
            self.look_at_trial()
            if self.control.fileno() in ready and not self.request():
                self.end()
            if self.worker:
                return self.become_worker
            if self.loading.modules and (not ready or time.monotonic() > overdue):
                self.loading.load_next(self.deafness)
                self.reap()  # of an end meanwhile the import may have kept us from hearing
                overdue = time.monotonic() + LONGEST_PAUSE_SECONDS

    def longest_wait(self):
        """In milliseconds; None where only others have something to say."""
        if self.loading.modules:
            return PAUSE_MILLIS
        return self.trial.left_millis() if self.trial else None

    def end(self):
        """Ends all that descends from here, and this process."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants(self.patience)
        os._exit(0)


def started(control, order, at_start, imported, has_directory):
    """A zygote that can serve. None where it can't."""
    directory = (read_directory() or "") if has_directory else None
    if directory is not None:
        sys.path.insert(0, directory)
    cache = ImportCache(at_start)
    cache.install()
    cache.take_out_own(imported)
    zygote = Zygote(control, cache, Patience(order))
    zygote.directory = directory
    return zygote if zygote.start(order) else None
