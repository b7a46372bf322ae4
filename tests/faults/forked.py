"""Workers forked from a process that has NumPy loaded already: starting one anew takes longer than its work.

The process imports nothing of the harness: every worker imports the copy that its PYTHONPATH names, as one
that is started does. Workers with other variables, which libraries read when they are loaded, are started.
"""

import array
import contextlib
import hashlib
import json
import marshal
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from importlib import metadata
from importlib.machinery import SourceFileLoader
from pathlib import Path
from unittest import mock

USED = "seconds.txt"
ASK = str(Path(__file__).with_name("ask.py"))
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What environments here set to 1."""
OWN = ("HARNESS_HOME", "PYTHONPATH", "COLUMNS", "NO_COLOR")
LOADED = ("numpy", "numpy.lib.format", "PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin")


@contextlib.contextmanager
def fork_workers():
    """Have local workers forked while it lasts; a folder, for `read_seconds`."""
    from harness.launch import worker
    from harness.system.machine import choose_variables

    start = worker.start_process
    with tempfile.TemporaryDirectory(prefix="fork-") as folder:
        path = str(Path(folder) / "socket")
        shared = choose_variables(dict.fromkeys(VARIABLES, "1"))
        server = subprocess.Popen(
            [sys.executable, __file__, "serve", path],
            env=shared,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdout.readline() == b"ready\n"

        def start_forked(command, variables, workplace, log, *, piped=False):
            job = json.loads(Path(command[-1]).read_text(encoding="utf-8"))
            if job["backend"] != "reference" or not piped or drop_own(variables) != drop_own(shared):
                return start(command, variables, workplace, log, piped=piped)
            client = [sys.executable, "-I", "-S", ASK, path, *command[1:]]
            return subprocess.Popen(
                client,
                cwd=workplace,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

        try:
            with mock.patch("harness.launch.worker.start_process", start_forked):
                yield Path(folder)
        finally:
            server.stdin.close()
            server.wait()
            server.stdout.close()


def read_seconds(folder):
    """Seconds of a core that this process, its programs and its forked workers have taken so far."""
    used = folder / USED
    forked = sum(map(float, used.read_text().split())) if used.exists() else 0.0
    own = (resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return forked + sum(one.ru_utime + one.ru_stime for one in own)


def drop_own(variables):
    """Variables without those that every worker has its own of, and no library reads."""
    return {name: value for name, value in variables.items() if name not in OWN}


def serve(path):
    """Fork a worker for everybody who asks, until standard input ends."""
    for name in LOADED:
        __import__(name)
    keep_metadata()
    signal.signal(signal.SIGCHLD, reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                os._exit(attend(connection))
            connection.close()


def keep_metadata():
    """Read once what packages are installed, which every worker says of itself."""
    parse, known = metadata.PathDistribution.metadata.fget, {}

    def read(one):
        if one._path not in known:
            known[one._path] = parse(one)
        return known[one._path]

    metadata.PathDistribution.metadata = property(read)
    for one in metadata.distributions():
        read(one)


def reap(_number, _frame):
    """Let go of whoever has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def attend(connection):
    """Run one worker for who asked, and tell its exit code; it is killed where nobody waits for it."""
    data, descriptors = receive(connection)
    worker = os.fork()
    if worker == 0:
        connection.close()
        os._exit(work(json.loads(data), descriptors))
    for one in descriptors:
        os.close(one)
    while True:
        ready, _, _ = select.select([connection], [], [], 0.005)
        if ready:  # nobody says more: it is gone
            os.kill(worker, signal.SIGKILL)
        found, status, use = os.wait4(worker, os.WNOHANG)
        if found:
            with (CODE / USED).open("a", encoding="utf-8") as file:
                file.write(f"{use.ru_utime + use.ru_stime:.3f}\n")
            with contextlib.suppress(OSError):
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            return 0


def receive(connection):
    """What somebody asks for, and their standard output and errors."""
    size = array.array("i", [0, 0])
    data, more, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(size.itemsize * 2))
    size.frombytes(more[0][2])
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 20)
    return data, list(size[2:])


def work(asked, descriptors):
    """Be the worker: its arguments, variables, folder and streams; the exit code."""
    for number, one in enumerate(descriptors, start=1):
        os.dup2(one, number)
        os.close(one)
    os.environ.clear()
    os.environ.update(asked["variables"])
    os.chdir(asked["folder"])
    sys.path[:0] = asked["variables"]["PYTHONPATH"].split(os.pathsep)
    SourceFileLoader.get_code = load_code
    sys.argv = ["-m", *asked["command"][2:]]
    try:
        runpy.run_module(asked["command"][1], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def load_code(loader, name):
    """A module's code, compiled once for all copies of the worker that have the same text of it."""
    data = Path(loader.get_filename(name)).read_bytes()
    kept = CODE / hashlib.sha256(data).hexdigest()
    with contextlib.suppress(OSError, ValueError, EOFError):
        return marshal.loads(kept.read_bytes())
    code = loader.source_to_code(data, loader.get_filename(name))
    draft = kept.with_name(f"{kept.name}-{os.getpid()}")
    draft.write_bytes(marshal.dumps(code))
    draft.replace(kept)
    return code


CODE = Path(sys.argv[2]).parent if __name__ == "__main__" else Path()
"""Where compiled code is kept."""

if __name__ == "__main__":
    serve(sys.argv[2])
