"""A web server on this machine that misbehaves as it is told, and the archives that it serves."""

import gzip
import io
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STALL_SECONDS = 600.0  # longer than anybody who is to notice it waits


@dataclass
class Script:
    """What is served, and how each request in turn is treated (the last way also for all later ones).

    Ways: `ok`, `cut` (ends half way), `stall` (nothing after the middle of the file), `stall-once` (likewise,
    for who has less than half of it), `drip` (a byte at a time), `no-range`, `lie-long`, `lie-short`,
    `odd-length` (digits, but no number), `wrong-range`, `other-tag`, `loop`, `nothing` (closes at once), or a
    status.
    """

    content: bytes
    ways: list = field(default_factory=lambda: ["ok"])
    etag: str | None = '"first"'
    modified: str | None = None
    chunked: bool = False
    retry_after: str | None = None
    requests: list = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve(script):
    """Address of a server that follows a script."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(script))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/data.tar.gz"
    finally:
        script.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


def make_handler(script):
    """A request handler that follows a script."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            """Say nothing."""

        def do_GET(self):
            number = len(script.requests)
            script.requests.append(dict(self.headers))
            way = script.ways[min(number, len(script.ways) - 1)]
            self.close_connection = True
            if way == "nothing":
                return
            if isinstance(way, int) or way == "loop":
                self.send_response(way if isinstance(way, int) else 302)
                if way == "loop":
                    self.send_header("Location", self.path)
                if script.retry_after:
                    self.send_header("Retry-After", script.retry_after)
                self.send_header("Connection", "close")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            answer(self, script, way)

    return Handler


def answer(handler, script, way):
    """Send the content, or what is asked for of it, in some way."""
    start = find_start(handler.headers, script, way)
    body = script.content[start:]
    handler.send_response(206 if start else 200)
    if start:
        first = start + 1 if way == "wrong-range" else start
        total = len(script.content)
        handler.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
    etag = '"other"' if way == "other-tag" else script.etag
    for name, value in (("ETag", etag), ("Last-Modified", script.modified)):
        if value:
            handler.send_header(name, value)
    handler.send_header("Connection", "close")  # or the next request could meet a connection that is closing
    if script.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        more = {"lie-long": 1000, "lie-short": -1000}.get(way, 0)
        length = "\N{SUPERSCRIPT TWO}" if way == "odd-length" else str(len(body) + more)
        handler.send_header("Content-Length", length)
    handler.end_headers()
    middle = len(script.content) // 2
    if way == "stall" or (way == "stall-once" and start < middle):
        send_body(handler.wfile, script.content[start:middle], way, script)
        script.stop.wait(STALL_SECONDS)
    else:
        send_body(handler.wfile, body, way, script)


def find_start(headers, script, way):
    """Where the answer begins: at the range that is asked for, if the file is still the same."""
    asked, condition = headers.get("Range"), headers.get("If-Range")
    if asked is None or way == "no-range":
        return 0
    same = condition in (script.etag, script.modified) or way == "other-tag"
    return int(asked.removeprefix("bytes=").rstrip("-")) if same else 0


def send_body(stream, body, way, script):
    """Send the body, or a part of it, or slowly."""
    if way == "cut":
        body = body[: len(body) // 2]
    try:
        if way == "drip":
            while not script.stop.wait(0.02):
                stream.write(body[:1])
        for start in range(0, len(body), 1 << 16):
            piece = body[start : start + (1 << 16)]
            stream.write(b"%x\r\n%s\r\n" % (len(piece), piece) if script.chunked else piece)
        if script.chunked and way == "ok":
            stream.write(b"0\r\n\r\n")
        stream.flush()
    except OSError:
        time.sleep(0)  # the other side has left


def pack_archive(*members, packed=True):
    """Bytes of a tar archive of (name, content) or (name, type, link target)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content, *link in members:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = content, link[0]
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return gzip.compress(file.getvalue(), 1, mtime=0) if packed else file.getvalue()
