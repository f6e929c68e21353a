"""The product's Python library of the second generation, unmodified, for the actions that exist."""
import json

from alibabacloud_ledgerdb20191122 import models
from alibabacloud_ledgerdb20191122.client import Client
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.client import Client as GenericClient
from alibabacloud_tea_util import models as util
from Tea.exceptions import TeaException

from tap import ENDPOINT, KEY_ID, SECRET, run, same


def config(secret=SECRET):
    return openapi.Config(access_key_id=KEY_ID, access_key_secret=secret, endpoint=ENDPOINT,
                          protocol="http", signature_algorithm="v2")


client = Client(config())
generic = GenericClient(config())
ledger = None


def other(action, **params):
    """An action that the library does not know, through its generic client."""
    how = openapi.Params(action=action, version="2019-11-22", protocol="HTTP", pathname="/",
                         method="POST", auth_type="AK", style="RPC", req_body_type="formData",
                         body_type="json")
    return generic.call_api(how, openapi.OpenApiRequest(body=params), util.RuntimeOptions())["body"]


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


run([create_and_append, journals, ledgers, time_anchors, errors, delete])
