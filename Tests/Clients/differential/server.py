"""A server of Belfry, as a process of its own."""

import http.client
import json
import os
import signal
import subprocess
import tempfile
import time


class Server:
    def __init__(self, belfry):
        self.belfry, self.folder, self.log = belfry, tempfile.TemporaryDirectory(), tempfile.TemporaryFile()
        self.start()

    def start(self):
        # Upserts of 100 points become segments of their own; those of 50 go to the log and the table in memory.
        environment = os.environ | {"BELFRY_LARGE_BATCH": "80"}
        self.process = subprocess.Popen([self.belfry, "serve", self.folder.name, "--port", "0"], stdout=self.log, stderr=self.log, env=environment)
        for _ in range(200):
            time.sleep(0.05)
            self.log.seek(0)
            told = [line for line in self.log.read().decode().splitlines() if "http://" in line]
            if told:
                break
        host = told[-1].split("http://")[1].split()[0].strip("/.,")
        self.connection = http.client.HTTPConnection(host, timeout=120)

    def stop(self):
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.seek(0)
        self.log.truncate()

    def call(self, method, path, body=None):
        """The status, and the result or what is said instead."""
        text = json.dumps(body) if body is not None else None
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, text, {"content-type": "application/json"})
                response = self.connection.getresponse()
                break
            except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
                # A connection that nobody used for long is closed by the server.
                self.connection.close()
                if attempt == 2:
                    raise
        answer = json.loads(response.read())
        return response.status, answer["result"] if response.status == 200 else answer["status"]["error"]
