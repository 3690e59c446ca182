"""The zygote: an interpreter that has loaded what PySpark's workers need, and forks them.

It is started by the native factory, with a SOCK_SEQPACKET socket as its standard input. Every message is a JSON object.
The first one to come says what to load; `{"fork": n}` comes with the socket of
the worker to be forked and its standard error. What it sends:
`ready`, `unfit` (and why), `loaded` and `left_out` (a module), `spoiled` (by a module), `complete`, `forked`, `failed`,
`outdated` (a file), `exited`. When the socket closes, whoever held it is gone: the zygote ends all that descends from it, and itself.

It has one thread, always: a process with threads must not fork. In a forked worker everything is as `pyspark.daemon`
leaves it; the code from there on is PySpark's own.

The interpreter gets it behind `keeper.py`, as one program.
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
import struct
import sys
import time
import traceback
import types

# Before each module that is loaded ahead: a worker that is wanted goes first.
PAUSE_MILLIS = 20
# Where workers are wanted all the time: how long the next module waits at most.
LONGEST_PAUSE_SECONDS = 1
# Of the trial of what all tasks do; it takes milliseconds.
REHEARSAL_SECONDS = 5
# Characters; what is sent must fit into one message.
MOST_OF_AN_ERROR = 2000
# Of a file that is watched: written to, renamed, replaced or removed (`inotify`).
CHANGES = 0x2 | 0x4 | 0x400 | 0x800
# Between looks at files whose changes nobody tells us, as on network file systems.
LOOK_SECONDS = 1
# In the memory allocator of Arrow: the only thread that importing pyarrow starts.
ARROW_THREAD_SWITCH = "JE_ARROW_MALLOC_CONF"
# Of `clone`: the child has this process's memory, which waits meanwhile.
CLONE_VM = 0x100
CLONE_VFORK = 0x4000
# Made once, as each worker would make them anew.
SMALL_STACK = ctypes.create_string_buffer(8 * 1024)
SMALL_STACK_TOP = ctypes.c_void_p((ctypes.addressof(SMALL_STACK) + len(SMALL_STACK)) // 16 * 16)
CLONE, SETPGRP = LIBC.clone, LIBC.setpgrp


def open_status():
    return os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)


def threads(status):
    """How many this process has; needs no new descriptor, as there may be none."""
    return int(os.pread(status, 8192, 0).partition(b"Threads:")[2].split()[0])


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


def receive(sock, size, most):
    """A message and its descriptors, which no program that is started here inherits."""
    room = socket.CMSG_LEN(most * struct.calcsize("i"))
    data, ancillary, _, _ = sock.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = [fd for _, _, content in ancillary for (fd,) in struct.iter_unpack("i", content)]
    return data, descriptors


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def receive_binding(sock):
    """Waits until this worker is wanted: its environment, directory and path. None where it never is."""
    head, stdout = receive(sock, 4, 1)
    body = head and read_exactly(sock, struct.unpack("!i", head)[0])
    return {**json.loads(body), "stdout": stdout} if body else None


def leave_group():
    """Has this process a group of its own: a session that signals its group must not reach the workers of others.

    Not as its leader, who could not call `setsid`, which stock's workers can: the leader is a child that has ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DEADLY_SIGNALS)  # no handler fits on that stack
    leader = CLONE(SETPGRP, SMALL_STACK_TOP, CLONE_VM | CLONE_VFORK | signal.SIGCHLD, None)
    try:
        os.setpgid(0, max(leader, 0))
    except OSError:  # a system that is not quite Linux
        os.setpgid(0, 0)
    if leader > 0:
        os.waitpid(leader, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def bind(binding):
    """Makes this process the worker of the session it was handed out to."""
    for descriptor in binding["stdout"]:
        os.dup2(descriptor, 1)
        os.close(descriptor)
    for name in binding["unset"]:
        os.environ.pop(name, None)
    os.environ.update(binding["set"])
    directory = binding.get("directory")
    if directory:
        os.chdir(directory)
        # What `python -m` puts first is the directory it was started in.
        sys.path[0] = os.getcwd()
    sys.argv[1:] = binding["arguments"]


def flush():
    """Writes out what a module may have printed, so that no worker prints it again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # as at the end of any Python process, nobody listens


def reseed():
    """Random state that a fork has copied; Python's own `random` sees to itself."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        # As `random.seed()`, which takes a worker twenty times as long.
        words = sys.modules["numpy"].frombuffer(os.urandom(4 * 624), dtype="uint32")
        random.set_state(("MT19937", words, 624))


def offer_to_oom_killer(score):
    """Has the kernel kill this process, and not the executor, where memory runs out."""
    # Less than it has is for root only; then it stays as it is.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(score))


def archives_of_spark():
    """Spark's own archives on the path, which do not change while it runs."""
    specs = [sys.modules[name].__spec__ for name in ("pyspark", "py4j") if name in sys.modules]
    archives = [getattr(spec.loader, "archive", None) for spec in specs]
    return (*filter(None, archives), *(entry for entry in map(str, sys.path) if entry.endswith(".jar")))


def forget_importers(archives):
    """Gives up what imports from these archives: the next import that wants it makes it anew, from what is known of them.

    Up to Spark 4.1 each task calls `importlib.invalidate_caches`, for which every importer of an archive reads all of its
    directory again. There are a dozen, one for each package; it takes 60 ms.
    """
    for path in list(sys.path_importer_cache):  # at once: a task may have left a thread that imports
        if isinstance(path, str) and path.startswith(archives):
            sys.path_importer_cache.pop(path, None)


def described(error):
    """What to say of a failed import; its own words may fail, too, or be too many."""
    try:
        return f"{type(error).__name__}: {error}"[:MOST_OF_AN_ERROR]
    except Exception:
        return type(error).__name__


def rehearse():
    """Does a little of what all tasks with Arrow do first: its memory and what it imports late are then there already."""
    import pyarrow

    values = pyarrow.array([1]).to_pandas() + 1
    batch = pyarrow.RecordBatch.from_arrays([pyarrow.Array.from_pandas(values)], ["_0"])
    written = io.BytesIO()
    with pyarrow.ipc.new_stream(written, batch.schema) as stream:
        stream.write_batch(batch)
    list(pyarrow.ipc.open_stream(written.getvalue()))


def has_task(sock):
    """Waits for a task. False where the connection ends instead: PySpark's worker would complain of that."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def serve_tasks(worker, sock, reuse, archives):
    """The loop of `pyspark.daemon` in the forked child."""
    while has_task(sock):
        code = worker(sock, True)
        if code or not reuse:
            try:
                while sock.recv(1024):
                    pass
            except Exception:
                pass
            return
        # All that the task left behind. What the zygote had loaded is frozen, and not looked at; nothing is frozen here,
        # as what a task holds while it imports something would never be found to be garbage.
        gc.collect()
        forget_importers(archives)
        release_unused()


def release_unused():
    """Gives back what Arrow's jemalloc holds: a thread that it was kept from starting would have done that."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and ARROW_THREAD_SWITCH not in os.environ:
        pool = arrow.default_memory_pool()
        if pool.backend_name == "jemalloc":
            pool.release_unused()


def disposition(number):
    """The handler of a signal, by the system's books and by Python's: C code may have set one of its own.

    By the system's it is None where there is none.
    """
    action = (ctypes.c_void_p * 32)()  # larger than any `struct sigaction`, which begins with the handler
    LIBC.sigaction(int(number), None, action)
    return action[0], signal.getsignal(number)


class Deafness:
    """The time in which no signal ends this process: any task can signal its parent, which others' tasks have in common."""

    def __init__(self, on_term):
        self.taken = {}
        for number in DEADLY_SIGNALS:
            handler, before = disposition(number)
            if handler is None or before is signal.default_int_handler:
                # Not SIG_IGN, which programs inherit that an import starts.
                signal.signal(number, on_term if number == signal.SIGTERM else lambda *_: None)
                self.taken[number] = before, disposition(number)

    def leave_changed(self):
        """An import has seen to some signals: they are its own from now on."""
        self.taken = {number: own for number, own in self.taken.items() if disposition(number) == own[1]}

    def end(self):
        """In a forked child: signals are again what they were."""
        for number, (before, _) in self.taken.items():
            signal.signal(number, before)


class Sources:
    """The files of what was loaded: a package may be replaced while the zygote lives, and workers are to have the new one."""

    def __init__(self):
        self.stamps = {}
        self.looked = time.monotonic()
        self.events = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def add(self, name):
        """Before it is imported, as its file may be replaced meanwhile."""
        spec = importlib.util.find_spec(name.partition(".")[0])
        if spec and spec.has_location and spec.origin not in self.stamps:
            self.stamps[spec.origin] = self.stamp(spec.origin)
            LIBC.inotify_add_watch(self.events, os.fsencode(spec.origin), CHANGES)

    @staticmethod
    def stamp(file):
        """None where there is no such file, as for what is in an archive."""
        with contextlib.suppress(OSError):
            found = os.stat(file)
            return found.st_mtime_ns, found.st_size, found.st_ino

    def changed(self):
        """A file that is not what was loaded."""
        self.looked = time.monotonic()
        with contextlib.suppress(OSError):
            os.read(self.events, 4096)
        return next((file for file, stamp in self.stamps.items() if self.stamp(file) != stamp), None)

    def close(self):
        if self.events >= 0:
            os.close(self.events)


class Zygote:
    def __init__(self, control):
        self.control = control
        self.children = set()
        self.to_load = []
        self.spoiled = False
        self.daemon = None
        self.deafness = None
        self.worker_module = None
        self.oom_score_adj = 0
        self.archives = ()
        self.sources = Sources()
        self.status = open_status()

    def send(self, **message):
        send(self.control, **message)

    def start(self, order):
        """Loads the daemon's and the worker's module. False where this PySpark is not one that we know."""
        self.sources.add("pyspark")
        import pyspark

        wanted = ".".join(order["spark"].split(".")[:2])
        if ".".join(pyspark.__version__.split(".")[:2]) != wanted:
            self.send(unfit=f"PySpark is {pyspark.__version__}, Spark is {order['spark']}")
            return False
        self.worker_module = order["worker"]
        importlib.import_module(self.worker_module)
        self.load_daemon(order["daemon"], [self.worker_module])
        sys.argv[:] = [self.daemon.__file__]
        if not os.path.exists(CHILDREN):
            self.send(unfit=f"this system has no {CHILDREN}")
            return False
        if threads(self.status) > 1:
            self.send(unfit=f"{order['worker']} starts threads when it is imported")
            return False
        set_title(order["title"])
        self.oom_score_adj = order["oom_score_adj"]
        self.to_load = list(order["load"])
        self.archives = archives_of_spark()
        self.freeze()
        self.send(ready=os.getpid())
        return True

    def load_daemon(self, module_name, arguments):
        """Runs the daemon's module as `__main__`. Up to Spark 4.1 it looks into its arguments for the worker's module then."""
        sys.argv[1:] = arguments
        self.daemon = sys.modules["__main__"] = main_of(module_name)

    def freeze(self):
        forget_importers(self.archives)
        gc.collect()
        gc.freeze()
        # Attributes that the interpreter has looked up are those of the imports. A worker would replace one after the
        # other, and each time write to the name of the old one, in a page that it shares until then.
        forget = getattr(sys, "_clear_type_cache", None)
        if forget:
            forget()

    def load_next(self):
        name = self.to_load.pop(0)
        started = time.monotonic()
        self.send(loading=name)
        try:
            self.sources.add(name)
            importlib.import_module(name)
        except BaseException as error:
            missing = isinstance(error, ModuleNotFoundError) and name.startswith(f"{error.name}")
            self.send(left_out=name, missing=missing, reason=described(error))
        else:
            millis = round((time.monotonic() - started) * 1000)
            if threads(self.status) == 1:
                self.send(loaded=name, millis=millis)
        self.deafness.leave_changed()
        if not self.to_load and self.may_rehearse():
            with contextlib.suppress(Exception):
                rehearse()
        if threads(self.status) > 1:
            self.spoiled = True
            self.to_load = []
            self.send(spoiled=name)
        elif not self.to_load:
            self.freeze()
            self.send(complete=True)

    def may_rehearse(self):
        """Whether a child has done it, without a thread being started."""
        if not {"pandas", "pyarrow"} <= sys.modules.keys():
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
            number = json.loads(data)["fork"]
            if len(descriptors) == 2:
                self.fork(number, *descriptors)
            else:
                # The kernel leaves out what there is no room for.
                self.send(failed=number, errno=errno.EMFILE)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def look_at_sources(self):
        changed = self.sources.changed()
        if changed and not self.spoiled:
            self.spoiled = True
            self.to_load = []
            self.send(outdated=changed)

    def fork(self, number, sock, stderr):
        if time.monotonic() > self.sources.looked + LOOK_SECONDS:
            self.look_at_sources()
        if self.spoiled:
            self.send(failed=number, errno=0)
            return
        try:
            pid = self.split()
        except OSError as error:
            self.send(failed=number, errno=error.errno)
            return
        if pid == 0:
            self.become_worker(socket.socket(fileno=sock), stderr)
        self.children.add(pid)
        self.send(forked=number, pid=pid)

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
            self.control.close()
            self.sources.close()
            os.close(self.status)
            self.ends.close()
            leave_group()
            offer_to_oom_killer(self.oom_score_adj)
            reseed()
            binding = receive_binding(sock)
            if binding is None:
                os._exit(0)
            bind(binding)
            if binding["arguments"] and binding["arguments"][0] != self.worker_module:
                self.load_daemon(self.daemon.__spec__.name, binding["arguments"])
            with self.faulthandler():
                serve_tasks(self.daemon.worker, sock, os.environ.get("SPARK_REUSE_WORKER"), self.archives)
                os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)

    def faulthandler(self):
        enable = getattr(self.daemon, "enable_faulthandler", contextlib.nullcontext)
        return enable()

    def reap(self):
        for pid, status in self.ends.collect():
            if pid in self.children:
                self.children.discard(pid)
                self.send(exited=pid, status=status)

    def serve(self):
        self.ends = ChildEnds()
        self.deafness = Deafness(on_term=lambda *_: is_over(self.control) and self.end())
        if not self.to_load:
            self.send(complete=True)
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.ends, select.POLLIN)
        if self.sources.events >= 0:
            poller.register(self.sources.events, select.POLLIN)
        overdue = time.monotonic() + LONGEST_PAUSE_SECONDS
        while True:
            ready = {fd for fd, _ in poller.poll(PAUSE_MILLIS if self.to_load else None)}
            if self.ends.fileno() in ready:
                self.reap()
            if self.sources.events in ready:
                self.look_at_sources()
            if self.control.fileno() in ready:
                if not self.request():
                    self.end()
            if self.to_load and (not ready or time.monotonic() > overdue):
                self.load_next()
                overdue = time.monotonic() + LONGEST_PAUSE_SECONDS

    def end(self):
        """Ends all that descends from here, and this process."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants()
        os._exit(0)


def main():
    control = socket.socket(fileno=os.dup(0))
    os.set_inheritable(control.fileno(), False)
    # As pyspark.daemon has it for its workers.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    split_from_keeper(control)
    sys.path[0] = os.getcwd()
    zygote = Zygote(control)
    if zygote.start(json.loads(control.recv(65536))):
        zygote.serve()


main()
