"""A worker for the socket tests: connects as a simple worker does, sends back what it reads, and says "bye" at the end of it."""

import os
import socket
import struct
import sys


def frame(data):
    return struct.pack("!i", len(data)) + data


def connect():
    path = os.environ.get("PYTHON_WORKER_FACTORY_SOCK_PATH")
    if path and "PYTHON_WORKER_FACTORY_SECRET" not in os.environ:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        return connection
    connection = socket.create_connection(("127.0.0.1", int(os.environ["PYTHON_WORKER_FACTORY_PORT"])))
    connection.sendall(frame(os.environ["PYTHON_WORKER_FACTORY_SECRET"].encode()))
    assert connection.recv(6, socket.MSG_WAITALL) == frame(b"ok")
    return connection


def main():
    connection = connect()
    connection.sendall(struct.pack("!i", os.getpid()))
    print("echo worker speaks", file=sys.stdout, flush=True)
    buffer = bytearray(1 << 20)
    while count := connection.recv_into(buffer):
        connection.sendall(memoryview(buffer)[:count])
    connection.sendall(b"bye")


if __name__ == "__main__":
    main()
