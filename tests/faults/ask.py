"""Ask for a forked worker with this process's variables, folder and streams, and end as it does.

Run by its path, `python -I -S ask.py SOCKET -m MODULE…`; it imports little, for every worker
has one.
"""

import array
import json
import os
import socket
import sys


def ask(path, command):
    """The exit code of a worker."""
    asked = {"command": command, "variables": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        streams = array.array("i", [1, 2])
        connection.sendmsg([b" "], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(json.dumps(asked).encode() + b"\n")
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)  # it ends when the worker closes it
        code = int(connection.recv(100) or b"1")
    if code < 0:
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
