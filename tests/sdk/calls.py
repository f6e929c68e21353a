"""The calls of calls.json, through any client library: their answers against what is wanted and against
the reply rows of the action (`tally actions --json`), and which actions a library has that none calls."""
import json
import os
import re

from tap import ENDPOINT, KEY_ID, SECRET, run, same, skip  # noqa: F401

PHASE = os.environ.get("TALLY_SDK_PHASE", "")
CALLS = json.load(open("calls.json"))
ROWS = {row["name"]: row for row in json.load(open("actions.json")) if row["family"] == "ledgerdb"}
KEYS = json.load(open("keys.json"))  # who calls: [access key id, secret]
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def filled(value, known):
    """A value with its ${names} replaced; one that is nothing else keeps its type."""
    if isinstance(value, list):
        return [filled(one, known) for one in value]
    if isinstance(value, dict):
        return {name: filled(one, known) for name, one in value.items()}
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\$\{(\w+)\}", value)
    if whole:
        return known[whole.group(1)]
    return re.sub(r"\$\{(\w+)\}", lambda match: str(known[match.group(1)]), value)


def at(answer, path):
    """Ledger.JournalCount; Journals.0; Journals.length; Proof#sequence: of JSON in a text."""
    path, _, inner = path.partition("#")
    for name in path.split("."):
        if name == "length":
            answer = len(answer)
        else:
            answer = answer[int(name) if name.isdigit() else name]
    return json.loads(answer)[inner] if inner else answer


def check_rows(rows, value, path):
    """A reply's object, and all below it, is what the action's rows say."""
    for name, one in value.items():
        if path == "" and name == "RequestId":
            continue
        row = rows.get(path + name)
        if row is None:
            raise AssertionError("the rows have no " + path + name)
        same((path + name, type(one)), (path + name, TYPES[row["type"]]))
        if type(one) is dict:
            check_rows(rows, one, path + name + ".")
        elif type(one) is list:
            item = next(key for key in rows if key.startswith(path + name + "[") and key.endswith("]"))
            for entry in one:
                same((item, type(entry)), (item, TYPES[rows[item]["type"]]))
                if type(entry) is dict:
                    check_rows(rows, entry, item + ".")
    for name, row in rows.items():
        if name.startswith(path) and re.fullmatch(r"\w+", name[len(path):]) and not row["optional"]:
            if name[len(path):] not in value:
                raise AssertionError("no " + name + " in the answer")


def check(step, answer, known, whole=True):
    """whole: the answer as the server sent it; else what a library's types keep of it."""
    if whole:
        check_rows({row["name"]: row for row in ROWS[step["call"]]["reply"]}, answer, "")
    for path, want in filled(step.get("want", {}), known).items():
        got = at(answer, path)
        if isinstance(want, str) and want.startswith("~"):
            if not re.search(want[1:], got):
                raise AssertionError("%s is %r" % (path, got))
        else:
            same((path, got), (path, want))
    for name, path in step.get("keep", {}).items():
        known[name] = at(answer, path)


class Suite:
    """send(who, action, params) calls; it gives (answer, whole, typed), typed: by the library's own class
    for the action; or raises. code_of(error) is (code, status) as its users see them."""

    def __init__(self, name, actions, send, code_of):
        self.name, self.actions, self.send, self.code_of = name, set(actions), send, code_of
        self.called = set()
        self.known = {"suite": name, **json.load(open("known.json"))}

    def test_of(self, step):
        def test():
            missing = [one for one in [step["call"]] + step.get("needs", []) if one not in ROWS]
            if missing and not step.get("always"):
                raise skip("the server has no " + missing[0])
            params = filled(step["params"], self.known)
            try:
                answer, whole, typed = self.send(step.get("as", "main"), step["call"], params)
            except Exception as error:
                if "refused" not in step:
                    raise
                same(self.code_of(error), tuple(step["refused"]))
                return
            if "refused" in step:
                raise AssertionError("it succeeded")
            check(step, answer, self.known, whole)
            if typed:
                self.called.add(step["call"])
        what = " refused: " + step["refused"][0] if "refused" in step else ""
        test.__doc__ = "%s %s%s" % (self.name, step["call"], what)
        return test

    def covered(self):
        """every action that the library has was called by its own class"""
        same(sorted((self.actions & set(ROWS)) - self.called), [])

    def tests(self):
        tests = [self.test_of(step) for step in CALLS["steps"] if step.get("phase", "") == PHASE]
        if PHASE == "":
            def covered():
                self.covered()
            covered.__doc__ = "%s: %s" % (self.name, self.covered.__doc__)
            tests.append(covered)
        return tests
