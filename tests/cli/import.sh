# Journals from elsewhere: lines with fields, and other ledgers' exports.
. "$SOURCE/tests/cli/lib.sh"

payloads() { "$TALLY" export "$1" | tail -n +2 | sed -n 's/.*"payload":\(".*"\),"salt".*"type":"CUSTOM".*/\1/p'; }
clues() { "$TALLY" list "$1" --clue "$2" --type CUSTOM --json | json --lines; }
appended() { json Appended <out; }
present() { json Present <out; }

records() {	# from to
	local i
	for ((i = $1; i <= $2; i++)); do
		printf '{"id":"r%d","customer":{"name":"c%d","tags":["t%d","all"]},"n":%d,"text":"note %d","ok":true}\n' \
			$i $((i % 3)) $((i % 2)) $i $i
	done
}

whole_lines() {
	local id
	id=$("$TALLY" ledger create whole)
	records 1 500 >lines.ndjson
	"$TALLY" import ndjson "$id" lines.ndjson --clue imported --json >out
	same "lines as they stand" "$(appended) $(present)" "500 0"
	"$TALLY" export "$id" | sed -n 's/.*"payload":"\(.*\)","salt".*/\1/p' | sed 's/\\"/"/g' >got
	cmp -s got lines.ndjson && ok "... each once, in order" || not_ok "... each once, in order" "$(wc -l <got)"
	same "... under the clue" "$(clues "$id" imported)" 500
	"$TALLY" import ndjson "$id" lines.ndjson --clue imported --json >out
	same "run again nothing is appended" "$(appended) $(present)" "0 500"
	records 1 510 >lines.ndjson
	"$TALLY" import ndjson "$id" lines.ndjson --clue imported --json >out
	same "a file that grew: what is new" "$(appended) $(present)" "10 500"
	printf 'not JSON, \377\n' | "$TALLY" import ndjson "$id" --json >out
	same "a whole line may be anything" "$(appended)" 1
}

fields() {
	local id
	id=$("$TALLY" ledger create fields)
	records 1 60 >f.ndjson
	"$TALLY" import ndjson "$id" f.ndjson --id-field id --payload-field text --clue-field /customer/name \
		--clue-field /customer/tags --clue-field absent --clue-field n --batch 7 --json >out
	same "fields" "$(appended)" 60
	same "... payloads" "$(payloads "$id" | head -n 2 | tr '\n' ' ')" '"note 1" "note 2" '
	same "... clues: a member of a member, a list, a number" \
		"$(clues "$id" c1) $(clues "$id" t0) $(clues "$id" all) $(clues "$id" 7)" "20 30 60 1"
	# other file, other place, other order: the same ids
	{ records 61 62; tac f.ndjson; } >g.ndjson
	"$TALLY" import ndjson "$id" g.ndjson --id-field id --payload-field text --clue-field /customer/name \
		--clue-field /customer/tags --clue-field n --json >out
	same "what has an id is known in any file" "$(appended) $(present)" "2 60"
	sed 's/note 9"/note nine"/' f.ndjson >h.ndjson
	refuses "one that has changed is refused" "h.ndjson line 9: .*IdempotentParameterMismatch" \
		"$TALLY" import ndjson "$id" h.ndjson --id-field id --payload-field text \
		--clue-field /customer/name --clue-field /customer/tags --clue-field n
	id=$("$TALLY" ledger create twice)
	{ records 1 3; records 1 3; } | "$TALLY" import ndjson "$id" --id-field id --json >out
	same "an id that comes twice is appended once" "$(appended) $(present)" "3 3"
	printf '%s\n' '{"a":{"x": [1, 2.50, null]}}' '{"a":17}' '{"a":false}' |
		"$TALLY" import ndjson "$id" --payload-field a >/dev/null
	same "a field that is no text is JSON" "$(payloads "$id" | tail -n 3 | tr '\n' ' ')" \
		'"{\"x\":[1,2.50,null]}" "17" "false" '
}

refused_line() {	# name pattern line option...
	local name=$1 pattern=$2 before
	printf '%s\n' "$3" >bad.ndjson
	shift 3
	before=$("$TALLY" ledger show "$bad" --json | json JournalCount)
	refuses "$name" "$pattern" "$TALLY" import ndjson "$bad" bad.ndjson "$@"
	same "... and nothing is appended" "$("$TALLY" ledger show "$bad" --json | json JournalCount)" "$before"
}

bad_lines() {
	local many
	bad=$("$TALLY" ledger create bad)
	refused_line "a line that is no JSON" "bad.ndjson line 1: no JSON object" '{"a":' --payload-field a
	refused_line "JSON with something behind it" "line 1: no JSON object" '{"a":1} x' --payload-field a
	refused_line "a line that is no object" "line 1: no JSON object" '[1]' --id-field a
	refused_line "a line that is no UTF-8" "line 1: no JSON object" "$(printf '{"a":"\377"}')" --id-field a
	refused_line "a record without the payload's field" "line 1: b: the record has no such" '{"a":1}' --payload-field b
	refused_line "a record without an id" "line 1: b: the record has no id" '{"a":1}' --id-field b
	refused_line "an id that is none" "line 1: a: the record has no id" '{"a":{}}' --id-field a
	refused_line "an id that is empty" "line 1: a: the record has no id" '{"a":""}' --id-field a
	refused_line "a number that cannot be held" "line 1: a: " '{"a":123456789012345678901234567890}' --id-field a
	refused_line "a clue that is an object" "line 1: a: it is no text" '{"a":{}}' --clue-field a
	refused_line "a list of lists" "line 1: a: it is no text" '{"a":[[1]]}' --clue-field a
	refused_line "a clue that is too long" "line 1: .*Clues" "{\"a\":\"$(printf '%0200d' 0)\"}" --clue-field a
	many=$(seq -s, 1 33)
	refused_line "too many clues" "line 1: a: that makes more than 32" "{\"a\":[$many]}" --clue-field a
	refuses "both kinds of payload" "not both" "$TALLY" import ndjson "$bad" bad.ndjson --whole-line --payload-field a
	refuses "a file that is not there" "none.ndjson: " "$TALLY" import ndjson "$bad" none.ndjson
	refuses "a ledger that is not there" "ResourceNotFound" \
		"$TALLY" import ndjson l-0123456789abcdef012345678 lines.ndjson
}

# Killed in the middle: its pipe has stopped there.
interrupted() {
	local id pid killed=0 before
	id=$("$TALLY" ledger create interrupted)
	records 1 20000 >many.ndjson
	mkfifo pipe
	"$TALLY" import ndjson "$id" --id-field id --batch 100 <pipe >/dev/null 2>&1 &
	pid=$!
	exec 8>pipe
	head -n 7777 many.ndjson >&8
	kill -KILL $pid && killed=1
	wait $pid 2>/dev/null
	exec 8>&-
	same "an import is killed while it appends" $killed 1
	before=$("$TALLY" list "$id" --type CUSTOM --json | json --lines)
	"$TALLY" import ndjson "$id" many.ndjson --id-field id --json >out
	same "run again, the rest is appended" "$(appended) $(present)" "$((20000 - before)) $before"
	same "... each once" "$("$TALLY" list "$id" --type CUSTOM --json | json --lines)" 20000
}

# ---- exports ----

an_export() {
	local to vkey size at
	eval "$(TALLY_STORE=$dir/rich "$MAKE_RICH" "$driver" "$dir/rich")"
	for ledger in $plain $keys $erased; do
		"$TALLY" export "$ledger" -o "$ledger.export" --store "$dir/rich" >/dev/null
	done
	vkey=$("$TALLY" ledger vkey "$plain" --store "$dir/rich")

	to=$("$TALLY" ledger create imported)
	"$TALLY" import ledger "$to" "$plain.export" --vkey "$vkey" --json >out 2>err
	same "an export into a new ledger" "$(appended)" $((1 + $(grep -c '"type":"CUSTOM"' "$plain.export")))
	same "... what it is of stands first" "$("$TALLY" get "$to" 1 --payload |
		json ledgerId) $("$TALLY" get "$to" 1 --payload | json sha256)" \
		"$plain $(sha256sum <"$plain.export" | cut -d' ' -f1)"
	same "... with the checkpoint" "$("$TALLY" get "$to" 1 --payload | json verifierKey)" "$vkey"
	"$TALLY" export "$to" >again
	grep '"type":"CUSTOM"' again | sed 1d >moved
	grep '"type":"CUSTOM"' "$plain.export" >origin
	same "... payloads in order" "$(sed 's/.*"\(payload[a-zA-Z0-9]*":".*\)","salt".*/\1/' moved | sha256sum)" \
		"$(sed 's/.*"\(payload[a-zA-Z0-9]*":".*\)","salt".*/\1/' origin | sha256sum)"
	same "... clues" "$(grep -o '^{"clues":\[[^]]*\]' moved | sha256sum)" \
		"$(grep -o '^{"clues":\[[^]]*\]' origin | sha256sum)"
	same "... and each says which it was" "$("$TALLY" get "$to" 2 --json | json ClientId)" \
		"$plain/$(head -n 1 origin | sed 's/.*"journalId":\([0-9]*\).*/\1/')"
	"$TALLY" import ledger "$to" "$plain.export" --json >out 2>err
	same "run again nothing is appended" "$(appended)" 0
	grep -q "the key that the file itself names" err && ok "without --vkey it says so" ||
		not_ok "without --vkey it says so" "$(cat err)"

	to=$("$TALLY" ledger create keys --type kv)
	passes "an export of keys and values" "$TALLY" import ledger "$to" "$keys.export"
	same "... there is one" "$("$TALLY" kv get "$to" k1 | wc -c | sed 's/^[1-9].*/some/')" some
	for key in k1 k2 k3 k4 k5; do
		same "... $key" "$("$TALLY" kv get "$to" $key 2>/dev/null)" \
			"$("$TALLY" kv get "$keys" $key --store "$dir/rich" 2>/dev/null)"
	done
	"$TALLY" import ledger "$to" "$keys.export" --json >out 2>/dev/null
	same "... and again" "$(appended)" 0

	to=$("$TALLY" ledger create erased)
	"$TALLY" import ledger "$to" "$erased.export" --json >out 2>err
	same "of what was removed nothing comes" "$(appended)" \
		$((1 + $(grep '"type":"CUSTOM"' "$erased.export" | grep -vc '"removed":true')))
	grep -q "[1-9][0-9]* had no payload" err && ok "... and it says so" || not_ok "... and it says so" "$(cat err)"

	# nothing is written before the whole file was verified
	to=$("$TALLY" ledger create none)
	size=$(wc -c <"$plain.export")
	for at in 300 $((size / 2)) $((size - 5)); do
		cp "$plain.export" turned
		change_byte turned "$at"
		refuses "byte $at is turned" "turned line [0-9]*: " "$TALLY" import ledger "$to" turned
	done
	sed '$d' "$plain.export" >short
	refuses "its last line is missing" "journals are missing" "$TALLY" import ledger "$to" short
	refuses "another log's key" "verifierKey" "$TALLY" import ledger "$to" "$plain.export" \
		--vkey "$("$TALLY" ledger vkey "$keys" --store "$dir/rich")"
	refuses "a file that is no export" "line 1: format" "$TALLY" import ledger "$to" lines.ndjson
	refuses "an empty file" "missing" "$TALLY" import ledger "$to" /dev/null
	refuses "standard input" "read twice" "$TALLY" import ledger "$to" -
	same "nothing of all that was written" "$("$TALLY" ledger show "$to" --json | json JournalCount)" 1
}

# ---- journals of QLDB ----

make_qldb() { python3 -B "$SOURCE/tests/proof/make_qldb.py" "$@"; }

# Of a copy that was changed nothing is imported, and it is said which block it is.
refused_export() {	# name pattern [option...]
	local name=$1 pattern=$2
	shift 2
	refuses "$name" "$pattern" "$TALLY" import qldb "$none" changed "$@"
	rm -rf changed && cp -r text changed
}

a_qldb_export() {
	local form to data revision
	command -v python3 >/dev/null || { skip "exports of QLDB" "there is no python3"; return; }
	make_qldb text
	make_qldb binary binary
	make_qldb later binary from=7
	for form in text binary; do
		to=$("$TALLY" ledger create "$form")
		"$TALLY" import qldb "$to" $form --digest $form/digest.ion.txt --json >out 2>err
		same "QLDB, Ion $form: each revision of a document" "$(appended)" $((1 + $(json revisions <$form/facts.json)))
		grep -q "hold together and have the digest; $(json revisions <$form/facts.json) revisions of documents, $(json redacted <$form/facts.json) of them redacted; $(json internal <$form/facts.json) of" err &&
			ok "... what it found is said" || not_ok "... what it found is said" "$(cat err)"
		same "... what it is of stands first" "$("$TALLY" get "$to" 1 --payload | json blockHash)" "$(json tip <$form/facts.json)"
		same "... by table" "$(clues "$to" Person)" "$(json Person <$form/facts.json)"
		for revision in 0 5 6 20; do
			same "... revision $revision has its hash" "$("$TALLY" get "$to" $((revision + 2)) --payload | json hash)" \
				"$(json hashes $revision <$form/facts.json)"
		done
		"$TALLY" import qldb "$to" $form --digest $form/digest.ion.txt --json >out 2>err
		same "... run again nothing is appended" "$(appended)" 0
		"$TALLY" export "$to" | grep '"type":"CUSTOM"' | sed 1d | sed 's/.*"payload":\(.*\),"salt".*/\1/' >$form.payloads
		"$TALLY" export "$to" | sed -n 's/^{"clues":\(\[[^]]*\]\).*/\1/p' >$form.clues
	done
	cmp -s text.payloads binary.payloads && cmp -s text.clues binary.clues &&
		ok "... text and binary make the same journals" || not_ok "... text and binary make the same journals" "they differ"
	same "... with the clues of table and document" "$(sed -n 2p text.clues)" '["VehicleRegistration","D000000000000000000000"]'
	to=$("$TALLY" ledger create later)
	passes "an export that begins later" "$TALLY" import qldb "$to" later --digest later/tip.json
	refuses "... has no digest of the whole" "does not begin with block 0" "$TALLY" import qldb "$to" later --digest later/digest.json

	none=$("$TALLY" ledger create none)
	data=prefix/2019/10/25/17/JdxjkR9bSYB5jMHWcI464T
	cp -r text changed
	sed -i '0,/Zoë/s//Zoé/' changed/$data.0-7.ion
	refused_export "a document that was changed" "0-7.ion: block 1: the revision of document D0* is not what its hash"
	sed -i '0,/version:0/s//version:3/' changed/$data.0-7.ion
	refused_export "metadata that was changed" "block 1: the revision of document"
	sed -i '0,/INSERT/s//UPSERT/' changed/$data.8-15.ion
	refused_export "a statement that was changed" "8-15.ion: block 8: its transactionInfo"
	sed -i 4d changed/$data.0-7.ion
	refused_export "a block that was left out" "block 4: it stands where 3 should"
	sed -i '3,4{h;d};5{G}' changed/$data.0-7.ion
	refused_export "blocks in another order" "it stands where"
	sed -i "3s/blockHash:{{[^}]*}}/blockHash:{{$(json tip <text/facts.json)}}/" changed/$data.0-7.ion
	refused_export "another hash of a block" "block 2: blockHash"
	cp later/$data.7-14.ion changed/$data.8-15.ion
	refused_export "a file with blocks twice" "block 7: it stands where 8 should"
	sed -i '1,8{s/.*//}' changed/$data.8-15.ion
	refused_export "a file without blocks" "8-15.ion: there is no block"
	rm changed/$data.16-22.ion
	refused_export "a file that is missing" "the file prefix/.*16-22.ion that it names is not there"
	rm changed/prefix/*.completed.manifest
	refused_export "no manifest" "there is no .*completed.manifest"
	cp changed/prefix/*.completed.manifest changed/other.completed.manifest
	refused_export "two manifests" "there are several exports"
	sed -i 's,prefix/2019,../text/prefix/2019,' changed/prefix/*.completed.manifest
	refused_export "a file outside of the directory" "that it names is not there"
	echo '{"keys":[]}' >"$(echo changed/prefix/*.completed.manifest)"
	refused_export "a manifest of nothing" "names no files"
	printf '{' >>changed/$data.16-22.ion
	refused_export "Ion that breaks off" "16-22.ion: Ion, byte"
	refused_export "another digest" "wrong.json: it is not the digest" --digest text/wrong.json
	refused_export "a digest beyond it" "beyond.ion: its tip is none" --digest text/beyond.ion
	refused_export "a digest that is none" "facts.json: it is no digest" --digest text/facts.json
	for at in 700 3000 9000 20000; do
		change_byte changed/$data.0-7.ion $at
		refused_export "byte $at is turned" "0-7.ion: "
	done
	refuses "a directory that is not there" "nowhere: " "$TALLY" import qldb "$none" nowhere
	same "nothing of all that was written" "$("$TALLY" ledger show "$none" --json | json JournalCount)" 1
	to=$("$TALLY" ledger create kv --type kv)
	refuses "a KV ledger takes none" "KV ledger" "$TALLY" import qldb "$to" text
}

[ "$(durable)" ] || { skip "imports" "no durable driver is built in"; finish; }
driver=$(durable | head -n 1)
export TALLY_STORE=$dir/store
"$TALLY" init --driver "$driver" >/dev/null 2>&1
whole_lines
fields
bad_lines
interrupted
an_export
a_qldb_export
finish
