#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# console_client.py - a client of a console's socket (console_socket.h) that goes on after the death
# of its worker
#
#	console_client.py cat SOCKET BYTES	output from position 0, so many bytes, to standard output
#	console_client.py send SOCKET		standard input to the guest, until all was taken
#	console_client.py say SOCKET MESSAGE...	sends messages, prints what comes until it may read
#
# How often it had to connect again goes to standard error.
import socket
import sys
import time

PATIENCE = 60


def connect(path):
    end = time.monotonic() + PATIENCE
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(PATIENCE)
        try:
            s.connect(path)
            return s
        except OSError:
            s.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def packet(s):
    try:
        return s.recv(4096)
    except (ConnectionResetError, BrokenPipeError):
        return b""


def ask(s, message):
    try:
        s.send(message)
    except OSError:
        pass    # the next packet says so


def cat(path, total):
    at = 0
    again = -1
    while at < total:
        again += 1
        s = connect(path)
        ask(s, b"S@%d" % at)
        ask(s, b"R")
        while at < total:
            p = packet(s)
            if not p:
                break
            if p[:1] == b"P":
                assert int(p[1:]) == at, f"asked for {at}, it goes on at {p[1:]}"
            elif p[:1] == b"O":
                sys.stdout.buffer.write(p[1:])
                sys.stdout.buffer.flush()
                at += len(p) - 1
            else:
                sys.exit(f"at {at}: {p!r}")
        s.close()
    print(f"again: {again}", file=sys.stderr)


def send(path):
    data = sys.stdin.buffer.read()
    again = -1
    taken = 0
    base = None     # others have typed before us
    while taken < len(data):
        again += 1
        s = connect(path)
        ask(s, b"W\x01a test")
        at = None
        while taken < len(data):
            if at is not None and at < len(data) and at - taken < 8192:
                ask(s, b"D" + data[at:at + 1000])
                at += len(data[at:at + 1000])
                continue
            p = packet(s)
            if not p:
                break
            if p[:1] == b"A":
                base = int(p[1:]) if base is None else base
                taken = int(p[1:]) - base
                at = taken if at is None else at
        s.close()
    print(f"again: {again}", file=sys.stderr)


def say(path, messages):
    s = connect(path)
    for m in messages + ["R"]:
        s.send(m.encode().decode("unicode_escape").encode("latin-1"))
    p = b"?"
    while p and p[:1] != b"P":
        p = packet(s)
        print(p.decode("latin-1"))


verb, where = sys.argv[1:3]
if verb == "cat":
    cat(where, int(sys.argv[3]))
elif verb == "send":
    send(where)
else:
    say(where, sys.argv[3:])
