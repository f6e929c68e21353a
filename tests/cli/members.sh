# Members and their signatures by the command line, on every durable driver and through a server: keys
# of openssl and of our own, signed appends in batches, what is verified of them offline, and what a
# ledger refuses that demands them.
. "$SOURCE/tests/cli/lib.sh"

hex() { od -An -v -tx1 | tr -d ' \n'; }

# A private key file of openssl, of a kind as we call it. Fails where this openssl has no such kind.
openssl_key() {	# kind file
	(umask 077
	case $1 in
	secp256k1) openssl ecparam -name secp256k1 -genkey -noout -out "$2" ;;
	secp256r1) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$2" ;;
	sm2) openssl genpkey -algorithm SM2 -out "$2" ;;
	ed25519) openssl genpkey -algorithm ed25519 -out "$2" ;;
	esac) >/dev/null 2>&1
}

# Its public key in hex, as openssl has it: the end of the DER.
openssl_public() {	# kind file
	local size=65
	[ "$1" = ed25519 ] && size=32
	openssl pkey -in "$2" -pubout -outform DER 2>/dev/null | tail -c $size | hex
}

journals() { "$TALLY" ledger show "$1" --json | json JournalCount; }
show() { "$TALLY" member show "$1" "$2" --json | json "$3"; }

# A member with a key of each kind signs, and what it signed verifies offline, with no other key.
each_kind() {	# where ledger
	local kind key member public vkey at
	vkey=$("$TALLY" ledger vkey "$2")
	for kind in secp256k1 secp256r1 sm2 ed25519; do
		key=$kind.pem
		if ! openssl_key $kind "$key"; then
			skip "$1, $kind" "openssl has no such kind"
			continue
		fi
		public=$(openssl_public $kind "$key")
		member=$("$TALLY" member create "$2" --key-file "$key" --role writer)
		same "$1, $kind: the member's public key is openssl's" "$(show "$2" "$member" PublicKey)" "$public"
		same "$1, $kind: its kind" "$(show "$2" "$member" KeyType | tr A-Z a-z)" $kind
		at=$(journals "$2")
		same "$1, $kind: a signed append" "$(printf '{"Payload":"größe \\u0001","Clues":["c","d \\"x\\""]}\n' |
			"$TALLY" append "$2" --sign "$key" --member "$member" --clue all)" \
			"1 appended; journals $at to $at"
		same "$1, $kind: it is the journal's author" "$("$TALLY" get "$2" "$at" --json | json MemberId)" "$member"
		passes "$1, $kind: prove" "$TALLY" prove "$2" "$at" -o signed.proof --leaf signed.leaf
		passes "$1, $kind: verify, signed by it" "$TALLY" verify signed.proof --vkey "$vkey" --signed-by "$public"
		same "$1, $kind: verify says who" \
			"$("$TALLY" verify signed.proof --vkey "$vkey" --json | json SignedBy 0 MemberId)" "$member"
		refuses "$1, $kind: another key did not sign" "NOT VERIFIED: no member signed" \
			"$TALLY" verify signed.proof --vkey "$vkey" --signed-by "$(another_end "$public")"
	done
	echo plain | "$TALLY" append "$2" >/dev/null
	"$TALLY" prove "$2" $(($(journals "$2") - 1)) -o plain.proof
	passes "$1: what nobody signed verifies" "$TALLY" verify plain.proof --vkey "$vkey"
	refuses "$1: ... but is signed by no one" "no member signed" \
		"$TALLY" verify plain.proof --vkey "$vkey" --signed-by "$public"
}

# The example of doc/api.md: a signature made with openssl and coreutils alone.
by_hand() {	# where ledger
	local member salt=000102030405060708090a0b0c0d0e0f hash sig at
	openssl_key ed25519 hand.pem || { skip "$1: signed by hand" "no Ed25519"; return; }
	member=$("$TALLY" member create "$2" --public-key "$(openssl_public ed25519 hand.pem)" --role writer)
	hash=$({ printf '\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17'; printf delivered; } | sha256sum | cut -c1-64)
	printf '{"clues":["order 4711"],"ledgerId":"%s","memberId":"%s","nonce":"by hand","payloadHash":"%s","payloadSize":9,"payloadType":"CUSTOM","v":1}' \
		"$2" "$member" "$hash" >statement
	sig=$(openssl pkeyutl -sign -inkey hand.pem -rawin -in statement | hex)
	printf '{"Payload":"delivered","Clues":["order 4711"],"MemberId":"%s","MemberSignature":"%s","MemberNonce":"by hand","PayloadSalt":"%s"}\n' \
		"$member" "$sig" $salt >hand.ndjson
	at=$(journals "$2")
	same "$1: signed by hand" "$("$TALLY" append "$2" hand.ndjson)" "1 appended; journals $at to $at"
	same "$1: ... the author" "$("$TALLY" get "$2" "$at" --json | json MemberId)" "$member"
	refuses "$1: the same signature again" "MemberSignature|nonce" \
		"$TALLY" append "$2" hand.ndjson --token other
	sed -i 's/delivered/delivereD/; s/by hand/by hanD/' hand.ndjson
	refuses "$1: a signature of something else" "UnauthorizedOperation|does not verify" \
		"$TALLY" append "$2" hand.ndjson --token third
}

# One upload of lines that are signed here, lines that bring a signature, and files; in small batches;
# broken off and run again.
uploads() {	# where ledger
	local member at key=up.pem
	"$TALLY" member keygen $key >up.public
	member=$("$TALLY" member create "$2" --key-file $key --role writer)
	lines 25 >all.ndjson
	head -n 7 all.ndjson >some.ndjson
	at=$(journals "$2")
	same "$1: signed lines" "$("$TALLY" append "$2" some.ndjson --token u --batch 3 --sign $key --member "$member")" \
		"7 appended; journals $at to $((at + 6))"
	same "$1: run again, with all lines" \
		"$("$TALLY" append "$2" all.ndjson --token u --batch 4 --sign $key --member "$member")" \
		"18 appended, 7 were there already; journals $at to $((at + 24))"
	same "$1: all are signed by it" "$("$TALLY" list "$2" --member "$member" --json | json --lines)" 25
	head -c 100000 /dev/urandom >bytes.bin
	same "$1: files" "$("$TALLY" append "$2" bytes.bin --sign $key --member "$member" --clue f)" \
		"1 appended; journals $((at + 25)) to $((at + 25))"
	"$TALLY" get "$2" $((at + 25)) --payload | cmp -s - bytes.bin && ok "$1: a signed file comes back" ||
		not_ok "$1: a signed file comes back"

	# another key for good: the former is of no use, and a broken upload goes on with the new one
	"$TALLY" member keygen new.pem --key-type ed25519 >new.public
	passes "$1: a new key" "$TALLY" member key "$2" "$member" --key-file new.pem
	same "$1: ... is the member's" "$(show "$2" "$member" PublicKey)" "$(cat new.public)"
	refuses "$1: the former is of no use" "not the key of member" \
		"$TALLY" append "$2" all.ndjson --sign $key --member "$member"
	refuses "$1: ... nor can it be given again" "PublicKey" "$TALLY" member key "$2" "$member" --key-file $key
	lines 26 >all.ndjson
	same "$1: the upload goes on with the new key" \
		"$("$TALLY" append "$2" all.ndjson --token u --sign new.pem --member "$member")" \
		"1 appended, 25 were there already; journals $at to $((at + 27))"
	rm -f $key new.pem
}

# What a ledger demands and refuses.
policies() {	# where
	local id member owner
	"$TALLY" member keygen own.pem >/dev/null
	id=$("$TALLY" ledger create strict --signatures required --signature-count 1)
	same "$1: the policy" "$("$TALLY" ledger show "$id" --json | json SignaturePolicy)" REQUIRED
	refuses "$1: required: unsigned is refused" "MemberSignature" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
	refuses "$1: the owner has no key yet" "has no key" \
		bash -c 'echo x | "$0" append "$1" --sign own.pem' "$TALLY" "$id"
	passes "$1: the owner gets one" "$TALLY" member key "$id" --key-file own.pem
	owner=$("$TALLY" member show "$id" --json | json MemberId)
	same "$1: required: signed is taken, by the caller's own" \
		"$(echo x | "$TALLY" append "$id" --sign own.pem)" "1 appended; journals 2 to 2"
	same "$1: ... the owner's" "$("$TALLY" get "$id" 2 --json | json MemberId)" "$owner"
	passes "$1: two must sign" "$TALLY" ledger set "$id" --signature-count 2
	refuses "$1: ... one is too few" "MemberSignatures|UnauthorizedOperation" \
		bash -c 'echo y | "$0" append "$1" --sign own.pem' "$TALLY" "$id"
	passes "$1: none may sign" "$TALLY" ledger set "$id" --signatures off
	refuses "$1: ... signed is refused" "MemberSignature" \
		bash -c 'echo z | "$0" append "$1" --sign own.pem' "$TALLY" "$id"
	same "$1: ... unsigned is taken" "$(echo z | "$TALLY" append "$id")" "1 appended; journals 5 to 5"
	refuses "$1: no such policy" "accepted, off or required" "$TALLY" ledger set "$id" --signatures perhaps
	refuses "$1: too many signatures" "from 1 to 8" "$TALLY" ledger set "$id" --signature-count 9
	rm own.pem
}

# A reader signs nothing; roles change; what is said of members.
roles() {	# where ledger
	local member
	"$TALLY" member keygen role.pem >role.public
	member=$("$TALLY" member create "$2" --key-file role.pem)
	same "$1: a new member reads" "$(show "$2" "$member" Role)" READER
	refuses "$1: a reader's signature is none" "UnauthorizedOperation|may not sign" \
		bash -c 'echo x | "$0" append "$1" --sign role.pem --member "$2"' "$TALLY" "$2" "$member"
	passes "$1: a role" "$TALLY" member role "$2" "$member" writer
	same "$1: ... has changed" "$(show "$2" "$member" Role)" WRITER
	passes "$1: a writer's signature" \
		bash -c 'echo x | "$0" append "$1" --sign role.pem --member "$2"' "$TALLY" "$2" "$member"
	refuses "$1: no such role" "Role" "$TALLY" member role "$2" "$member" king
	refuses "$1: no such member" "does not exist" "$TALLY" member show "$2" m-00000000000000000000000000
	refuses "$1: the same key again" "PublicKey|Exist" "$TALLY" member create "$2" --key-file role.pem
	refuses "$1: neither key nor account" "a key, an account" "$TALLY" member create "$2"
	refuses "$1: a key that is none" "PublicKey" "$TALLY" member create "$2" --public-key 0400
	same "$1: the table" "$("$TALLY" member list "$2" | grep -c "^$member  *WRITER  *ENABLED  *-  *SECP256K1 ")" 1
	same "$1: the list as JSON" "$("$TALLY" member list "$2" --json | json 0 LedgerId)" "$2"
	same "$1: show for people" "$("$TALLY" member show "$2" "$member" | grep -c "^PublicKey  *$(cat role.public)")" 1
	rm role.pem
}

# Administration of the store, also of one that is served.
admin() { ${as_user-} "$TALLY" "$@" --store "${TALLY_STORE:-$dir/served}"; }

# A member verb as that account: on a store its number says so, on a server an access key of its own.
as_guest() {	# account verb...
	local account=$1
	shift
	if [ -n "${TALLY_STORE-}" ]; then
		"$TALLY" member "$@" --account "$account"
		return
	fi
	[ -f "$account.json" ] || admin key create --account "$account" --json >"$account.json" 2>/dev/null
	TALLY_ACCESS_KEY_ID=$(json AccessKeyId <"$account.json") \
		TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <"$account.json") "$TALLY" member "$@"
}

# An account is invited, accepts, is disabled, enabled, deleted, and comes back.
invitations() {	# where ledger
	local account other member owner
	account=$(admin account create guest)
	other=$(admin account create other)
	"$TALLY" member keygen guest.pem >guest.public
	refuses "$1: an account that is none" "Account 4711 does not exist" "$TALLY" member invite "$2" 4711
	refuses "$1: a list that is none" "AliUids" "$TALLY" member invite "$2" "$account,"
	passes "$1: invited" "$TALLY" member invite "$2" "$account" "$other"
	refuses "$1: invited twice" "Invitation of account $other already exists" "$TALLY" member invite "$2" "$other"
	member=$(as_guest "$account" accept "$2" --key-file guest.pem)
	same "$1: a new member reads" "$(show "$2" "$member" Role)" READER
	same "$1: ... with its key" "$(show "$2" "$member" PublicKey)" "$(cat guest.public)"
	same "$1: ... and its permissions" "$("$TALLY" member show "$2" "$member" --json | json Permissions 0 Permission)" VIEW_LEDGER
	refuses "$1: accepted twice" "Member already exists" as_guest "$account" accept "$2"
	passes "$1: a role" "$TALLY" member role "$2" "$member" writer
	passes "$1: it signs" bash -c 'echo x | "$0" append "$1" --sign guest.pem --member "$2"' "$TALLY" "$2" "$member"
	passes "$1: disabled" "$TALLY" member disable "$2" "$member"
	same "$1: ... is told" "$(show "$2" "$member" State)" DISABLED
	same "$1: ... and may nothing" "$("$TALLY" member show "$2" "$member" --json | json Permissions | tr -d ' ')" "[]"
	refuses "$1: ... its signature is none" "UnauthorizedOperation|may not sign" \
		bash -c 'echo x | "$0" append "$1" --sign guest.pem --member "$2"' "$TALLY" "$2" "$member"
	passes "$1: enabled" "$TALLY" member enable "$2" "$member"
	passes "$1: ... it signs again" bash -c 'echo x | "$0" append "$1" --sign guest.pem --member "$2"' "$TALLY" "$2" "$member"
	passes "$1: deleted" "$TALLY" member delete "$2" "$member"
	refuses "$1: ... is no more" "does not exist" "$TALLY" member show "$2" "$member"
	refuses "$1: ... not to be deleted twice" "Member $member does not exist" "$TALLY" member delete "$2" "$member"
	passes "$1: what it signed verifies" bash -c '"$0" prove "$1" $(($("$0" ledger show "$1" --json | "$2" JournalCount) - 2)) -o gone.proof &&
		"$0" verify gone.proof --vkey "$("$0" ledger vkey "$1")" --signed-by "$(cat guest.public)"' "$TALLY" "$2" "$JSON_GET"
	passes "$1: invited again" "$TALLY" member invite "$2" "$account"
	refuses "$1: ... its former key is of no use" "PublicKey" as_guest "$account" accept "$2" --key-file guest.pem
	same "$1: ... is the same member" "$(as_guest "$account" accept "$2")" "$member"
	owner=$("$TALLY" member show "$2" --json | json MemberId)
	refuses "$1: the owner is not disabled" "MemberId" "$TALLY" member disable "$2" "$owner"
	refuses "$1: the owner is not deleted" "MemberId" "$TALLY" member delete "$2" "$owner"
	refuses "$1: the owner stays admin" "Role" "$TALLY" member role "$2" "$owner" writer
	[ -z "${TALLY_STORE-}" ] || passes "$1: the audit finds nothing" "$TALLY" audit "$2"
	rm guest.pem
}

# What needs no ledger.
key_files() {
	local public kind
	for kind in secp256k1 secp256r1 sm2 ed25519; do
		if ! "$TALLY" member keygen "mine-$kind.pem" --key-type $kind >public 2>err; then
			grep -q "OpenSSL" err && skip "keygen $kind" "this OpenSSL lacks it" ||
				not_ok "keygen $kind" "$(cat err)"
			continue
		fi
		same "keygen $kind: mode" "$(stat -c %a "mine-$kind.pem")" 600
		same "keygen $kind: openssl reads it" "$(openssl_public $kind "mine-$kind.pem")" "$(cat public)"
	done
	cp mine-ed25519.pem before
	refuses "keygen replaces nothing" "exists already" "$TALLY" member keygen mine-ed25519.pem
	cmp -s before mine-ed25519.pem && ok "... and left it as it was" || not_ok "... and left it as it was"
	refuses "keygen: no such kind" "secp256k1, secp256r1" "$TALLY" member keygen x.pem --key-type rsa
	same "keygen as JSON" "$("$TALLY" member keygen json.pem --key-type ED25519 --json | json KeyType)" ED25519
	chmod 644 json.pem
	refuses "a key that others can read" "lets others in" bash -c 'echo x |
		"$0" append l-0000000000000000000000000 --store nowhere --sign json.pem' "$TALLY"
	refuses "no such key file" "no\.pem" "$TALLY" append l-0000000000000000000000000 --store nowhere --sign no.pem
	refuses "--member alone" "--sign FILE" "$TALLY" append l-0000000000000000000000000 --store nowhere --member m-1
	refuses "two ways to say the key" "key file says" "$TALLY" member create l-0000000000000000000000000 \
		--store nowhere --key-file json.pem --public-key 00
}

all_of() {	# where
	local id
	id=$("$TALLY" ledger create members)
	each_kind "$1" "$id"
	by_hand "$1" "$id"
	uploads "$1" "$id"
	roles "$1" "$id"
	invitations "$1" "$id"
	policies "$1"
	rm -f ./*.pem
}

command -v openssl >/dev/null || { skip "members" "there is no openssl"; finish; }
key_files
rm -f ./*.pem
[ "$(durable)" ] || skip "members" "no durable driver is built in"
for driver in $(durable); do
	export TALLY_STORE=$dir/store-$driver
	"$TALLY" init --driver "$driver" >/dev/null 2>&1
	all_of "$driver"
done
driver=$(durable | head -n 1)
if [ -z "$driver" ] || ! { unset TALLY_STORE; start_server "$dir/served" --driver "$driver"; }; then
	skip "members through a server" "no durable driver, or no lighttpd"
	finish
fi
all_of server

# An account joins with a key of its own: its access key appends, and signs as its member.
second=$($as_user "$TALLY" account create two --store "$dir/served")
$as_user "$TALLY" key create --account "$second" --store "$dir/served" --json >second.json 2>/dev/null
id=$("$TALLY" ledger create shared)
"$TALLY" member keygen second.pem >second.public
refuses "a stranger" "does not exist" env TALLY_ACCESS_KEY_ID="$(json AccessKeyId <second.json)" \
	TALLY_ACCESS_KEY_SECRET="$(json AccessKeySecret <second.json)" "$TALLY" member list "$id"
member=$("$TALLY" member create "$id" --account "$second" --role writer)
export TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET
TALLY_ACCESS_KEY_ID=$(json AccessKeyId <second.json) TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <second.json)
passes "a member gives itself a key" "$TALLY" member key "$id" --key-file second.pem
same "... is itself" "$("$TALLY" member show "$id" --json | json MemberId)" "$member"
same "... and signs as itself" "$(echo x | "$TALLY" append "$id" --sign second.pem)" "1 appended; journals 3 to 3"
same "... by name" "$("$TALLY" get "$id" 3 --json | json MemberId)" "$member"
# Parameters of a single request, signed by hand.
if openssl_key ed25519 call.pem; then
	passes "a key by hand" "$TALLY" member key "$id" --public-key "$(openssl_public ed25519 call.pem)"
	hash=$({ printf '\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17'; printf delivered; } | sha256sum | cut -c1-64)
	printf '{"clues":["order 4711"],"ledgerId":"%s","memberId":"%s","nonce":"n1","payloadHash":"%s","payloadSize":9,"payloadType":"CUSTOM","v":1}' \
		"$id" "$member" "$hash" >statement
	signed=$(openssl pkeyutl -sign -inkey call.pem -rawin -in statement | hex)
	call() { "$TALLY" call AppendJournal LedgerId="$id" Payload=delivered 'Clues=["order 4711"]' MemberId="$member" \
		MemberSignature="$1" MemberNonce=n1 PayloadSalt=000102030405060708090a0b0c0d0e0f ClientToken="$2" --post; }
	same "one journal by tally call" "$(call "$signed" one | json JournalId)" 5
	same "the same token again" "$(call "$signed" one | json JournalId)" 5
	refuses "the same signature again" "status 4" call "$signed" two
	refuses "a changed signature" "status 4" call "$(another_end "$signed")" three
fi
refuses "but gives no roles" "UnauthorizedOperation" "$TALLY" member role "$id" "$member" admin
finish
