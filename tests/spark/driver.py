"""A Spark driver that runs the jobs which a test sends to it, one after the other, in one JVM.

``harness.Driver`` starts it through ``spark-submit`` and talks to it over a Unix socket: one pickled request in,
one pickled reply out. A request names the settings it needs; the session is kept as long as they stay the same.
"""

import os
import sys
import traceback
from multiprocessing.connection import Client

from pyspark import SparkConf, SparkContext, cloudpickle
from pyspark.sql import SparkSession

from ways import handed_out


class Sessions:
    """The one SparkSession of this process, replaced when a job asks for other settings."""

    def __init__(self):
        self.session = None
        self.wanted = None
        self.inherited = dict(os.environ)

    def get(self, conf, environment):
        """The session with these settings, and this environment in the driver's Python process."""
        if self.session is None or self.wanted != (conf, environment):
            self.stop()
            os.environ.clear()
            os.environ.update(self.inherited)
            os.environ.update(environment)
            self.session = SparkSession(SparkContext(conf=SparkConf().setAll(conf.items())))
            self.wanted = (conf, environment)
        return self.session

    def stop(self):
        session, self.session = self.session, None
        if session is not None:
            session.stop()


def factory_classes(session):
    """Class names of the Python worker factories in this JVM's SparkEnv.

    Through java.lang.reflect only: py4j cannot list the methods of Spark 4.3's SparkEnv.
    """
    jvm = session.sparkContext._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    field = loader.loadClass("org.apache.spark.SparkEnv").getDeclaredField("pythonWorkers")
    field.setAccessible(True)
    factories = field.get(session.sparkContext._jsc.sc().env()).values().iterator()
    names = []
    while factories.hasNext():
        names.append(factories.next().getClass().getName())
    return names


def jvm_pid(session):
    """The pid of this session's JVM, asked in a way that Java 8 has as well and that is open to the py4j of Spark 3.3 on Java 17."""
    return int(session.sparkContext._jvm.java.io.File("/proc/self").getCanonicalFile().getName())


def answer(sessions, request):
    """Runs one request and describes how it went."""
    reply = {"value": None, "error": None, "factories": [], "ways": set(), "jvm": None}
    try:
        session = sessions.get(request["conf"], request["environment"])
        reply["jvm"] = jvm_pid(session)
        before = handed_out(session)
        try:
            reply["value"] = cloudpickle.loads(request["job"])(session)
        finally:
            reply["factories"] = factory_classes(session)
            reply["ways"] = {way for way, count in handed_out(session).items() if count > before.get(way, 0)}
    except BaseException as failure:
        reply["error"] = f"{type(failure).__name__}: {failure}"
        traceback.print_exc()
    if request["stop"]:
        sessions.stop()
    return reply


def main():
    sessions = Sessions()
    with Client(sys.argv[1], "AF_UNIX") as channel:
        while True:
            try:
                request = cloudpickle.loads(channel.recv_bytes())
            except EOFError:
                break
            channel.send_bytes(cloudpickle.dumps(answer(sessions, request)))
    sessions.stop()


if __name__ == "__main__":
    main()
