"""What a worker imports itself is measured, and told the zygote, which believes only its own workers."""

import zipfile

# A worker that measures: `told()` gives what the zygote hears of it.
WORKER = """
    ahead()
    places = stopwatch.lasting_places(sys.path, os.getcwd() + "/elsewhere")
    ear = listener.Listener(places)
    watch = cache.recorder = stopwatch.Stopwatch(cache, places, ear.address)
    workers = {os.getpid()}

    def told():
        watch.tell()
        return [one["modules"] for one in ear.heard(workers)]
"""
SLOW = "import time\ntime.sleep(0.05)\n"


def test_an_import_is_measured_with_all_that_it_imports_and_told_once(interpreter, folder):
    code = f"""{WORKER}
    import outer
    import inner
    spec, kind = outer.__spec__, type(outer.__spec__)
    measured = dict(watch.millis)
    watch.tell()
    tell(measured=measured, ordinary=kind is imports.importlib.machinery.ModuleSpec, left=sorted(spec.__dict__), after=watch.millis)
    """
    told = interpreter(code, folder("site", outer=f"import inner\n{SLOW}", inner=SLOW))
    assert list(told["measured"]) == ["outer"]
    assert told["measured"]["outer"] >= 100
    assert told["ordinary"]
    assert "_timed" not in told["left"]
    assert told["after"] == {}


def test_only_imports_that_run_are_measured(interpreter, folder):
    code = f"""{WORKER}
    import importlib.util
    import pickle
    looked_up = importlib.util.find_spec("outer")
    pickled = pickle.loads(pickle.dumps(looked_up)).name
    measured = [watch.millis.get("outer")]
    import outer
    measured.append(watch.millis.get("outer"))
    again = importlib.reload(outer)
    measured.append(watch.millis.get("outer"))
    kinds = [type(spec) is imports.importlib.machinery.ModuleSpec for spec in (looked_up, again.__spec__)]
    tell(kinds=kinds, left=sorted(again.__spec__.__dict__), pickled=pickled, measured=measured)
    """
    told = interpreter(code, folder("site", outer=SLOW))
    assert told["kinds"] == [True, True]
    assert "_timed" not in told["left"]
    assert told["pickled"] == "outer"
    looked_up, imported, again = told["measured"]
    assert looked_up is None
    assert imported and again == imported


def test_the_zygote_hears_what_its_worker_could_have_found_loaded(interpreter, folder):
    code = f"""{WORKER}
    pid = os.fork()
    if pid == 0:
        import outer
        watch.tell()
        import inner
        watch.tell()
        watch.tell()
        os._exit(0)
    os.waitpid(pid, 0)
    tell(heard=list(ear.heard({{pid}})), pid=pid)
    """
    told = interpreter(code, folder("site", outer=SLOW, inner=SLOW))
    assert [(one["pid"], list(one["modules"]), one["first"]) for one in told["heard"]] == [
        (told["pid"], ["outer"], True),
        (told["pid"], ["inner"], False),
    ]


def test_nothing_of_a_sessions_is_told_but_what_it_imports_is(interpreter, folder):
    session = folder("session", own=f"import lasting\n{SLOW}", package=SLOW)
    code = f"""{WORKER}
    sys.path.insert(0, {str(session)!r})
    import own
    import package
    tell(measured=list(watch.millis))
    """
    assert interpreter(code, folder("site", lasting=SLOW))["measured"] == ["lasting"]


def test_places_below_the_executors_directory_do_not_last_unless_the_interpreter_is_there(interpreter):
    code = """
    path = ["", "relative", "/work", "/work/deps.zip", "/work/env/lib", "/other", "/workshop"]
    sys.prefix, sys.base_prefix = "/usr", "/work/env"
    inside = stopwatch.lasting_places(path, "/work")
    sys.base_prefix = "/"
    tell(inside=sorted(inside), outside=sorted(stopwatch.lasting_places(path, "/work")))
    """
    assert interpreter(code) == {"inside": ["/other", "/work/env/lib", "/workshop"], "outside": ["/other", "/workshop"]}


def test_an_import_that_finds_nothing_fails_as_ever(interpreter, folder):
    code = f"""{WORKER}
    errors = []
    for name in ("missing", "missing", "broken", "broken"):
        try:
            __import__(name)
        except Exception as error:
            errors.append(repr(error))
    import importlib.util
    found = importlib.util.find_spec("outer")
    import outer
    watch.tell()
    tell(errors=errors, found=found.name, outer=outer.__name__)
    """
    told = interpreter(code, folder("site", broken="1 / 0", outer=""))
    missing = "ModuleNotFoundError(\"No module named 'missing'\")"
    assert told["errors"] == [missing, missing] + ["ZeroDivisionError('division by zero')"] * 2
    assert told["outer"] == told["found"] == "outer"


def test_junk_in_the_channel_is_dropped(interpreter, folder):
    code = f"""{WORKER}
    import socket, time
    def send(text):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text, ear.address)
    junk = [b"", b"[" * 4000, b"{{", b"\\xff", b"[1]", b'{{"a b": 1}}', b'{{"lasting": "1"}}', b'{{"lasting": true}}',
            b'{{"lasting": -1}}', b'{{"lasting": 1e9}}', b'{{"../x": 5}}', b'{{"sys": 5}}', b'{{"no_such_module": 5}}',
            b'{{"' + b"a" * 200 + b'": 5}}', b'{{"lasting": 5}}' + b" " * 5000]
    heard = []
    for one in junk:
        send(one)
        heard += ear.heard(workers)
    send(b'{{"lasting": 5}}')
    of_a_stranger = list(ear.heard({{1}}))
    lots = 0
    try:
        while lots < 10_000:
            send(b'{{"lasting": 5, "no_such_module": 6}}')
            lots += 1
    except BlockingIOError:
        pass
    last = [one["modules"] for one in ear.heard(workers)]
    tell(heard=heard, of_a_stranger=of_a_stranger, bounded=lots < 10_000, last=last)
    """
    told = interpreter(code, folder("site", lasting=""))
    assert told == {"heard": [], "of_a_stranger": [], "bounded": True, "last": [{"lasting": 5}]}


def test_who_cannot_be_told_now_is_told_after_another_task(interpreter, folder):
    code = f"""{WORKER}
    import socket
    import outer
    address, watch.address = watch.address, b"\\0nobody-listens-here"
    watch.tell()
    kept = list(watch.millis)
    watch.address = address
    watch.tell()
    tell(kept=kept, then=list(watch.millis))
    """
    assert interpreter(code, folder("site", outer=SLOW)) == {"kept": ["outer"], "then": []}


def test_a_look_for_what_was_told_leaves_no_importer_of_an_archive(interpreter, folder, tmp_path):
    """Each worker would read the archive's directory once more for it (`importlib.invalidate_caches`)."""
    archive = tmp_path / "first.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archived.py", "")
    code = f"""{WORKER}
    sys.path.insert(0, {str(archive)!r})
    before = set(sys.path_importer_cache)
    tell(found=ear.may_be_loaded("outer"), left=sorted(sys.path_importer_cache.keys() - before))
    """
    assert interpreter(code, folder("site", outer=SLOW)) == {"found": True, "left": []}
