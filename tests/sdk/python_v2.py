"""The product's Python library of the second generation, unmodified, for the actions that exist."""
import inspect
import json
import re
import typing

from alibabacloud_ledgerdb20191122 import models
from alibabacloud_ledgerdb20191122.client import Client
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.client import Client as GenericClient
from alibabacloud_tea_util import models as util
from Tea.exceptions import TeaException

import calls
from tap import ENDPOINT, KEY_ID, SECRET, run, same


def config(secret=SECRET, key_id=KEY_ID):
    return openapi.Config(access_key_id=key_id, access_key_secret=secret, endpoint=ENDPOINT,
                          protocol="http", signature_algorithm="v2")


client = Client(config())
generic = GenericClient(config())
ledger = None


def other(action, by=None, **params):
    """An action that the library does not know, through its generic client."""
    how = openapi.Params(action=action, version="2019-11-22", protocol="HTTP", pathname="/",
                         method="POST", auth_type="AK", style="RPC", req_body_type="formData",
                         body_type="json")
    return (by or generic).call_api(how, openapi.OpenApiRequest(body=params), util.RuntimeOptions())["body"]


def refused(code, function, *args):
    try:
        function(*args)
    except TeaException as error:
        same(error.code, code)
    else:
        raise AssertionError("it succeeded")


def create_and_append():
    """python v2 CreateLedger and AppendJournal by the generic client"""
    global ledger
    ledger = other("CreateLedger", LedgerName="python 2")["LedgerId"]
    for i in range(4):
        other("AppendJournal", LedgerId=ledger, Payload="payload %d + ~* 世界" % i)


def journals():
    """python v2 GetJournal and ListJournals"""
    journal = client.get_journal(models.GetJournalRequest(ledger_id=ledger, journal_id=2)).body.journal
    same((journal.journal_id, journal.payload_json_string, journal.payload_type),
         ("2", "payload 1 + ~* 世界", "CUSTOM"))
    page = client.list_journals(models.ListJournalsRequest(ledger_id=ledger, max_results=3, reverse=True))
    same([one.journal_id for one in page.body.journals], ["4", "3", "2"])
    page = client.list_journals(models.ListJournalsRequest(
        ledger_id=ledger, max_results=3, reverse=True, next_token=page.body.next_token))
    same([one.journal_id for one in page.body.journals], ["1", "0"])
    same(page.body.next_token or "", "")


def ledgers():
    """python v2 DescribeLedger, DescribeLedgers and ModifyLedgerAttribute"""
    client.modify_ledger_attribute(models.ModifyLedgerAttributeRequest(
        ledger_id=ledger, ledger_name="renamed", ledger_description="x+y z"))
    described = client.describe_ledger(models.DescribeLedgerRequest(ledger_id=ledger)).body.ledger
    same((described.ledger_name, described.ledger_description, described.journal_count),
         ("renamed", "x+y z", 6))
    listed = client.describe_ledgers(models.DescribeLedgersRequest(max_results=100)).body.ledgers
    same([one.ledger_name for one in listed if one.ledger_id == ledger], ["renamed"])


def time_anchors():
    """python v2 ListTimeAnchors, DescribeTSA and LastTimeAnchor"""
    other("CreateTimeAnchor", LedgerId=ledger)
    anchors = client.list_time_anchors(models.ListTimeAnchorsRequest(ledger_id=ledger)).body.time_anchors
    same(len(anchors), 1)
    last = client.describe_ledger(models.DescribeLedgerRequest(ledger_id=ledger)).body.ledger.last_time_anchor
    same((last.journal_id, last.ledger_version, last.ledger_digest),
         (str(anchors[0].journal_id), str(anchors[0].ledger_version), anchors[0].ledger_digest))
    same(int(last.time_stamp) // 1000, anchors[0].time_stamp)
    proof = json.loads(last.proof)
    stamp = client.describe_tsa(models.DescribeTSARequest(
        sequence_within_ledger=proof["sequence"])).body.tsadetail
    same((stamp.root_hash, stamp.ts), (proof["hashInHex"], int(last.time_stamp)))
    same((stamp.block_number > 0, len(stamp.sn) > 8, len(stamp.ctsr) > 1000), (True, True, True))


def errors():
    """python v2 errors: not found, wrong secret"""
    refused("ResourceNotFound", client.get_journal,
            models.GetJournalRequest(ledger_id=ledger, journal_id=99))
    refused("SignatureDoesNotMatch", Client(config("wrong")).describe_ledger,
            models.DescribeLedgerRequest(ledger_id=ledger))


def delete():
    """python v2 DeleteLedger"""
    client.delete_ledger(models.DeleteLedgerRequest(ledger_id=ledger))
    refused("ResourceNotFound", client.get_journal,
            models.GetJournalRequest(ledger_id=ledger, journal_id=1))


# ---- the calls that all suites make ----

# DescribeLedgers and describe_ledgers: what the request classes are called, and the methods.
METHODS = {}
for name, _ in inspect.getmembers(models, inspect.isclass):
    if name.endswith("Request"):
        for method, _ in inspect.getmembers(Client, inspect.isfunction):
            if method.replace("_", "") == name[:-len("Request")].lower():
                METHODS[name[:-len("Request")]] = (method, getattr(models, name))


def check_type(value, kind, where):
    """A member of a model is of the type that the model declares, and so are those of its members."""
    if value is None:
        return
    if typing.get_origin(kind) is list:
        same((where, type(value)), (where, list))
        for one in value:
            check_type(one, typing.get_args(kind)[0], where + "[]")
        return
    same((where, type(value)), (where, kind))
    if hasattr(kind, "to_map"):
        for name, parameter in inspect.signature(kind.__init__).parameters.items():
            if name != "self":
                check_type(getattr(value, name), parameter.annotation, where + "." + name)


MET = set()


def send_call(who, action, params):
    key_id, secret = calls.KEYS[who]
    method, request_class = METHODS.get(action, (None, None))
    if method and not set(params) - set(names_of(request_class)):
        request = request_class().from_map(params)
        body = getattr(Client(config(secret, key_id)), method)(request).body
        check_type(body, type(body), action)
        return body.to_map(), False, True
    params = {name: json.dumps(value) if isinstance(value, list) else value for name, value in params.items()}
    return other(action, GenericClient(config(secret, key_id)), **params), True, False


def names_of(request_class):
    """The parameters that a request class knows, as they stand in the request."""
    source = inspect.getsource(request_class.to_map)
    return re.findall(r"result\['(\w+)'\]", source)


def code_of(error):
    if not isinstance(error, TeaException):
        raise error
    MET.add(type(error).__name__)
    return error.code, getattr(error, "status_code", None) or error.statusCode


def error_classes():
    """python v2: every class of errors of the library was met"""
    same(sorted(MET), {"": ["ClientException"], "unavailable": ["ServerException"],
                       "busy": ["ThrottlingException"]}[calls.PHASE])


suite = calls.Suite("python v2", METHODS, send_call, code_of)
own = [create_and_append, journals, ledgers, time_anchors, errors, delete]
run(suite.tests() + [error_classes] + (own if calls.PHASE == "" else []))
