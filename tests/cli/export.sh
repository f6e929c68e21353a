# Exports: whole and in ranges, from a store and from a server, gone on with where they broke off. A
# verifier that shares nothing with tally (tests/proof/verify_lines.py) checks them line by line, and
# finds every byte that was turned.
. "$SOURCE/tests/cli/lib.sh"

command -v python3 >/dev/null || { skip "exports" "there is no python3"; finish; }
verify() { python3 -B "$SOURCE/tests/proof/verify_lines.py" "$@"; }

# A store with something of everything: members that sign, keys and values, anchors, evidence of both
# forms, payloads that were removed.
everything() {	# driver
	local ledger
	export TALLY_STORE=$dir/rich-$1
	eval "$("$MAKE_RICH" "$1" "$TALLY_STORE")"
	for ledger in "$plain" "$strict" "$keys" "$erased"; do
		passes "$1: an export of everything" "$TALLY" export "$ledger" -o "$1-$ledger"
		passes "$1: ... verifies line by line" verify "$1-$ledger" \
			--vkey "$("$TALLY" ledger vkey "$ledger")"
		same "$1: ... and has each journal" "$(tail -n +2 "$1-$ledger" | wc -l)" \
			"$("$TALLY" ledger show "$ledger" --json | json JournalCount)"
	done
	same "$1: payloads are those of the ledger" \
		"$(sed -n 's/.*"payload":"\([^"\\]*\)".*"salt".*"type":"CUSTOM".*/\1/p' "$1-$plain" | sort)" \
		"$("$TALLY" list "$plain" --type CUSTOM --json | sed -n 's/.*"PayloadJsonString":"\([^"\\]*\)".*/\1/p' | sort)"
	if grep -q '"removed":true' "$1-$erased" && ! grep -q '"removed":true' "$1-$plain"; then
		ok "$1: what was removed says so"
	else
		not_ok "$1: what was removed says so" "$(grep -c '"removed":true' "$1-$erased") lines"
	fi
}

turned() {	# file
	local seed=${TALLY_TEST_SEED:-$RANDOM}
	printf '# seed %s\n' "$seed"
	if turned=$(python3 -B "$SOURCE/tests/proof/flip_lines.py" "$seed" "$1"); then
		same "no byte of a journal can be turned" "$turned" "$(tail -n +2 "$1" | wc -c)"
	else
		not_ok "no byte of a journal can be turned" "$turned"
	fi
	head -n 1 "$1" >first
	sed -n 2p "$1" >second
	sed 's/"to":[0-9]*/"to":0/' first | cat - second >one
	passes "a file of one journal verifies" verify one
	changed_nowhere_verifies "no byte of it can be changed" one verify
	sed 2d "$1" >without
	refuses "a line that is left out is found" "NOT VERIFIED: line 2: journalId" verify without
	sed '$d' "$1" >short
	refuses "... also the last" "NOT VERIFIED: .* lines are missing" verify short
	refuses "another log's key is not this one's" "NOT VERIFIED: line 1: verifierKey" \
		verify --vkey "tallystick.invalid/x+00000000+AQ==" "$1"
	passes "one line is enough, with the first" verify --line 3 "$1"
}

# Where it broke off, it goes on: with the tree that it began with.
going_on() {
	local size at
	export TALLY_STORE=$dir/store
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	ledger=$("$TALLY" ledger create going-on)
	{ lines 700; printf 'no \377 text\n'; } | "$TALLY" append "$ledger" --lines --clue 'a "clue"' >/dev/null
	passes "$1: an export" "$TALLY" export "$ledger" -o whole
	size=$(wc -c <whole)
	echo more | "$TALLY" append "$ledger" >/dev/null
	for at in 0 5 200 "$(head -n 1 whole | wc -c)" $((size / 3)) $((size - 1)); do
		head -c "$at" whole >part
		[ "$at" -gt 200 ] || { cp part begun; continue; }
		passes "$1: cut off after $at of $size bytes, it goes on" "$TALLY" export "$ledger" -o part
		cmp -s whole part && ok "$1: ... to the same end" || not_ok "$1: ... to the same end" "it differs"
	done
	passes "$1: without its first line it begins anew" "$TALLY" export "$ledger" -o begun
	same "$1: ... with the newest tree" "$(wc -l <begun)" $(($(wc -l <whole) + 1))
	same "$1: a whole one is left as it is" \
		"$("$TALLY" export "$ledger" -o whole --json | json Present)" 702
	passes "$1: a range" "$TALLY" export "$ledger" --from 300 --to 310 -o range
	passes "$1: ... verifies" verify range
	same "$1: ... and has its journals" "$(tail -n +2 range | wc -l)" 11
	same "$1: to standard output" "$("$TALLY" export "$ledger" --from 300 --to 310 | tail -n +2 | wc -l)" 11
}

unchanged() {	# name pattern file word...
	local name=$1 pattern=$2 file=$3
	shift 3
	cp "$file" before
	refuses "$name" "$pattern" "$TALLY" export "$@" -o "$file"
	cmp -s before "$file" && ok "... and is as it was" || not_ok "... and is as it was" "it changed"
}

bad_input() {
	local other
	other=$("$TALLY" ledger create other)
	unchanged "an export of another ledger is not gone on with" "is an export of the ledger" whole "$other"
	unchanged "nor with another range" "another range goes into another file" range "$ledger" --from 299
	echo '{"checkpoint":1}' >none
	unchanged "nor a file that is none" "no export that could be gone on with" none "$ledger"
	printf 'some text' >text
	unchanged "nor one without a line" "is no export" text "$ledger"
	sed '5s/"journalId":3/"journalId":4/' whole >changed
	unchanged "nor one in which something was changed" "journal 3: " changed "$ledger"
	{ cat range; tail -n 1 range; } >longer
	unchanged "nor one with a line too many" "more lines than its first says" longer "$ledger"
	refuses "a ledger that is not there" "ResourceNotFound" "$TALLY" export l-0123456789abcdef012345678 -o new
	refuses "journals that are not there" "--to is a number from 0 to" "$TALLY" export "$ledger" --to 99999 -o new
	refuses "a range that is none" "--to is a number from 7 to" "$TALLY" export "$ledger" --from 7 --to 6 -o new
	refuses "a cosigned tree where there is none" "cosigned" "$TALLY" export "$ledger" --cosigned -o new
	[ -e new ] && not_ok "nothing is made by what fails" "there is a file" || ok "nothing is made by what fails"
}

from_a_server() {
	local ledger
	unset TALLY_STORE
	start_server "$dir/served" || { skip "an export from a server" "there is no lighttpd"; return; }
	ledger=$("$TALLY" ledger create served)
	lines 600 | "$TALLY" append "$ledger" --lines >/dev/null
	passes "an export from a server" "$TALLY" export "$ledger" -o remote
	passes "... verifies" verify remote --vkey "$("$TALLY" ledger vkey "$ledger")"
	same "... and has each journal" "$(tail -n +2 remote | wc -l)" 601
	refuses "without a key there is none of a private ledger" "ResourceNotFound|Unauthorized|MissingParameter|MissingAccessKeyId" \
		env -u TALLY_ACCESS_KEY_ID -u TALLY_ACCESS_KEY_SECRET "$TALLY" export "$ledger" -o unsigned
}

[ "$(durable)" ] || { skip "exports" "no durable driver is built in"; finish; }
for driver in $(durable); do
	everything "$driver"
done
turned "$driver-$strict"
going_on "$driver"
bad_input
from_a_server
finish
