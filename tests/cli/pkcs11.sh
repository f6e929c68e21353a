# Members' keys on PKCS#11 tokens, through a server: SoftHSM's module, where that is installed.
. "$SOURCE/tests/cli/lib.sh"

[ -n "$PKCS11" ] || { skip "keys on tokens" "this build reads no PKCS#11 URIs"; finish; }
module=$(ls /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
	/usr/local/lib/softhsm/libsofthsm2.so 2>/dev/null | head -n 1)
[ "$module" ] && command -v softhsm2-util openssl >/dev/null || {
	skip "keys on tokens" "softhsm2 or openssl is not installed"
	finish
}
driver=$(durable | head -n 1)
[ "$driver" ] || { skip "keys on tokens" "no durable driver is built in"; finish; }

# ---- a token with keys, of which one is of a kind that members do not have ----

mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir" >softhsm2.conf
export SOFTHSM2_CONF=$dir/softhsm2.conf
printf '4711\n' >pin
chmod 600 pin
passes "a token is made" softhsm2-util --init-token --free --label "till token" --so-pin 12345678 --pin 4711
add_key() {	# label id option...
	local label=$1 id=$2
	shift 2
	openssl genpkey "$@" -out "$label.pem" 2>/dev/null &&
		softhsm2-util --import "$label.pem" --token "till token" --pin 4711 --label "$label" --id "$id"
}
passes "a key is put on it" add_key till-7 a1 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
passes "... and another" add_key till-8 a2 -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
passes "... and a third" add_key till-9 a4 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
passes "... and one of RSA" add_key rsa a3 -algorithm RSA
# the last 65 bytes of the public key are its point
point=$(openssl pkey -in till-7.pem -pubout -outform DER 2>/dev/null | tail -c 65 | od -An -tx1 | tr -d ' \n')
chmod -R a+rwX tokens
[ "$(id -u)" != 0 ] || chown -R 65533:65533 tokens pin

# ---- a server that may ask it ----

export TALLY_ACCESS_PKCS11_MODULES=$module TALLY_ACCESS_PKCS11_PIN_FILE=$dir/pin
start_server "$dir/store" --driver "$driver" || { skip "keys on tokens" "there is no lighttpd"; finish; }
ledger=$("$TALLY" call CreateLedger LedgerName=tokens LedgerType=JOURNAL | json LedgerId)
member=$("$TALLY" call GetMember LedgerId="$ledger" | json MemberId)
update() {	# KMSKeyId [name=value...]
	local id=$1
	shift
	"$TALLY" call UpdateMemberKeyByKMS LedgerId="$ledger" MemberId="$member" KMSKeyId="$id" "$@" 2>&1
}
refuses "without the owner's consent" "GrantServiceLinkedRole" update "pkcs11:token=till%20token;object=till-7"
"$TALLY" call GrantServiceLinkedRole LedgerId="$ledger" >/dev/null
passes "a key on a token becomes a member's" update "pkcs11:token=till%20token;object=till-7;type=public" \
	KeyType=SECP256R1
"$TALLY" call GetMember LedgerId="$ledger" >member.json
same "... the one that is there" "$(json PublicKey <member.json)" "$point"
same "... of its kind" "$(json KeyType <member.json)" SECP256R1
same "... and its place is told" "$(json KeySource <member.json) $(json KMSKeyId <member.json)" \
	"KMS pkcs11:token=till%20token;object=till-7;type=public"
count=$("$TALLY" call StatLedger LedgerId="$ledger" | json JournalCount)
for refused in "pkcs11:object=till-0=ResourceNotFound" "pkcs11:token=other;object=till-8=ResourceNotFound" \
	"pkcs11:token=till%20token;type=public=than one public key" "pkcs11:token=till%20token;object=rsa=of a kind" \
	"pkcs11:object=till-8?module-path=/tmp/x.so=has a query" "pkcs11:object=till-8?pin-value=4711=has a query" \
	"pkcs11:object=%=malformed" "pkcs11:id=%A2;type=private=another type"; do
	refuses "refused: ${refused%=*}" "${refused##*=}" update "${refused%=*}"
done
refuses "refused: a version" "KMSKeyVersion" update "pkcs11:object=till-8" KMSKeyVersion=2
refuses "refused: of another kind than asked" "KeyType" update "pkcs11:object=till-8" KeyType=SM2
same "... which changed nothing" "$("$TALLY" call StatLedger LedgerId="$ledger" | json JournalCount)" "$count"
passes "by its id" update "pkcs11:id=%A2"
same "... that one" "$("$TALLY" call GetMember LedgerId="$ledger" | json KeyType)" SECP256K1
url=$("$TALLY" call UpdateMemberKeyByKMS LedgerId="$ledger" MemberId="$member" \
	KMSKeyId="pkcs11:token=till%20token;object=till-9" --print-url)
$as_user "$TALLY" serve --stop --store "$dir/store" >/dev/null 2>&1
# a CGI program loads the module, asks, and ends, all within one request
TALLY_STORE=$dir/store REQUEST_METHOD=GET QUERY_STRING=${url#*\?} REQUEST_URI="/?${url#*\?}" SCRIPT_NAME='' \
	GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 REMOTE_ADDR=127.0.0.1 $as_user "$TALLY_FCGI" \
	>cgi.out 2>cgi.err
same "as CGI: it ends well" $? 0
same "... and the key is taken" "$(head -n 1 cgi.out | tr -d '\r'; sed '1,/^\r*$/d' cgi.out | json Code)" "Status: 200 OK"
same "the PIN is in no log" "$(grep -rlE '4711' "$dir"/store.serve/*.log 2>/dev/null)" ""
passes "all of it is audited" $as_user "$TALLY" audit --store "$dir/store"
finish
