# Policies of accounts and of access keys, and temporary keys, by the command line and through a server.
. "$SOURCE/tests/cli/lib.sh"

driver=$(durable | head -n 1)
if [ -z "$driver" ] || ! start_server "$dir/served" --driver "$driver"; then
	skip "policies" "no durable driver, or no lighttpd"
	finish
fi
admin() { $as_user "$TALLY" "$@" --store "$dir/served"; }

# Uses a key, and the token of a temporary one, from what key create --json printed.
use() {	# file
	TALLY_ACCESS_KEY_ID=$(json AccessKeyId <"$1")
	TALLY_ACCESS_KEY_SECRET=$(json AccessKeySecret <"$1")
	TALLY_SECURITY_TOKEN=$(json SecurityToken <"$1" 2>/dev/null)
	export TALLY_ACCESS_KEY_ID TALLY_ACCESS_KEY_SECRET TALLY_SECURITY_TOKEN
}

first=$(json AliUid <init.json)
id=$("$TALLY" ledger create limits)
lines 3 | "$TALLY" append "$id" >/dev/null
umask 022
printf '{"Version":"1","Statement":[{"Effect":"Allow","Action":"ledgerdb:Append*","Resource":"acs:ledgerdb:*:%s:ledger/%s"}]}\n' \
	"$first" "$id" >append.json
printf '{"Version":"1","Statement":[{"Effect":"Allow","Action":"ledgerdb:Nothing","Resource":"*"}]}\n' >bad.json

# keys
admin key create --policy read-only --json >read.json 2>/dev/null
admin key create --policy "$dir/append.json" --json >append-key.json 2>/dev/null
refuses "a policy that is none" "Policy" admin key create --policy "$dir/bad.json"
refuses "no such file" "none\.json" admin key create --policy "$dir/none.json"
same "the list says what is limited" "$(admin key list | grep -c 'limited$')" 2
same "... and how" "$(admin key list --json | grep -c 'ledgerdb:Append')" 1
use read.json
passes "a read-only key reads" "$TALLY" get "$id" 1
passes "... lists" "$TALLY" list "$id"
refuses "... appends nothing" "Forbidden.RAM" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
refuses "... deletes nothing" "Forbidden.RAM" "$TALLY" ledger delete "$id" --yes
use append-key.json
passes "a key that appends" "$TALLY" call AppendJournal LedgerId="$id" Payload=x --post
"$TALLY" call GetJournal LedgerId="$id" JournalId=1 >out 2>err
same "... reads nothing" "$(json Code <out)" Forbidden.RAM

# the account
use init.json
passes "an account is limited" admin account policy "$first" read-only
same "... is told" "$(admin account policy "$first" | grep -c '"Allow"')" 1
passes "... reads" "$TALLY" get "$id" 1
refuses "... appends nothing" "Forbidden.RAM" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
use append-key.json
refuses "... nor does its key that may" "Forbidden.RAM" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
use init.json
refuses "a policy that is none changes nothing" "Policy" admin account policy "$first" "$dir/bad.json"
refuses "... as before" "Forbidden.RAM" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
refuses "an account that is none" "Account 4711 does not exist" admin account policy 4711 read-only
passes "the limits are taken away" admin account policy "$first" none
same "... nothing is told" "$(admin account policy "$first" 2>/dev/null)" ""
passes "... and it appends" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"

# temporary keys
parent=$(json AccessKeyId <init.json)
admin key create --temporary 1h --from "$parent" --json >hour.json 2>/dev/null
admin key create --temporary 90s --from "$parent" --policy read-only --json >reads.json 2>/dev/null
use hour.json
same "a temporary key" "${TALLY_ACCESS_KEY_ID%%.*}" STS
passes "... appends" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
token=$TALLY_SECURITY_TOKEN
TALLY_SECURITY_TOKEN=
refuses "... not without its token" "MissingSecurityToken" "$TALLY" get "$id" 1
TALLY_SECURITY_TOKEN=$(json SecurityToken <reads.json)
refuses "... not with another's" "InvalidSecurityToken.Malformed" "$TALLY" get "$id" 1
use reads.json
passes "one that reads" "$TALLY" get "$id" 1
refuses "... and no more" "Forbidden.RAM" bash -c 'echo x | "$0" append "$1"' "$TALLY" "$id"
refuses "too short a time" "DurationSeconds" admin key create --temporary 5s --from "$parent"
refuses "too long a time" "DurationSeconds" admin key create --temporary 13h --from "$parent"
refuses "no time" "30m or 12h, not soon" admin key create --temporary soon --from "$parent"
refuses "--from alone" "goes with --temporary" admin key create --from "$parent"
refuses "a key that is none" "AccessKey LTAInone does not exist" admin key create --temporary 1h --from LTAInone
same "the first active key, if none is named" "$(admin key create --temporary 1h 2>/dev/null | grep -c '^security token  *[A-Za-z0-9+/=]*$')" 1
passes "its key is disabled" admin key disable "$parent"
refuses "... it ends with it" "InvalidAccessKeyId.Inactive" "$TALLY" get "$id" 1
passes "... enabled" admin key enable "$parent"
passes "... and goes on" "$TALLY" get "$id" 1
cat "$dir"/served.serve/*.log >logged
same "what was made is logged" "$(grep -c "key=$(json AccessKeyId <hour.json) from=$parent" logged)" 1
same "... without the token" "$(grep -cF "$token" logged)" 0
finish
