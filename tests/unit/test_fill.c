/* Requests from CGI variables: path below the mount point, headers, client, body. */
#include "config.h"

#include "arena.h"
#include "err.h"
#include "fill.h"
#include "tap.h"

static struct tally_arena arena;
static struct tally_gateway_settings settings;

/* A body that comes in pieces and may break off. */
struct stream {
	const char *data;
	size_t size, at, piece;
	bool breaks;
};

static long stream_read(void *ctx, void *data, size_t size)
{
	struct stream *stream = ctx;
	size_t left = stream->size - stream->at;

	if (left == 0)
		return stream->breaks ? -1 : 0;
	if (size > left)
		size = left;
	if (stream->piece > 0 && size > stream->piece)
		size = stream->piece;
	memcpy(data, stream->data + stream->at, size);
	stream->at += size;
	return (long)size;
}

static int fill(char *const *variables, struct stream *stream, bool is_cgi,
		struct tally_request *request, struct tally_err *err)
{
	struct stream nothing = { 0 };
	struct tally_body_source source = {
		stream_read, stream != NULL ? stream : &nothing, is_cgi
	};

	return tally_fill(&settings, variables, &source, &arena, request, err);
}

static struct tally_bytes header(const struct tally_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (tally_bytes_is(request->headers[i].name, name))
			return request->headers[i].value;
	return TALLY_BYTES_NONE;
}

static size_t header_times(const struct tally_request *request, const char *name)
{
	size_t times = 0;

	for (size_t i = 0; i < request->header_count; i++)
		times += tally_bytes_is(request->headers[i].name, name);
	return times;
}

static void paths_below_the_mount(void)
{
	static const struct {
		const char *uri, *script, *mount;
		bool is_cgi;
		const char *path, *query;
	} cases[] = {
		{ "/", "", NULL, false, "/", "" },
		{ "/?", "", NULL, false, "/", "" },
		{ "/?Action=X&a=b?c", "", NULL, false, "/", "Action=X&a=b?c" },
		{ "/log/a%2Fb//c%41?q=%41+", "", NULL, false, "/log/a%2Fb//c%41", "q=%41+" },
		{ "http://h.example:8/healthz?x", "", NULL, false, "/healthz", "x" },
		{ "http://h.example?x", "", NULL, false, "/", "x" },
		{ "http://h.example", "", NULL, false, "/", "" },
		/* FastCGI: SCRIPT_NAME is what the server makes of it, and says nothing ... */
		{ "/v1/env", "/v1/env", NULL, false, "/v1/env", "" },
		{ "/healthz", "/healthz", NULL, false, "/healthz", "" },
		/* ... but where it names a program. */
		{ "/l/tally.fcgi/healthz", "/l/tally.fcgi", NULL, false, "/healthz", "" },
		{ "/l/tally.fcgi?Action=A", "/l/tally.fcgi", NULL, false, "/", "Action=A" },
		/* A mount that was set wins. */
		{ "/ledger/?a=1", "/ledger", "/ledger", false, "/", "a=1" },
		{ "/ledger?a=1", "", "/ledger/", false, "/", "a=1" },
		{ "/ledger/v1/x", "/x", "/ledger", false, "/v1/x", "" },
		{ "/%6Cedger/v1/x", "", "/ledger", false, "/v1/x", "" },
		{ "/ledgers/v1", "", "/ledger", false, "/ledgers/v1", "" },
		{ "/ledge", "", "/ledger", false, "/ledge", "" },
		{ "/healthz", "", "/ledger", false, "/healthz", "" },
		/* CGI: where the URL names us. */
		{ "/cgi-bin/tally.cgi/log/x", "/cgi-bin/tally.cgi", NULL, true, "/log/x", "" },
		{ "/cgi-bin/tally.cgi", "/cgi-bin/tally.cgi", NULL, true, "/", "" },
		{ "/my%20dir/t.cgi/h", "/my dir/t.cgi", NULL, true, "/h", "" },
		{ "/my%zdir/t.cgi/h", "/my%zdir/t.cgi", NULL, true, "/h", "" },
		{ "/led/v1/x", "/led", NULL, true, "/v1/x", "" },
		/* ... or, where a rewrite hides us, the folder we lie in. */
		{ "/~u/led/healthz", "/~u/led/tally.cgi", NULL, true, "/healthz", "" },
		{ "/~u/led/?Action=A", "/~u/led/tally.cgi", NULL, true, "/", "Action=A" },
		{ "/healthz", "/tally.cgi", NULL, true, "/healthz", "" },
		{ "/healthz", "", NULL, true, "/healthz", "" },
	};
	struct tally_request request;
	struct tally_err err;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char uri[200], script[200];
		char *variables[] = { uri, script, (char *)(uintptr_t)"REQUEST_METHOD=GET", NULL };

		CASE("%s at %s", cases[i].uri, cases[i].script);
		snprintf(uri, sizeof uri, "REQUEST_URI=%s", cases[i].uri);
		snprintf(script, sizeof script, "SCRIPT_NAME=%s", cases[i].script);
		settings.mount = cases[i].mount;
		CHECK_OK(fill(variables, NULL, cases[i].is_cgi, &request, &err));
		CHECK_BYTES(request.path, tally_bytes_str(cases[i].path));
		CHECK_BYTES(request.query, tally_bytes_str(cases[i].query));
	}
	settings.mount = NULL;
}

#define V(text) ((char *)(uintptr_t)(text))

static void refuses_without_a_uri(void)
{
	char *without[] = { V("REQUEST_METHOD=GET"), V("PATH_INFO=/healthz"), NULL };
	char *relative[] = { V("REQUEST_METHOD=OPTIONS"), V("REQUEST_URI=*"), NULL };
	struct tally_request request;
	struct tally_err err;

	CHECK_FAILS(fill(without, NULL, false, &request, &err), TALLY_INVALID);
	CHECK_FAILS(fill(without + 2, NULL, false, &request, &err), TALLY_INVALID);
	CHECK_FAILS(fill(relative, NULL, false, &request, &err), TALLY_INVALID);
	CHECK_BYTES(request.method, TALLY_BYTES_LIT("OPTIONS"));
}

static void takes_headers(void)
{
	char *variables[] = {
		V("REQUEST_METHOD=POST"), V("REQUEST_URI=/"), V("HTTP_X_ACS_ACTION= GetJournal "),
		V("HTTP_X_TWICE=a"), V("HTTP_X_TWICE=b"), V("HTTP_EMPTY="), V("PATH=/bin"),
		V("CONTENT_TYPE=text/plain"), V("HTTP_CONTENT_TYPE=text/html"),
		V("HTTP_TRANSFER_ENCODING=chunked"), V("HTTP_CONTENT_LENGTH=5"), V("CONTENT_LENGTH="),
		V("REDIRECT_HTTP_AUTHORIZATION=Bearer x"), V("NOEQUALS"), V("HTTP_=x"), NULL
	};
	struct tally_request request;
	struct tally_err err;

	CHECK_OK(fill(variables, NULL, false, &request, &err));
	CHECK_BYTES(header(&request, "x-acs-action"), TALLY_BYTES_LIT("GetJournal"));
	CHECK_INT(header_times(&request, "x-twice"), 2);
	CHECK_INT(header_times(&request, "empty"), 1);
	CHECK_BYTES(header(&request, "content-type"), TALLY_BYTES_LIT("text/plain"));
	CHECK_INT(header_times(&request, "content-type"), 1);
	CHECK_INT(header_times(&request, "content-length"), 0);
	CHECK_INT(header_times(&request, "transfer-encoding"), 0);
	CHECK_BYTES(header(&request, "authorization"), TALLY_BYTES_LIT("Bearer x"));
	CHECK_INT(request.header_count, 6);
	CHECK(!request.local && !request.again);
}

static void refuses_a_flood_of_headers(void)
{
	static char names[300][24];
	char *variables[302];
	struct tally_request request;
	struct tally_err err;

	variables[0] = V("REQUEST_URI=/");
	for (int i = 0; i < 300; i++) {
		snprintf(names[i], sizeof names[i], "HTTP_H%d=1", i);
		variables[i + 1] = names[i];
	}
	variables[301] = NULL;
	CHECK_FAILS(fill(variables, NULL, false, &request, &err), TALLY_INVALID);
}

static void finds_client_and_scheme(void)
{
	char *direct[] = { V("REQUEST_URI=/"), V("REMOTE_ADDR=192.0.2.7"), V("HTTPS=on"),
			   V("HTTP_X_FORWARDED_FOR=6.6.6.6"), NULL };
	char *proxied[] = { V("REQUEST_URI=/"), V("REMOTE_ADDR=127.0.0.1"),
			    V("HTTP_X_FORWARDED_FOR=6.6.6.6"), V("HTTP_X_FORWARDED_FOR=192.0.2.8"),
			    V("HTTP_X_FORWARDED_PROTO=https"), NULL };
	struct tally_request request;
	struct tally_err err;

	CHECK_OK(tally_trust_parse("127.0.0.1", &settings.trust, &err));
	CHECK_OK(fill(direct, NULL, false, &request, &err));
	CHECK_BYTES(request.client, TALLY_BYTES_LIT("192.0.2.7"));
	CHECK(request.https);
	CHECK_OK(fill(proxied, NULL, false, &request, &err));
	CHECK_BYTES(request.client, TALLY_BYTES_LIT("192.0.2.8"));
	CHECK(request.https);
	tally_trust_free(&settings.trust);
	CHECK_OK(fill(proxied, NULL, false, &request, &err));
	CHECK_BYTES(request.client, TALLY_BYTES_LIT("127.0.0.1"));
	CHECK(!request.https);
}

/* The web server's configuration says by which listener a request came; a header of that name is no
 * more than a header. */
static void finds_the_listener(void)
{
	char *public[] = { V("REQUEST_URI=/"), V("HTTP_TALLY_LISTENER=vpc-a/vsw-1"), NULL };
	char *private[] = { V("REQUEST_URI=/"), V("TALLY_LISTENER=vpc-a/vsw-1"),
			    V("HTTP_TALLY_LISTENER=other/x"), NULL };
	struct tally_request request;
	struct tally_err err;

	CHECK_OK(fill(public, NULL, false, &request, &err));
	CHECK_INT(request.listener.size, 0);
	CHECK_OK(fill(private, NULL, true, &request, &err));
	CHECK_BYTES(request.listener, TALLY_BYTES_LIT("vpc-a/vsw-1"));
}

static void reads_bodies(void)
{
	static const struct {
		const char *name, *length, *type, *encoding, *digest;
		size_t size;
		bool breaks, is_cgi;
		size_t want;
		bool too_large, is_short;
	} cases[] = {
		{ "known length", "50", "", "", "", 50, 0, 0, 50, 0, 0 },
		{ "no length", "", "", "", "", 50, 0, 0, 50, 0, 0 },
		{ "length of 0", "0", "", "", "", 0, 0, 0, 0, 0, 0 },
		{ "just the limit", "100", "", "", "", 100, 0, 0, 100, 0, 0 },
		{ "just the limit, no length", "", "", "", "", 100, 0, 0, 100, 0, 0 },
		{ "over the limit", "101", "", "", "", 101, 0, 0, 100, 1, 0 },
		{ "over the limit, no length", "", "", "", "", 4000, 0, 0, 100, 1, 0 },
		{ "ends early", "50", "", "", "", 49, 0, 0, 49, 0, 1 },
		{ "breaks", "50", "", "", "", 20, 1, 0, 20, 0, 1 },
		{ "breaks, no length", "", "", "", "", 20, 1, 0, 20, 0, 1 },
		{ "breaks behind its length", "20", "", "", "", 20, 1, 0, 20, 0, 1 },
		{ "CGI with length", "50", "", "", "", 50, 0, 1, 50, 0, 0 },
		{ "CGI ends early", "50", "", "", "", 20, 0, 1, 20, 0, 1 },
		{ "CGI without a sign of a body", "", "", "", "", 50, 0, 1, 0, 0, 0 },
		{ "CGI chunked", "", "application/json", "chunked", "", 50, 0, 1, 50, 0, 1 },
		{ "CGI chunked form", "", "application/x-www-form-urlencoded; charset=utf-8",
		  "chunked", "", 50, 0, 1, 50, 0, 0 },
		{ "CGI chunked batch", "", "", "chunked", "", 50, 0, 1, 50, 0, 1 },
		{ "CGI chunked with digest", "", "application/json", "chunked", "ab", 50, 0, 1, 50, 0, 0 },
	};
	static const char data[5000] = "0123456789";
	struct tally_request request;
	struct tally_err err;

	settings.body_limit = 100;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stream stream = { data, cases[i].size, 0, i % 2 ? 7 : 0, cases[i].breaks };
		char text[4][100];
		char *variables[] = { V("REQUEST_METHOD=POST"), V("REQUEST_URI=/"), text[0], text[1],
				      text[2], text[3], NULL };

		CASE("%s", cases[i].name);
		snprintf(text[0], 100, "CONTENT_LENGTH=%s", cases[i].length);
		snprintf(text[1], 100, "CONTENT_TYPE=%s", cases[i].type);
		snprintf(text[2], 100, "HTTP_TRANSFER_ENCODING=%s", cases[i].encoding);
		snprintf(text[3], 100, "HTTP_X_ACS_CONTENT_SHA256=%s", cases[i].digest);
		CHECK_OK(fill(variables, &stream, cases[i].is_cgi, &request, &err));
		CHECK_INT(request.body.size, cases[i].want);
		CHECK(request.body.size == 0 || memcmp(request.body.data, data, request.body.size) == 0);
		CHECK_INT(request.body_too_large, cases[i].too_large);
		CHECK_INT(request.body_short, cases[i].is_short);
		if (cases[i].too_large)
			CHECK_INT(stream.at, stream.size);	/* drained */
	}
	settings.body_limit = 1 << 20;
}

static void refuses_a_length_that_is_none(void)
{
	char *variables[] = { V("REQUEST_URI=/"), V("CONTENT_LENGTH=-1"), NULL };
	struct tally_request request;
	struct tally_err err;

	CHECK_FAILS(fill(variables, NULL, false, &request, &err), TALLY_INVALID);
}

static void writes_heads(void)
{
	struct tally_header headers[] = { { TALLY_BYTES_LIT("Retry-After"), TALLY_BYTES_LIT("1") },
					  { TALLY_BYTES_LIT("X-Bad"), TALLY_BYTES_LIT("1\r\nY: 2") } };
	struct tally_response response = { .status = 503, .content_type = "text/plain",
					   .headers = headers, .header_count = 2,
					   .body = TALLY_BYTES_LIT("no") };
	struct tally_buf head = { 0 };

	tally_answer_head(&head, &response);
	CHECK_BYTES(tally_buf_bytes(&head),
		    TALLY_BYTES_LIT("Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
				    "Retry-After: 1\r\nContent-Length: 2\r\n\r\n"));
	tally_buf_free(&head);
}

int main(void)
{
	settings.body_limit = 1 << 20;
	TEST(paths_below_the_mount);
	TEST(refuses_without_a_uri);
	TEST(takes_headers);
	TEST(refuses_a_flood_of_headers);
	TEST(finds_client_and_scheme);
	TEST(finds_the_listener);
	TEST(reads_bodies);
	TEST(refuses_a_length_that_is_none);
	TEST(writes_heads);
	tally_arena_free(&arena);
	return tap_done();
}
