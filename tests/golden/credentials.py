#!/usr/bin/env python3
"""tests/golden/credentials.json, recomputed from doc/formats.md, sections 26 and 27, with nothing of ours: the
data of a credential encrypted for its holder, the credential, and its issuer's signature.

    credentials.py DIR          compares; exit status 1 where something differs
    credentials.py DIR --write  makes the file"""

import base64
import hashlib
import json
import sys

import envelopes
import signatures

KIND = "SECP256R1"


def credential(case):
    """Canonical: names are ASCII, so that sorting by code points is RFC 8785's order, and there are no numbers."""
    said = case["credential"]
    envelope = bytes.fromhex(case["data"]["envelope"])
    wrapped = bytes.fromhex(case["wrapped"]["envelope"])
    document = {
        "context": "https://www.w3.org/2018/credentials/v1",
        "type": ["VerifiableCredential", said["schema"]],
        "issuer": said["issuer"], "sequence": said["sequence"],
        "issuanceDate": said["issued"], "expirationDate": said["expires"],
        "credentialSubject": {
            "owner": said["owner"], "type": "professional", "uriType": "index",
            "schemaID": said["publisher"] + "_" + said["schema"],
            "dataURI": said["issuer"] + "_" + said["sequence"],
            "encryptedAeskey": base64.b64encode(wrapped).decode(),
            "dataHash": hashlib.sha256(envelope).hexdigest()},
        "revocation": {"type": "", "id": ""}}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def make(case):
    said, made = case["credential"], dict(case)
    made["data"] = dict(case["data"], context=["credential-data", case["channel"], said["issuer"],
                                               said["sequence"]])
    made["data"]["envelope"] = envelopes.data(made["data"]).hex()
    made["wrapped"] = dict(case["wrapped"], key=case["data"]["key"],
                           context=["credential", case["channel"], said["issuer"], said["sequence"],
                                    said["owner"]])
    made["wrapped"]["envelope"] = envelopes.wrapped(made["wrapped"]).hex()
    made["signed"] = credential(made)
    private = bytes.fromhex(case["private"])
    message = made["signed"].encode()
    signature = signatures.sign(KIND, private, message)
    public = signatures.ec_public(KIND, private)
    assert signatures.verify(KIND, public, message, signature)
    assert not signatures.verify(KIND, public, message + b" ", signature)
    made["signature"] = signature.hex()
    return made


CASES = [
    {"channel": "mychannel", "private": "61" * 32,
     "credential": {"issuer": "did:tally:2THjdfbKMLDVcoYvkiepr9", "sequence": "10025469331",
                    "owner": "did:tally:8zLQUpyswA8kpiHEsAUhZN",
                    "publisher": "did:tally:2THjdfbKMLDVcoYvkiepr9", "schema": "IDCard",
                    "issued": "1606720551", "expires": "1922339751"},
     "data": {"key": "c3" * 32, "nonce": "0102030405060708090a0b0c",
              "plain": '{"name":"xm","age":18}'.encode().hex()},
     "wrapped": {"private": "7f" * 32, "ephemeral": "3a" * 32, "nonce": "0c0b0a090807060504030201"}},
    {"channel": "größe", "private": "01".rjust(64, "0"),
     "credential": {"issuer": "did:tally:a", "sequence": "x_\"1\"\\ ü\U0001f600",
                    "owner": "did:tally:a", "publisher": "did:tally:b", "schema": "c_d",
                    "issued": "1606720551", "expires": ""},
     "data": {"key": "00" * 32, "nonce": "00" * 12, "plain": "{}".encode().hex()},
     "wrapped": {"private": "02".rjust(64, "0"), "ephemeral": "03".rjust(64, "0"),
                 "nonce": "00" * 12}},
]


def main():
    path = sys.argv[1] + "/credentials.json"
    made = [make(case) for case in CASES]
    if "--write" in sys.argv:
        with open(path, "w") as f:
            json.dump(made, f, indent=1, ensure_ascii=False)
            f.write("\n")
    with open(path) as f:
        same = json.load(f) == made
    print("credentials.json: %d credentials %s" % (len(made), "agree" if same else "DIFFER"))
    return not same


if __name__ == "__main__":
    sys.exit(main())
