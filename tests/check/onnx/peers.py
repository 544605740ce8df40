# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the ONNX tests ask of other people's programs: a Python that has them,
ONNX Runtime, and the word for "skipped"."""
import ctypes
import os
import sys
import time

SKIP = 77


def need(*modules):
    """Goes on in Debian's Python where this one lacks a module; skips where
    that one lacks it too."""
    for name in modules:
        try:
            __import__(name)
        except ImportError:
            system = "/usr/bin/python3"
            if os.path.exists(system) and \
                    not os.environ.get("DML_TEST_REEXEC"):
                os.environ["DML_TEST_REEXEC"] = "1"
                os.execv(system, [system] + sys.argv)
            print(f"skipped: Python has no module {name}")
            sys.exit(SKIP)


class OnnxRuntime:
    """ONNX Runtime's C interface, a table of functions whose order is fixed for
    good, by the library that DML_ORT_LIB names."""
    MESSAGE, ENV, SESSION, RUN, OPTIONS, THREADS = 2, 3, 7, 9, 10, 24
    IN_NAME, OUT_NAME, TENSOR, DATA, MEMORY, ALLOCATOR = 36, 37, 49, 51, 69, 78

    @staticmethod
    def find():
        path = os.environ.get("DML_ORT_LIB")
        return OnnxRuntime(path) if path else None

    def __init__(self, path):
        lib = ctypes.CDLL(path)
        lib.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p * 2)
        base = lib.OrtGetApiBase().contents
        get_api = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p),
                                   ctypes.c_uint32)(base[0])
        version = ctypes.CFUNCTYPE(ctypes.c_char_p)(base[1])
        self.lib, self.api = lib, get_api(16)
        self.version = version().decode()
        self.env = self.call(self.ENV, 3, b"dml", out=True)
        self.memory = self.call(self.MEMORY, 1, 0, out=True)
        self.allocator = self.call(self.ALLOCATOR, out=True)

    def call(self, place, *args, out=False):
        result = ctypes.c_void_p()
        args = list(args) + ([ctypes.byref(result)] if out else [])
        function = ctypes.CFUNCTYPE(ctypes.c_void_p)(self.api[place])
        status = function(*args)
        if status:
            message = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(
                self.api[self.MESSAGE])
            raise RuntimeError(message(status).decode())
        return result

    def run(self, model, x, n_outputs, repeats=1):
        """The first n_outputs floats of output 0 for the float32 array x, on
        one thread, and the least processor time of a run in ms."""
        import numpy as np
        options = self.call(self.OPTIONS, out=True)
        self.call(self.THREADS, options, 1)
        session = self.call(self.SESSION, self.env, model.encode(), options,
                            out=True)
        names = [ctypes.c_char_p(self.call(place, session, ctypes.c_size_t(0),
                                           self.allocator, out=True).value)
                 for place in (self.IN_NAME, self.OUT_NAME)]
        shape = (ctypes.c_int64 * x.ndim)(*x.shape)
        tensor = self.call(self.TENSOR, self.memory,
                           x.ctypes.data_as(ctypes.c_void_p),
                           ctypes.c_size_t(x.nbytes), shape,
                           ctypes.c_size_t(x.ndim), 1, out=True)
        best = float("inf")
        for _ in range(repeats):
            result = ctypes.c_void_p()
            start = time.process_time()
            self.call(self.RUN, session, None, ctypes.byref(names[0]),
                      ctypes.byref(tensor), ctypes.c_size_t(1),
                      ctypes.byref(names[1]), ctypes.c_size_t(1),
                      ctypes.byref(result))
            best = min(best, 1e3 * (time.process_time() - start))
        data = self.call(self.DATA, result, out=True)
        return np.ctypeslib.as_array(
            ctypes.cast(data, ctypes.POINTER(ctypes.c_float)),
            (n_outputs,)).copy(), best
