"""Runs the named test functions of one module on MicroPython; `both_interpreters.py` starts it.

    micropython run_on_micropython.py MARK MODULE FUNCTION …

Each function is reported on standard output: `MARK BEGIN name`, whatever the test prints, and then
`MARK PASS name`, or `MARK FAIL name` after its traceback.
"""

import gc
import sys


def main(mark, module_name, names):
    module = __import__(module_name)
    for part in module_name.split(".")[1:]:
        module = getattr(module, part)
    for name in names:
        gc.collect()
        print(mark, "BEGIN", name)
        verdict = "FAIL"
        try:
            getattr(module, name)()
            verdict = "PASS"
        except BaseException as error:  # noqa: BLE001 - a test may fail with anything, SystemExit included
            gc.collect()  # after a MemoryError the traceback itself needs memory
            sys.print_exception(error, sys.stdout)
        print(mark, verdict, name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
