"""A tap between a client and a cluster: counts the calls by code and, if asked to, keeps the bytes of the first of each kind.

A client is given the tap's address as its name server. In the name server's answers the tap replaces the brokers' addresses by
its own, of the same length, so that the calls to the brokers come here too; what it keeps is as the servers sent it.
"""
import collections
import json
import re
import socket
import struct
import threading

import cluster
import wire

ADDRESS = re.compile(rb"127\.0\.0\.\d:\d{5}")


class Tap:
    def __init__(self, name_server, keep=None):
        """`keep(code, request, answer)` is given every pair of frames."""
        self.keep, self.lock, self.calls = keep, threading.Lock(), collections.Counter()
        self.mine, self.listeners = {}, []
        self.address = self.door(name_server.encode(), rewrites=True).decode()

    def door(self, target, rewrites=False):
        """The address at which `target` is reached through the tap, of the same length."""
        with self.lock:
            if target not in self.mine:
                listener = socket.create_server(("127.0.0.1", cluster.free_port()))
                self.listeners.append(listener)
                self.mine[target] = b"127.0.0.1:%d" % listener.getsockname()[1]
                threading.Thread(target=self.listen, args=(listener, target, rewrites), daemon=True).start()
            return self.mine[target]

    def listen(self, listener, target, rewrites):
        ip, _, port = target.decode().rpartition(":")
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((ip, int(port)), timeout=10)
            except OSError:
                client.close()  # looks like a dead server to the client
                continue
            server.settimeout(None)
            open_calls = {}
            for source, sink, changes in ((client, server, False), (server, client, rewrites)):
                threading.Thread(target=self.forward, args=(source, sink, changes, open_calls), daemon=True).start()

    def forward(self, source, sink, rewrites, open_calls):
        try:
            while True:
                frame = wire.read_frame(source)
                self.look(frame, open_calls)
                sink.sendall(ADDRESS.sub(lambda found: self.door(found[0]), frame) if rewrites else frame)
        except (OSError, EOFError):
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def look(self, frame, open_calls):
        header = head(frame)
        if header["flag"] & 1:
            code, request = open_calls.pop(header["opaque"], (None, None))
            if code is not None and self.keep:
                with self.lock:
                    self.keep(code, request, frame)
        else:
            with self.lock:
                self.calls[header["code"]] += 1
            open_calls[header["opaque"]] = header["code"], frame

    def close(self):
        for listener in self.listeners:
            listener.close()


def head(frame):
    """Returns code, opaque and flag of a frame, in either encoding of its header."""
    if frame[4] == 0:
        return json.loads(frame[8:8 + struct.unpack(">I", b"\0" + frame[5:8])[0]])
    code, _, _, opaque, flag = struct.unpack(">hBhii", frame[8:21])
    return {"code": code, "opaque": opaque, "flag": flag}
