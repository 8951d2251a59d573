#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that has a lease by its connection to the bus: leaseclient.py KEY=VALUE... acquires a VF, prints "LEASE VF" or the error, and
stays until its standard input ends; --count=N: N times. By libsystemd itself: busctl leaves the bus when its call is answered, and the lease with it."""
import ctypes
import os
import sys

sd = ctypes.CDLL("libsystemd.so.0")


class Error(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("message", ctypes.c_char_p), ("need_free", ctypes.c_int)]


def check(result):
    if result < 0:
        raise OSError(-result, os.strerror(-result))


def acquire(bus, words):
    """What came of it, as a line."""
    reply, error = ctypes.c_void_p(), Error()
    flat = [part for key, value in words for part in (key.encode(), b"s", value.encode())]
    result = sd.sd_bus_call_method(bus, b"org.sriovd1", b"/org/sriovd1", b"org.sriovd1.Manager", b"AcquireVf", ctypes.byref(error),
                                   ctypes.byref(reply), b"a{sv}a{sv}", ctypes.c_int(len(words)), *flat, ctypes.c_int(0))
    if result < 0:
        return f"{error.name.decode().rsplit('.', 1)[-1]} {error.message.decode()}"
    lease, vf = ctypes.c_char_p(), ctypes.c_char_p()
    check(sd.sd_bus_message_read(reply, b"oo", ctypes.byref(lease), ctypes.byref(vf)))
    return f"{lease.value.decode()} {vf.value.decode()}"


def main():
    words = [word.split("=", 1) for word in sys.argv[1:]]
    count = int(words.pop(0)[1]) if words and words[0][0] == "--count" else 1
    bus = ctypes.c_void_p()
    check(sd.sd_bus_open_system(ctypes.byref(bus)))
    for _ in range(count):
        print(acquire(bus, words), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
