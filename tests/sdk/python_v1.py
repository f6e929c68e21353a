"""The product's Python library of the first generation, unmodified, for the actions that exist."""
import importlib
import json
import os
import pkgutil

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
import aliyunsdkledgerdb.request.v20191122 as classes
from aliyunsdkledgerdb.request.v20191122 import (
    AcceptMemberRequest, DeleteLedgerRequest, DeleteMemberRequest, DescribeLedgerRequest,
    DescribeLedgersRequest, DisableMemberRequest, EnableMemberRequest, GetJournalRequest,
    GetMemberRequest, InviteMembersRequest, ListJournalsRequest, ListMembersRequest,
    ListTimeAnchorsRequest, ModifyLedgerAttributeRequest, ModifyMemberACLsRequest,
    ModifyMemberKeyRequest)

import calls
from tap import ENDPOINT, KEY_ID, SECRET, run, same

client = AcsClient(KEY_ID, SECRET, "cn-hangzhou", auto_retry=False)
ledger = None


def send(request, by=client):
    request.set_endpoint(ENDPOINT)
    request.set_protocol_type("http")
    request.set_accept_format("json")
    return json.loads(by.do_action_with_exception(request))


def call(module, by=client, **params):
    """A request class of the library, its parameters set by their setters."""
    request = getattr(module, module.__name__.rsplit(".", 1)[1])()
    for name, value in params.items():
        getattr(request, "set_" + name)(value)
    return send(request, by)


def other(action, by=client, **params):
    """An action that the library does not know, through its common request."""
    request = CommonRequest(domain=ENDPOINT, version="2019-11-22", action_name=action)
    request.set_method("POST")
    for name, value in params.items():
        request.add_body_params(name, value)
    return send(request, by)


def refused(code, status, function, *args, **params):
    try:
        function(*args, **params)
    except ServerException as error:
        same((error.get_error_code(), error.get_http_status()), (code, status))
    else:
        raise AssertionError("it succeeded")


def create_and_append():
    """python v1 CreateLedger and AppendJournal by common request"""
    global ledger
    ledger = other("CreateLedger", LedgerName="python")["LedgerId"]
    for i in range(5):
        same(str(other("AppendJournal", LedgerId=ledger, Payload="payload %d + ~* 世界" % i)["JournalId"]),
             str(i + 1))


def get_journal():
    """python v1 GetJournal"""
    journal = call(GetJournalRequest, LedgerId=ledger, JournalId=3)["Journal"]
    same((journal["JournalId"], journal["PayloadJsonString"]), ("3", "payload 2 + ~* 世界"))


def list_journals():
    """python v1 ListJournals page by page"""
    ids, token = [], ""
    while True:
        page = call(ListJournalsRequest, LedgerId=ledger, MaxResults=2, NextToken=token)
        ids += [int(journal["JournalId"]) for journal in page["Journals"]]
        token = page["NextToken"]
        if not token:
            break
    same(ids, list(range(6)))


def describe_and_modify():
    """python v1 DescribeLedger, DescribeLedgers and ModifyLedgerAttribute"""
    same(call(DescribeLedgerRequest, LedgerId=ledger)["Ledger"]["JournalCount"], 6)
    listed = call(DescribeLedgersRequest, MaxResults=100)["Ledgers"]
    same([one["LedgerName"] for one in listed if one["LedgerId"] == ledger], ["python"])
    call(ModifyLedgerAttributeRequest, LedgerId=ledger, LedgerName="schlange", LedgerDescription="d e+f")
    described = call(DescribeLedgerRequest, LedgerId=ledger)["Ledger"]
    same((described["LedgerName"], described["LedgerDescription"]), ("schlange", "d e+f"))


KEYS = ["04d45eb3bcbd2a47aeb5de87b73fd6a324bb7b57a081fd474a82d8dc7e830d42868aeb15a9fa02ac09205b68ecfc78e8e67c70c6"
        "7736aa0e867a9a7011b83fab4b",
        "04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb04dfa6d46d66cb5ff1e2d0459436415b47012f6"
        "426ba1cd7405c47828b21128b"]


def members():
    """python v1 all actions on members"""
    uid = os.environ["TALLY_GUEST"]
    guest = AcsClient(os.environ["TALLY_GUEST_KEY_ID"], os.environ["TALLY_GUEST_SECRET"],
                      "cn-hangzhou", auto_retry=False)
    refused("ResourceNotFound", 404, call, AcceptMemberRequest, by=guest, LedgerId=ledger)
    call(InviteMembersRequest, LedgerId=ledger, AliUids=uid)
    refused("ResourceAlreadyExist", 409, call, InviteMembersRequest, LedgerId=ledger, AliUids=uid)
    member = call(AcceptMemberRequest, by=guest, LedgerId=ledger, KeyType="SECP256K1",
                  PublicKey=KEYS[0])["MemberId"]
    refused("ResourceAlreadyExist", 409, call, AcceptMemberRequest, by=guest, LedgerId=ledger)
    own = call(GetMemberRequest, by=guest, LedgerId=ledger)
    same((own["MemberId"], own["AliUid"], own["Role"], own["State"], own["KeyType"], own["PublicKey"]),
         (member, uid, "READER", "ENABLED", "SECP256K1", KEYS[0]))
    same(sorted(one["Role"] for one in call(ListMembersRequest, LedgerId=ledger)["Members"]),
         ["ADMIN", "READER"])
    same(ledger in [one["LedgerId"] for one in
                    call(DescribeLedgersRequest, by=guest, MaxResults=100)["Ledgers"]], True)
    refused("UnauthorizedOperation", 403, call, ModifyMemberACLsRequest, by=guest, LedgerId=ledger,
            MemberId=member, Role="ADMIN")
    call(ModifyMemberACLsRequest, LedgerId=ledger, MemberId=member, Role="WRITER")
    call(ModifyMemberKeyRequest, by=guest, LedgerId=ledger, MemberId=member, KeyType="SECP256K1",
         PublicKey=KEYS[1])
    own = call(GetMemberRequest, by=guest, LedgerId=ledger, MemberId=member)
    same((own["Role"], own["PublicKey"]), ("WRITER", KEYS[1]))
    call(DisableMemberRequest, LedgerId=ledger, MemberId=member)
    refused("UnauthorizedOperation", 403, call, GetJournalRequest, by=guest, LedgerId=ledger, JournalId=1)
    call(EnableMemberRequest, LedgerId=ledger, MemberId=member)
    call(GetJournalRequest, by=guest, LedgerId=ledger, JournalId=1)
    call(DeleteMemberRequest, LedgerId=ledger, MemberId=member)
    refused("ResourceNotFound", 404, call, GetJournalRequest, by=guest, LedgerId=ledger, JournalId=1)
    refused("ResourceNotFound", 404, call, GetMemberRequest, LedgerId=ledger, MemberId=member)
    types = [call(GetJournalRequest, LedgerId=ledger, JournalId=i)["Journal"]["PayloadType"]
             for i in range(7, 14)]
    same(types, ["INVITE_MEMBERS", "CREATE_MEMBER", "UPDATE_MEMBER_PERMISSIONS", "UPDATE_MEMBER_KEY",
                 "DISABLE_MEMBER", "ENABLE_MEMBER", "DELETE_MEMBER"])


def limited_keys():
    """python v1 a read-only key, and STS credentials"""
    reader = AcsClient(os.environ["TALLY_READER_KEY_ID"], os.environ["TALLY_READER_SECRET"],
                       "cn-hangzhou", auto_retry=False)
    same(call(GetJournalRequest, by=reader, LedgerId=ledger, JournalId=1)["Journal"]["JournalId"], "1")
    refused("Forbidden.RAM", 403, call, ModifyLedgerAttributeRequest, by=reader, LedgerId=ledger,
            LedgerName="not")

    def sts(token):
        return AcsClient(region_id="cn-hangzhou", auto_retry=False, credential=StsTokenCredential(
            os.environ["TALLY_STS_KEY_ID"], os.environ["TALLY_STS_SECRET"], token))
    good = sts(os.environ["TALLY_STS_TOKEN"])
    call(ModifyLedgerAttributeRequest, by=good, LedgerId=ledger, LedgerName="for a while")
    same(call(DescribeLedgerRequest, by=good, LedgerId=ledger)["Ledger"]["LedgerName"], "for a while")
    refused("InvalidSecurityToken.Malformed", 400, call, DescribeLedgerRequest, by=sts("YWJj"),
            LedgerId=ledger)


def time_anchors():
    """python v1 ListTimeAnchors and LastTimeAnchor"""
    same(call(ListTimeAnchorsRequest, LedgerId=ledger)["TimeAnchors"], [])
    covered = [int(other("CreateTimeAnchor", LedgerId=ledger)["JournalId"]) for _ in range(3)]
    anchors, token = [], ""
    while True:
        page = call(ListTimeAnchorsRequest, LedgerId=ledger, MaxResults=2, Reverse=True, NextToken=token)
        anchors += page["TimeAnchors"]
        token = page["NextToken"]
        if not token:
            break
    same([anchor["JournalId"] for anchor in anchors], covered[::-1])
    same({type(anchors[0][name]) for name in ("JournalId", "LedgerVersion", "TimeStamp")}, {int})
    last = call(DescribeLedgerRequest, LedgerId=ledger)["Ledger"]["LastTimeAnchor"]
    same((last["JournalId"], int(last["TimeStamp"]) // 1000),
         (str(anchors[0]["JournalId"]), anchors[0]["TimeStamp"]))
    same(last["LedgerDigest"], anchors[0]["LedgerDigest"])
    proof = json.loads(last["Proof"])
    stamp = other("DescribeTSA", SequenceWithinLedger=proof["sequence"])["TSADetail"]
    same((stamp["RootHash"], stamp["TS"]), (proof["hashInHex"], int(last["TimeStamp"])))


def errors():
    """python v1 errors: not found, missing, wrong secret, unknown key"""
    refused("ResourceNotFound", 404, call, GetJournalRequest, LedgerId=ledger, JournalId=99)
    refused("MissingParameter", 400, call, GetJournalRequest, LedgerId=ledger)
    # The library compares the echoed string to sign with its own, and so finds the secret wrong.
    wrong = AcsClient(KEY_ID, "wrong", "cn-hangzhou", auto_retry=False)
    refused("InvalidAccessKeySecret", 400, call, DescribeLedgerRequest, by=wrong, LedgerId=ledger)
    nobody = AcsClient("nobody", SECRET, "cn-hangzhou", auto_retry=False)
    refused("InvalidAccessKeyId.NotFound", 404, call, DescribeLedgerRequest, by=nobody, LedgerId=ledger)


def delete():
    """python v1 DeleteLedger"""
    call(DeleteLedgerRequest, LedgerId=ledger)
    refused("ResourceNotFound", 404, call, GetJournalRequest, LedgerId=ledger, JournalId=1)


# ---- the calls that all suites make ----

ACTIONS = [name[:-len("Request")] for _, name, _ in pkgutil.iter_modules(classes.__path__)]


def text_of(value):
    """As a form has it: the library itself writes str(value)."""
    if isinstance(value, list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else value


def send_call(who, action, params):
    by = AcsClient(*calls.KEYS[who], "cn-hangzhou", auto_retry=False)
    params = {name: text_of(value) for name, value in params.items()}
    if action in ACTIONS:
        module = importlib.import_module(classes.__name__ + "." + action + "Request")
        if all(hasattr(getattr(module, action + "Request"), "set_" + name) for name in params):
            return call(module, by, **params), True, True
    return other(action, by, **params), True, False


def code_of(error):
    """The library compares the echoed string to sign with its own, and so finds the secret wrong."""
    if not isinstance(error, ServerException):
        raise error
    code = error.get_error_code()
    return ("SignatureDoesNotMatch" if code == "InvalidAccessKeySecret" else code), error.get_http_status()


suite = calls.Suite("python v1", ACTIONS, send_call, code_of)
own = [create_and_append, get_journal, list_journals, describe_and_modify, members, limited_keys, time_anchors,
       errors, delete]
run(suite.tests() + (own if calls.PHASE == "" else []))
