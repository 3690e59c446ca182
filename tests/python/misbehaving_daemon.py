"""A daemon module that goes wrong in the way that the environment variable MISBEHAVIOUR names."""

import os
import socket
import struct
import sys
import time
from typing import NoReturn


def announce(port: int) -> None:
    os.write(1, struct.pack("!i", port))


def listen() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    announce(listener.getsockname()[1])
    return listener


def linger() -> NoReturn:
    """Stays as long as a test may need it, and never comes back to its parent's loop."""
    time.sleep(120)
    os._exit(0)


def answer(first: bytes) -> None:
    """Answers every connection with some bytes instead of forking."""
    listener = listen()
    while True:
        connection, _ = listener.accept()
        connection.sendall(first)
        time.sleep(0.2)
        connection.close()


def pretend_worker(reply: bytes) -> None:
    """Gives the daemon's own pid as the worker's, and a reply to the secret."""
    listener = listen()
    child = os.fork()
    if child == 0:
        linger()
    while True:
        connection, _ = listener.accept()
        connection.sendall(struct.pack("!i", child))
        connection.recv(1024)
        connection.sendall(reply)


def main() -> None:
    how = os.environ["MISBEHAVIOUR"]
    if how == "exit":
        sys.stderr.write("the daemon has no wish to live\nand says so in two lines")
        sys.exit(7)
    elif how == "kill":
        os.kill(os.getpid(), 9)
    elif how == "junk":
        os.write(1, b"hello, I am a sitecustomize")
        time.sleep(600)
    elif how == "hang":
        time.sleep(600)
    elif how == "exit when told":
        open(f"started-{os.getpid()}", "w").close()
        while not os.path.exists("told"):
            time.sleep(0.01)
        sys.exit(7)
    elif how == "close stdout":
        os.close(1)
        time.sleep(600)
    elif how == "flood stderr":
        for _ in range(100):
            os.write(2, b"x" * 10_000)
        from pyspark.daemon import manager

        manager()
    elif how == "flood stderr for ever":
        while True:
            os.write(2, b"x" * 10_000)
    elif how == "errno":
        answer(struct.pack("!i", 12))
    elif how == "negative":
        answer(struct.pack("!i", -3))
    elif how == "hang up":
        answer(b"")
    elif how == "half a pid":
        answer(b"\0\0")
    elif how == "silent":
        silent = listen()
        time.sleep(600)
        silent.close()
    elif how == "silent first":
        # The first daemon of its directory never answers; the next one is the real one.
        if os.path.exists("was-here"):
            from pyspark.daemon import manager

            manager()
        open("was-here", "w").close()
        silent = listen()
        time.sleep(600)
        silent.close()
    elif how == "first worker dies":
        from pyspark import daemon

        real_fork, forks = os.fork, []

        def fork() -> int:
            forks.append(real_fork())
            if forks == [0]:
                os.kill(os.getpid(), 9)
            return forks[-1]

        os.fork = fork
        daemon.manager()
    elif how == "child holds socket":
        listener = listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                if os.fork() == 0:
                    linger()
                connection.sendall(struct.pack("!i", os.getpid()))
                connection.recv(1024)
                connection.sendall(b"\0\0\0\2ok")
                linger()
    elif how == "refuse":
        pretend_worker(b"\0\0\0\3err")
    elif how == "ignore SIGTERM":
        import signal

        listen_forever = listen()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        if child == 0:
            linger()
        connection, _ = listen_forever.accept()
        connection.sendall(struct.pack("!i", child))
        connection.recv(1024)
        connection.sendall(b"\0\0\0\2ok")
        time.sleep(600)


if __name__ == "__main__":
    main()
