"""Connections that do next to nothing, in a process of its own, so that who measures is not slowed by them.

    python crowd.py PORT IDLE SLOW

Idle ones ask `GET /healthz` every 30 seconds, which is within the server's idle time. Slow ones send a byte a second: half of them of a
head, half of a body. Whatever the server closes is opened again. It prints `ready` when all are open, and what happened as JSON when its
input ends."""

import collections
import heapq
import json
import os
import select
import socket
import sys
import time

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
HEAD = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nx-slow: "
BODY = b"POST /collections/crowd/points/query HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n{"
INTERVAL = {"idle": 30, "head": 1, "body": 1}


class Crowd:
    def __init__(self, port):
        self.port, self.poll, self.open, self.due = port, select.epoll(), {}, []
        self.counts, self.lives = collections.Counter(), collections.defaultdict(list)

    def add(self, kind, after):
        try:
            one = socket.create_connection(("127.0.0.1", self.port), 30)
        except OSError as error:
            self.counts[f"{kind}: refused ({type(error).__name__})"] += 1
            heapq.heappush(self.due, (time.time() + 1, -1, kind))
            return
        one.setblocking(False)
        self.open[one.fileno()] = (one, kind, time.time(), [])
        self.poll.register(one.fileno(), select.EPOLLIN)
        self.counts[kind + ": opened"] += 1
        if kind != "idle":
            self.send(one.fileno(), HEAD if kind == "head" else BODY)
        heapq.heappush(self.due, (time.time() + after, one.fileno(), one))

    def send(self, number, data):
        try:
            self.open[number][0].send(data)
        except BlockingIOError:
            self.counts["full"] += 1
        except OSError:
            self.closed(number)

    def closed(self, number):
        one, kind, since, said = self.open.pop(number)
        one.close()
        self.counts[f"{kind}: closed {'after ' + said[-1] if said else 'without a word'}"] += 1
        self.lives[kind].append(time.time() - since)
        heapq.heappush(self.due, (time.time() + 1, -1, kind))

    def step(self):
        """Sends what is due, and reads what came."""
        now = time.time()
        while self.due and self.due[0][0] <= now:
            _, number, what = heapq.heappop(self.due)
            if number < 0:
                self.add(what, INTERVAL[what])
            elif number in self.open and self.open[number][0] is what:
                kind = self.open[number][1]
                heapq.heappush(self.due, (now + INTERVAL[kind], number, what))
                self.send(number, HEALTH if kind == "idle" else b"a")
        for number, _ in self.poll.poll(max(0.001, min(0.05, self.due[0][0] - now if self.due else 0.05))):
            if number not in self.open:
                continue
            one, kind, _, said = self.open[number]
            try:
                data = one.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self.closed(number)
            else:
                self.counts[f"{kind}: answered {data[9:12].decode()}"] += 1
                if kind != "idle":
                    said.append(data[9:12].decode())


def main():
    port, idle, slow = map(int, sys.argv[1:])
    os.nice(5)  # Who measures goes first.
    crowd = Crowd(port)
    for i in range(idle):
        crowd.add("idle", 30 * i / idle + 0.001)
        if i % 64 == 0:
            crowd.step()
    for i in range(slow):
        crowd.add(["head", "body"][i % 2], i / slow + 0.001)
        if i % 64 == 0:
            crowd.step()
    print("ready", flush=True)
    os.set_blocking(0, False)
    looked = time.time()
    while True:
        crowd.step()
        if time.time() - looked > 0.2:
            looked = time.time()
            if os.read(0, 1) == b"" if select.select([0], [], [], 0)[0] else False:
                break
    kinds = collections.Counter(kind for _, kind, _, _ in crowd.open.values())
    lives = {kind: round(sorted(times)[len(times) // 2], 1) for kind, times in crowd.lives.items()}
    print(json.dumps({"counts": dict(sorted(crowd.counts.items())), "open": dict(kinds), "median life of the closed": lives}), flush=True)


main()
