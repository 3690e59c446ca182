"""A worker module that goes wrong in the way that the environment variable MISBEHAVIOUR names."""

import os
import signal
import socket
import struct
import sys
import time


def frame(text: str) -> bytes:
    return struct.pack("!i", len(text)) + text.encode()


def connect() -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(os.environ["PYTHON_WORKER_FACTORY_PORT"])))


def authenticated() -> socket.socket:
    connection = connect()
    connection.sendall(frame(os.environ["PYTHON_WORKER_FACTORY_SECRET"]))
    connection.recv(6)
    return connection


def main() -> None:
    how = os.environ["MISBEHAVIOUR"]
    if how == "exit":
        sys.stderr.write("no module of that name")
        sys.exit(5)
    elif how == "hang":
        time.sleep(600)
    elif how == "wrong secret":
        connection = connect()
        connection.sendall(frame("guess"))
        print(connection.recv(7), file=sys.stderr, flush=True)
        sys.exit(3)
    elif how == "strangers first":
        silent = connect()
        silent.close()
        wrong = connect()
        wrong.sendall(frame("guess"))
        junk = connect()
        junk.sendall(b"\x7f\xff\xff\xff GET / HTTP/1.1")
        connection = authenticated()
        connection.sendall(struct.pack("!i", os.getpid()))
        connection.recv(1)
    elif how == "silent strangers first":
        strangers = [connect() for _ in range(20)]
        connection = authenticated()
        connection.sendall(struct.pack("!i", os.getpid()))
        connection.recv(1)
        del strangers
    elif how == "negative":
        authenticated().sendall(struct.pack("!i", -2))
        time.sleep(600)
    elif how == "go on":
        connection = authenticated()
        connection.sendall(struct.pack("!i", os.getpid()))
        connection.recv(1)
        while not os.path.exists(os.environ["ENOUGH_OF_THE_TEST"]):
            time.sleep(0.01)
    elif how == "ignore SIGTERM":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        connection = authenticated()
        connection.sendall(struct.pack("!i", os.getpid()))
        time.sleep(600)


if __name__ == "__main__":
    main()
