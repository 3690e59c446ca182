"""The zygote: an interpreter that has loaded what PySpark's workers need, and forks them.

It is started by the native factory, with a SOCK_SEQPACKET socket as its standard input. Every message is a JSON object,
as `message.rs` has them. The first one to come says what to load; `fork` comes with the socket of the worker to be forked and
its standard error; `try` and `load` name a module; `leave` says that nobody will want another worker. What it sends:
`ready`, `unfit` (and why), `loaded` and `left_out` (a module), `spoiled` (by a module), `complete`, `forked`, `failed`,
`outdated` (a file), `imported` (by a worker), `tried`, `exited`. When the socket closes, whoever held it is gone: the zygote ends all that descends from it, and itself.

It has one thread, always: a process with threads must not fork. In a forked worker everything is as `pyspark.daemon`
leaves it; the code from there on is PySpark's own.
"""

import contextlib
import errno
import gc
import importlib
import importlib.util
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
import types

from immortal import make_immortal
from imports import ImportCache, stamp, top_level
from keeper import OWN_ARGUMENTS, Patience, end_descendants, split_from_keeper
from linux import (
    CHILDREN,
    DEADLY_SIGNALS,
    ChildEnds,
    Deafness,
    is_over,
    open_status,
    receive,
    send,
    show_as,
    status_of,
    threads,
)
from listener import Listener
from pools import SINGLE, Pools, resize_arrow
from recorder import Recorder
from sources import Sources
from state import ProcessState, forget_distributions, read_directory, set_variables
from stopwatch import Stopwatch, lasting_places
from trial import Trial
from worker import (
    bind,
    forget_importers,
    leave_group,
    measure_own,
    offer_to_oom_killer,
    receive_binding,
    reseed,
    serve_tasks,
)

# The highest there is of the scores by which the kernel chooses whom to kill for lack of memory.
MOST_EXPENDABLE = 1000
# Before each module that is loaded ahead: a worker that is wanted goes first.
PAUSE_MILLIS = 20
# Where workers are wanted all the time: how long the next module waits at most.
LONGEST_PAUSE_SECONDS = 1
# Of the trial of what all tasks do; it takes milliseconds.
REHEARSAL_SECONDS = 5
# Characters; what is sent must fit into one message.
MOST_OF_AN_ERROR = 2000
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


def described(error):
    """What to say of a failed import; its own words may fail, too, or be too many."""
    try:
        return f"{type(error).__name__}: {error}"[:MOST_OF_AN_ERROR]
    except Exception:
        return type(error).__name__


def files_of(error):
    """The files that an import has failed in; with one of them mended it may not."""
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    files = {file for file in (*frames, getattr(error, "filename", None)) if file and os.path.isabs(str(file))}
    return sorted(files)[-50:]


def locations(specs):
    """Files of modules, by name; what is part of the interpreter has none."""
    return {name: spec.origin for name, spec in specs.items() if spec.has_location and spec.origin}


def starter_of_threads():
    """Whose threads these are, as far as Python knows."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            run = getattr(thread, "_target", None) or type(thread).run
            code = getattr(getattr(run, "__func__", run), "__code__", None)
            where = f" ({code.co_filename})" if code else ""
            return f"{getattr(run, '__module__', '')}.{getattr(run, '__qualname__', '')}{where}"
    return "code that is not Python's"


def rehearse():
    """Does a little of what all tasks with Arrow do first: its memory and what it imports late are then there already."""
    import pyarrow

    values = pyarrow.array([1]).to_pandas() + 1
    batch = pyarrow.RecordBatch.from_arrays([pyarrow.Array.from_pandas(values)], ["_0"])
    written = io.BytesIO()
    with pyarrow.ipc.new_stream(written, batch.schema) as stream:
        stream.write_batch(batch)
    list(pyarrow.ipc.open_stream(written.getvalue()))


@contextlib.contextmanager
def one_thread_each():
    """Libraries that are loaded start no threads of their own."""
    before = {name: os.environ.get(name) for name in SINGLE}
    os.environ.update(SINGLE)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


class Zygote:
    def __init__(self, control, cache, patience):
        self.control = control
        self.cache = cache
        self.patience = patience
        self.children = set()
        self.to_load = []
        self.spoiled = False
        self.daemon = None
        self.deafness = None
        self.directory = None
        self.worker_module = None
        self.oom_score_adj = 0
        self.archives = ()
        self.sources = Sources()
        self.recorder = Recorder(cache, self.sources)
        self.environment = dict(os.environ)
        self.early_pools = Pools()
        self.pools = {}
        self.status = open_status()
        self.resident = {}
        self.variables = {}
        self.listener = None
        self.trial = None
        self.poller = select.poll()

    def send(self, kind, **fields):
        try:
            send(self.control, kind, **fields)
        except BrokenPipeError:
            self.end()  # nobody wants it any more

    def start(self, order):
        """Loads the daemon's and the worker's module. False where this PySpark is not one that we know."""
        with self.recorder, one_thread_each():
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
            sys.orig_argv[1:3] = DAEMONS_ARGUMENTS
        self.oom_score_adj = order["oom_score_adj"]
        self.to_load = list(order["load"])
        for file in order["watch"]:
            self.sources.expect(file, stamp(file))
        self.archives = archives_of_spark()
        self.early_pools.find(self.environment)
        specs = self.cache.keep_all()
        self.sources.add_path(sys.path, specs, order["left_out"])
        if order["observe"]:
            places = lasting_places(sys.path, self.directory or read_directory() or "/")
            self.listener = Listener(places, self.cache.module)
        self.freeze()
        self.send("ready", pid=os.getpid(), files=locations(specs))
        return True

    def load_daemon(self, module_name, arguments):
        """Runs the daemon's module as `__main__`. Up to Spark 4.1 it looks into its arguments for the worker's module then."""
        sys.argv[1:] = arguments
        self.daemon = sys.modules["__main__"] = main_of(module_name)

    def freeze(self):
        forget_importers(self.archives)
        gc.collect()
        make_immortal()
        gc.freeze()
        # Attributes that the interpreter has looked up are those of the imports. A worker would replace one after the
        # other, and each time write to the name of the old one, in a page that it shares until then.
        forget = getattr(sys, "_clear_type_cache", None)
        if forget:
            forget()

    def load_next(self):
        name = self.to_load.pop(0)
        started = time.monotonic()
        self.send("loading", module=name)
        before = ProcessState()
        resident = status_of(self.status, b"RssAnon")
        error = None
        with self.recorder, one_thread_each():
            try:
                importlib.import_module(name)
                if not self.to_load and self.may_rehearse():
                    with contextlib.suppress(Exception):
                        rehearse()
            except BaseException as failure:
                error = failure
        forget_distributions()
        variables, changed = before.variables(), before.restore()
        self.deafness.leave_changed()
        if threads(self.status) > 1:
            return self.spoil(name, f"starts threads when it is imported; the first runs {starter_of_threads()}")
        if changed:
            return self.spoil(name, f"changes {', '.join(changed)} when it is imported")
        if error is not None:
            return self.leave_out(name, error)
        specs = self.cache.take_out()
        self.account(top_level(name), status_of(self.status, b"RssAnon") - resident)
        self.variables.setdefault(top_level(name), {}).update(variables)
        self.sources.add_path(sys.path, specs)
        millis = round((time.monotonic() - started) * 1000)
        self.send("loaded", module=name, millis=millis, files=locations(specs))
        self.go_on()

    def account(self, package, kibibytes):
        """What this package has brought, beside modules."""
        known = {file for pools in (self.early_pools, *self.pools.values()) for file in pools.sizes}
        self.pools.setdefault(package, Pools()).find(self.environment, known)
        self.resident[package] = self.resident.get(package, 0) + kibibytes

    def go_on(self):
        if not self.to_load:
            self.freeze()
            self.send("complete")

    def leave_out(self, name, error):
        missing = isinstance(error, ModuleNotFoundError) and name.startswith(f"{error.name}")
        reason, files = described(error), files_of(error)
        if not self.cache.forget_batch():
            return self.spoil(name, f"can't be imported: {reason}", files)
        for file in files:
            self.sources.add(file)
        self.sources.add_path(sys.path, self.cache.take_out(), [name])
        self.send("left_out", module=name, missing=missing, reason=reason)
        self.go_on()

    def spoil(self, name, why, files=()):
        """It forks no more. These files may be at fault."""
        self.spoiled = True
        self.to_load = []
        self.send("spoiled", module=name, why=why, files=list(files))

    def may_rehearse(self):
        """Whether a child has done it, without a thread being started."""
        if not all(self.cache.module(name) for name in ("pandas", "pyarrow")):
            return False
        try:
            pid = self.split()
        except OSError:
            return False
        if pid == 0:
            code = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(REHEARSAL_SECONDS)
                rehearse()
                code = threads(open_status()) - 1
            finally:
                os._exit(code)
        return os.waitpid(pid, 0)[1] == 0

    def request(self):
        """Serves one message. False where there will be no more."""
        data, descriptors = receive(self.control, 65536, 2)
        if not data:
            return False
        try:
            [(kind, fields)] = json.loads(data).items()
            if kind == "leave":
                self.leave()
            elif kind == "try":
                self.begin_trial(fields["module"], fields["limit_millis"])
            elif kind == "load":
                self.to_load += [] if self.spoiled else [fields["module"]]
            elif len(descriptors) == 2:
                self.fork(fields["number"], *descriptors)
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
        if changed and not self.spoiled:
            self.spoiled = True
            self.to_load = []
            self.send("outdated", file=changed)

    def fork(self, number, sock, stderr):
        self.look_at_sources(self.sources.seen())
        if self.spoiled:
            self.send("failed", number=number, errno=0)
            return
        try:
            pid = self.split()
        except OSError as error:
            self.send("failed", number=number, errno=error.errno)
            return
        if pid == 0:
            self.become_worker(socket.socket(fileno=sock), stderr)
        self.children.add(pid)
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
                importlib.import_module(module)

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
        signal.pthread_sigmask(signal.SIG_BLOCK, DEADLY_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                if self.deafness:
                    self.deafness.end()
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, DEADLY_SIGNALS)

    def become_worker(self, sock, stderr):
        """Never returns."""
        try:
            sock.settimeout(None)  # whatever a module that was loaded ahead has made the default
            os.dup2(stderr, 2)
            os.close(stderr)
            self.let_go()
            leave_group()
            offer_to_oom_killer(self.oom_score_adj)
            random = sys.modules.get("numpy.random")
            if random is not None:
                reseed(random, self.cache.module("numpy"))
            binding = receive_binding(sock)
            if binding is None:
                os._exit(0)
            bind(binding)
            self.put_directory_on_path(binding)
            if binding["arguments"] and binding["arguments"][0] != self.worker_module:
                self.load_daemon(self.daemon.__spec__.name, binding["arguments"])
            self.adapt_loaded()
            with self.faulthandler():
                serve_tasks(self.daemon.worker, sock, os.environ.get("SPARK_REUSE_WORKER"), self.archives, self.observe())
                os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)

    def put_directory_on_path(self, binding):
        """What `python -m` puts first is the directory it was started in."""
        if binding.get("directory") and self.directory in sys.path:
            sys.path[sys.path.index(self.directory)] = os.getcwd()

    def adapt_loaded(self):
        """What is loaded ahead is as if it had been loaded by this worker, when it is first imported."""
        self.early_pools.resize(self.environment)
        self.cache.when_used = self.adapt
        shuffle = sys.modules.get("pyspark.shuffle")
        if shuffle is not None:
            measure_own(shuffle, self.unused)

    def observe(self):
        """From now on what this worker imports is measured. Gives what tells it."""
        if not self.listener:
            return lambda: None
        self.cache.recorder = Stopwatch(self.cache, self.listener.places, self.listener.address)
        return self.cache.recorder.tell

    def adapt(self, name):
        """Has this process, too, what the import has changed, or would have had otherwise."""
        set_variables(self.variables.get(name, {}))
        if name in self.pools:
            self.pools[name].resize(os.environ)
        if name == "pyarrow":
            resize_arrow(self.cache.module(name), self.environment, os.environ)

    def unused(self):
        """Bytes of what was loaded ahead and nobody has imported here."""
        return sum(size for name, size in self.resident.items() if name in self.cache.entries) * 1024

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
        self.ends = ChildEnds()
        self.deafness = Deafness(on_term=lambda *_: is_over(self.control) and self.end())
        if not self.to_load:
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
            if self.to_load and (not ready or time.monotonic() > overdue):
                self.load_next()
                self.reap()  # of an end meanwhile the import may have kept us from hearing
                overdue = time.monotonic() + LONGEST_PAUSE_SECONDS

    def longest_wait(self):
        """In milliseconds; None where only others have something to say."""
        if self.to_load:
            return PAUSE_MILLIS
        return self.trial.left_millis() if self.trial else None

    def end(self):
        """Ends all that descends from here, and this process."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants(self.patience)
        os._exit(0)


def unfit():
    """Why this interpreter is none to fork workers from; None where it is one."""
    if "t" in getattr(sys, "abiflags", ""):
        return "this interpreter is a free-threaded one, which no zygote has been tried with"
    status = open_status()
    several = threads(status) > 1  # a fork would leave them behind
    os.close(status)
    return f"this interpreter has threads before it runs anything; the first runs {starter_of_threads()}" if several else None


def refuse_unfit(control):
    """Ends this process where workers cannot be forked from it."""
    why = unfit()
    if why is not None:
        send(control, "unfit", reason=why, of_interpreter=True)
        os._exit(0)


def main(at_start, has_directory):
    control = socket.socket(fileno=os.dup(0))
    os.set_inheritable(control.fileno(), False)
    # As pyspark.daemon has it for its workers.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    order = json.loads(control.recv(65536))
    refuse_unfit(control)
    patience = Patience(order["stop_millis"] / 1000)
    split_from_keeper(control, patience)
    directory = (read_directory() or "") if has_directory else None
    if directory is not None:
        sys.path.insert(0, directory)
    cache = ImportCache(at_start)
    sys.meta_path.insert(0, cache)
    cache.take_out_own()
    zygote = Zygote(control, cache, patience)
    zygote.directory = directory
    if zygote.start(order):
        zygote.serve()
