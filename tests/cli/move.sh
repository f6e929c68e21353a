# Moving stores: dump and load between drivers keep every block, hash and journal; a backup taken
# while a server owns the store is restored; an index is rebuilt; damage and wrong input are named.
. "$SOURCE/tests/cli/lib.sh"

fill() {	# a store with two ledgers, in TALLY_STORE
	local id
	"$TALLY" init --driver "$1" >/dev/null 2>&1
	id=$("$TALLY" ledger create first --public-read on)
	lines 3000 | "$TALLY" append "$id" --batch 300 --clue c >/dev/null
	printf '%s\n' "$id" >id
	id=$("$TALLY" ledger create second)
	# A deleted key leaves an erased secret in its block.
	"$TALLY" key delete "$("$TALLY" key create --json | json AccessKeyId)"
	head -c 2000000 /dev/urandom >large.bin
	"$TALLY" append "$id" large.bin "$SOURCE/README.md" >/dev/null
	# a block that comes in parts
	awk 'BEGIN { for (i = 0; i < 10000; i++) printf "{\"%0360d\":1}\n", i }' |
		"$TALLY" append "$id" --batch 10000 >/dev/null
}

view() { "$TALLY" dump --journals --store "$1"; }

move() {	# from to
	local from=$dir/$1 to=$dir/$1-to-$2 id
	id=$(cat $1.id)
	passes "$1 to $2: dump | load" bash -o pipefail -c \
		"'$TALLY' dump --store '$from' | '$TALLY' load --store '$to' --driver $2 --key-file '$from.key'"
	"$TALLY" dump --store "$to" | cmp -s - $1.dump && ok "$1 to $2: every block is the same" ||
		not_ok "$1 to $2: every block is the same"
	view "$to" | cmp -s - $1.view && ok "$1 to $2: every leaf, hash and payload is the same" ||
		not_ok "$1 to $2: every leaf, hash and payload is the same"
	same "$1 to $2: the root is the same" "$("$TALLY" ledger show "$id" --store "$to" --json | json RootHash)" \
		"$("$TALLY" ledger show "$id" --store "$from" --json | json RootHash)"
	same "$1 to $2: found by clue" "$("$TALLY" list "$id" --clue c --json --store "$to" | wc -l)" 3000
	same "$1 to $2: it can be appended to" \
		"$(echo more | "$TALLY" append "$id" --store "$to")" "1 appended; journals 3001 to 3001"
}

keep() {	# driver
	local id copy
	id=$(cat $1.id)
	export TALLY_STORE=$dir/$1
	passes "$1: rebuild" "$TALLY" rebuild
	view "$TALLY_STORE" | cmp -s - $1.view && ok "$1: nothing is lost" || not_ok "$1: nothing is lost"
	same "$1: found by clue" "$("$TALLY" list "$id" --clue c --json | wc -l)" 3000

	start_owner || not_ok "$1: an owner starts" "see above"
	passes "$1: backup while a server owns it" "$TALLY" backup $1.backup --with-keys
	"$TALLY" append "$id" "$SOURCE/LICENSE" >/dev/null
	refuses "$1: not over an earlier backup" "exists|already" "$TALLY" backup $1.backup
	stop_owner
	copy=$dir/$1-restored
	passes "$1: restore" "$TALLY" restore $1.backup --store "$copy"
	same "$1: the key file is restored" "$(cmp "$copy.key" "$TALLY_STORE.key" && stat -c %a "$copy.key")" 600
	view "$copy" | cmp -s - $1.view && ok "$1: as it was when it was backed up" ||
		not_ok "$1: as it was when it was backed up"
	refuses "$1: restore never overwrites" "restore only where nothing is" "$TALLY" restore $1.backup \
		--store "$copy"
	passes "$1: doctor --deep on the copy" "$TALLY" doctor --deep --store "$copy"
	passes "$1: doctor --deep on the original" "$TALLY" doctor --deep
	"$TALLY" backup $1.without >/dev/null 2>&1
	refuses "$1: a backup without keys says where the key file belongs" "key file" \
		"$TALLY" restore $1.without --store "$dir/$1-keyless"
	[ ! -e "$dir/$1-keyless" ] && ok "$1: ... and leaves nothing" || not_ok "$1: ... and leaves nothing"
}

refuse_bad_dumps() {	# driver
	local load="'$TALLY' load --driver $1 --key-file '$dir/$1.key'"
	local line		# of a block in the middle of a ledger that is large enough
	line=$(grep -n '"block":4,' $1.dump | grep -v '"system"' | head -n 1 | cut -d: -f1)
	refuses "no key file" "key file" "$TALLY" load --store bad0 --driver $1 $1.dump
	sed "${line}s/\"data\":\"\(.\{2000\}\)./\"data\":\"\1_/" $1.dump >bad1.dump
	refuses "not base64" "line $line: .*base64" bash -c "$load --store bad1 bad1.dump"
	sed "${line}d" $1.dump >bad2.dump
	refuses "a block is missing" "line $line: " bash -c "$load --store bad2 bad2.dump"
	head -c -20 $1.dump >bad3.dump
	refuses "the end is missing" "cut off" bash -c "$load --store bad3 bad3.dump"
	# one bit of a payload
	awk -v FS='"data":"' -v line=$line 'NR == line { c = substr($2, 3000, 1); d = c == "A" ? "B" : "A";
		print $1 FS substr($2, 1, 2999) d substr($2, 3001); next } { print }' $1.dump >bad4.dump
	refuses "a byte that changed" "line $line: " bash -c "$load --store bad4 bad4.dump"
	refuses "a dump for reading" "line 1: not a block" bash -c "$load --store bad5 $1.view"
}

[ "$(durable)" ] || skip "moving stores" "no durable driver is built in"
for driver in $(durable); do
	export TALLY_STORE=$dir/$driver
	fill "$driver"
	mv id $driver.id
	"$TALLY" dump >$driver.dump
	view "$TALLY_STORE" >$driver.view
	same "$driver: a block is larger than one answer" "$(awk 'length > 5900000' $driver.dump | wc -l)" 1
	same "$driver: dump is NDJSON" "$(json --lines <$driver.dump)" "$(wc -l <$driver.dump)"
	same "$driver: dump --journals is NDJSON" "$(json --lines <$driver.view)" "$(wc -l <$driver.view)"
done
for driver in $(durable); do
	for other in $(durable); do
		move "$driver" "$other"
	done
	keep "$driver"
done
for driver in $(durable); do
	refuse_bad_dumps "$driver"
	break
done
finish
