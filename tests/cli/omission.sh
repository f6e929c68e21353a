# A server that left a journal out of its clue, its answers as files: each of them verifies, and two of
# them convict it, to this program and to one that shares no code with it. An honest one is not convicted.
. "$SOURCE/tests/cli/lib.sh"

verify() { env -u TALLY_STORE -u TALLY_ENDPOINT "$TALLY" verify "$@" --vkey "$vkey"; }
another() { python3 "$SOURCE/tests/proof/verify_export.py" --vkey "$vkey" --convict "$@" 2>&1; }

passes "the answers are made" env TALLY_TEST_KEEP="$dir" "$MAKE_OMISSION"
for of in guilty absent honest; do
	vkey=$(cat $of.vkey)
	passes "$of: the state proof verifies" verify $of.state
	passes "$of: the journal's proof verifies" verify $of.proof
	status=3 word=CONVICTED json=true other=0 says=convicted
	[ $of != honest ] || status=0 word='the state proof does not leave it out' json=false other=1 says='not convicted'
	verify $of.proof --left-out-of $of.state >said
	same "$of: both together" $? $status
	same "$of: in words" "$(grep -c "$word" said)" 1
	verify $of.proof --left-out-of $of.state --json >said.json
	same "$of: as JSON" "$? $(json LeftOut <said.json)" "$status $json"
	said=$(another $of.state $of.proof)
	same "$of: another verifier" "$? $said" "$other $says"
done

# What is not signed convicts nobody.
vkey=$(cat guilty.vkey)
sed 's/"count":6/"count":5/' guilty.state >bad
refuses "journals of the clue that are not all" 'NOT VERIFIED' verify guilty.proof --left-out-of bad
refuses "the other verifier refuses it too" "a page of a lineage" another bad guilty.proof
sed 's/"journals":\[{[^}]*},/"journals":[/; s/"count":6/"count":5/' guilty.state >bad
refuses "a journal of the answer taken out" 'NOT VERIFIED' verify guilty.proof --left-out-of bad
refuses "the other verifier refuses that too" "the state proof" another bad guilty.proof
sed 's/case 7/case 8/' guilty.state >bad
refuses "another clue" 'NOT VERIFIED' verify guilty.proof --left-out-of bad
refuses "a proof file for a state proof" 'NOT VERIFIED' verify guilty.proof --left-out-of guilty.proof
refuses "a state proof file for the journal's" 'left-out-of' verify guilty.state --left-out-of guilty.state
refuses "a hash for a leaf" 'leaf' verify guilty.proof --left-out-of guilty.state \
	--journal-hash 0000000000000000000000000000000000000000000000000000000000000000
finish
