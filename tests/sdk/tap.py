"""Tests that report as the C tests do: functions that raise when something is wrong."""
import os
import sys
import traceback

ENDPOINT = os.environ["TALLY_ENDPOINT"].split("//", 1)[1]	# host:port
KEY_ID = os.environ["TALLY_ACCESS_KEY_ID"]
SECRET = os.environ["TALLY_ACCESS_KEY_SECRET"]


class skip(Exception):
    """A test that raises it was not run, and says why."""


def run(tests):
    failed = False
    for test in tests:
        name = test.__doc__.strip()
        try:
            test()
            print("ok - " + name)
        except skip as why:
            print("ok - %s # SKIP %s" % (name, why))
        except Exception as error:  # reported, and told by the exit status
            failed = True
            traceback.print_exc(file=sys.stdout)
            print("not ok - %s: %s" % (name, " ".join(str(error).split())))
    sys.exit(failed)


def same(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))
