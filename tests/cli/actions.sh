# The documents that are made from the rows of actions: each action is in each of them, the page needs
# nothing beside itself, the manual page is well formed, and every example runs as it is printed.
. "$SOURCE/tests/cli/lib.sh"

"$TALLY" actions --json >actions.json
names=$(sed 's/},{/\n/g' actions.json | grep -o '"name":"[A-Z][A-Za-z]*","family"' | cut -d'"' -f4)
count=$(printf '%s\n' "$names" | wc -l)
[ "$count" -gt 40 ] || not_ok "the actions are listed" "$count"
"$TALLY" actions --html >page.html
"$TALLY" actions --man >tally-actions.7
missing=
for name in $names; do
	grep -q "<section id=\"$name\">" page.html && grep -q "<a href=\"#$name\">" page.html &&
		grep -q "^\.Ss $name\$" tally-actions.7 || missing="$missing $name"
done
same "every action is in the page and in the manual page" "$missing" ""
same "every action has its parts in the page" \
	"$(grep -c '<h4>Example</h4>' page.html) $(grep -c '<h4>Errors</h4>' page.html) $(grep -c '<summary>Reply</summary>' page.html)" \
	"$count $count $count"
if grep -qE '<script|<link|<img|src=|@import|url\(|https?://' page.html; then
	not_ok "the page needs nothing beside itself" "$(grep -oE '<script|<link|<img|src=|@import|url\(|https?://' page.html | head -n 1)"
else
	ok "the page needs nothing beside itself"
fi
grep -q 'name=viewport content="width=device-width' page.html && ok "the page fits a phone" ||
	not_ok "the page fits a phone" "it has no viewport"
if command -v python3 >/dev/null; then
	cat >closed.py <<-'END'
		import sys
		from html.parser import HTMLParser
		class Check(HTMLParser):
		    stack = []
		    def handle_starttag(self, tag, attributes):
		        if tag not in ("meta", "br"):
		            self.stack.append(tag)
		    def handle_endtag(self, tag):
		        if self.stack.pop() != tag:
		            sys.exit("%s at %s" % (tag, self.getpos()))
		check = Check()
		check.feed(open(sys.argv[1]).read())
		check.close()
		sys.exit(bool(check.stack))
	END
	passes "the page's elements are closed in their order" python3 -B closed.py page.html
	sed '0,/<\/dl>/s///' page.html >open.html
	refuses "... and the test of that can fail" "at " python3 -B closed.py open.html
fi
if command -v mandoc >/dev/null; then
	same "tally-actions(7) is clean" \
		"$(mandoc -T lint -W style tally-actions.7 2>&1 | grep -vE 'referenced manual not found|mandoc.db')" ""
else
	skip "tally-actions(7) is clean" "there is no mandoc"
fi
refuses "one document at a time" "one of --json" "$TALLY" actions --json --html

# ---- every example ----

driver=$(durable | head -n 1)
[ -n "$driver" ] && command -v python3 >/dev/null && command -v curl >/dev/null || {
	skip "every example" "no durable driver, python3 or curl"
	finish
}
mkfifo url.fifo
"$TALLY" tsa init ca >/dev/null 2>&1
"$TALLY" tsa serve ca --listen 127.0.0.1:0 >url.fifo 2>/dev/null &
children="$children $!"
read -rt 60 TALLY_TIME_AUTHORITIES <url.fifo
export TALLY_TIME_AUTHORITIES TALLY_TIME_CA_FILE=$dir/ca/ca.pem
# names that the examples of reaching a ledger and of a key store have
mkdir -p keystore && cat >keystore/till-7.pem <<'END'
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
END
export TALLY_ACCESS_KEY_STORE=$dir/keystore
export TALLY_ACCESS_LISTENERS="vpc-office/vsw-1=127.0.0.1:$(perl -MIO::Socket::INET -e \
	'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:0")->sockport')"
start_server "$dir/store" --driver "$driver" || { skip "every example" "there is no lighttpd"; finish; }
mkdir bin backups && ln -s "$TALLY" bin/tally
[ -z "$as_user" ] || chown 65533:65533 backups
PATH=$dir/bin:$PATH TALLY_STORE=$dir/store EXAMPLES_BACKUPS=$dir/backups \
	python3 -B "$SOURCE/tests/cli/examples.py" actions.json || tap_failed=1
finish
