"""A server of this build in a process of its own, and what it costs."""

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(process):
    """Seconds of a processor that a process has taken."""
    fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy():
    """Seconds of processors that the machine was busy, with whatever it was."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


class Server:
    """Starts a server of an empty folder; `files` is how many descriptors it may have."""

    def __init__(self, belfry, files):
        self.belfry, self.files = belfry, files
        self.folder = tempfile.mkdtemp(prefix="belfry-endurance-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        self.log = open(self.folder + ".log", "a")
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))
        self.process = subprocess.Popen([self.belfry, "serve", self.folder, "--port", str(self.port), "--slow", "0"],
                                        stderr=self.log, preexec_fn=limit)
        began = time.time()
        while not self.is_ready():
            assert self.process.poll() is None and time.time() - began < 60, "the server does not start: " + self.folder + ".log"
            time.sleep(0.1)

    def is_ready(self, timeout=5):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout) as one:
                one.sendall(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                return one.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self):
        """Ends it as an operator does, and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "none: killed after a minute"

    def remove(self):
        """Ends it. Its log stays where it has said something."""
        self.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        lines = [line for line in open(self.folder + ".log") if "serving" not in line]
        if lines:
            print(f"the server's log has {len(lines)} lines, the last: {lines[-1].strip()[:300]}")
            print("  " + self.folder + ".log")
        else:
            os.remove(self.folder + ".log")

    def cpu(self):
        return cpu_of(self.process.pid)

    def memory(self):
        """Megabytes that are resident: all, and without those of files, which the system takes back when it likes."""
        lines = dict(line.split(":", 1) for line in open(f"/proc/{self.process.pid}/status") if line.startswith(("VmRSS", "RssAnon")))
        return [int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def disk(self):
        """Bytes of its files. Some go while they are counted."""
        size = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                try:
                    size += os.path.getsize(os.path.join(folder, name))
                except FileNotFoundError:
                    pass
        return size

    async def quiet(self, most=300):
        """Waits until it has nothing to do: merges are made, and indexes built."""
        began = time.time()
        while time.time() - began < most:
            before = self.cpu()
            await asyncio.sleep(4)
            if self.cpu() - before < 0.03:
                return True
        return False


class Client:
    """One keep-alive connection. It opens itself again after it broke; whoever uses it counts that."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, method, path, body=None, timeout=60):
        """The status and the body of an answer. Raises OSError where the connection breaks."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.writer.write(head.encode() + data)
            return await asyncio.wait_for(self.answer(), timeout)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            self.close()
            raise ConnectionError(f"{type(error).__name__} {error}") from None

    async def answer(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), body

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def must(self, method, path, body=None, timeout=60):
        """The result of a call that has to succeed."""
        status, text = await self.ask(method, path, body, timeout)
        assert status < 300, f"{method} {path}: {status} {text[:300]}"
        return json.loads(text)["result"]


def unit(generator, size):
    vector = [generator.gauss(0, 1) for _ in range(size)]
    length = sum(x * x for x in vector) ** 0.5
    return [round(x / length, 5) for x in vector]


def share(sorted_values, part):
    """A percentile of sorted values."""
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))]
