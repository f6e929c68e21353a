/* Requests from CGI variables, and answers as CGI output (fill.h). */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "err.h"
#include "fill.h"
#include "gate.h"
#include "log.h"
#include "secret.h"
#include "witness.h"

#define HEADERS_MAX 256

/* ---- variables ---- */

/* The value of the first variable of this name: where a server sends a name twice, its own
 * comes first. Nothing and "" are the same to every reader of these. */
static struct tally_bytes variable(char *const *variables, const char *name)
{
	size_t length = strlen(name);

	for (; *variables != NULL; variables++)
		if (strncmp(*variables, name, length) == 0 && (*variables)[length] == '=')
			return tally_bytes_str(*variables + length + 1);
	return TALLY_BYTES_NONE;
}

static struct tally_bytes trim(struct tally_bytes text)
{
	while (text.size > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL)
		text.size--;
	return text;
}

/* ---- headers ---- */

static struct tally_bytes header_name(struct tally_arena *arena, const char *name, size_t size)
{
	char *lower = tally_arena_alloc(arena, size);

	for (size_t i = 0; i < size; i++)
		lower[i] = name[i] == '_' ? '-' :
			   name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	return tally_bytes(lower, size);
}

/* Content-Type and -Length have variables of their own (some servers send them twice), and a
 * body's encoding in transfer is over when it gets here, though nginx still names it. */
static bool is_ours(const char *name, size_t size)
{
	static const char *const skipped[] = { "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH",
					       "HTTP_TRANSFER_ENCODING" };

	if (size < 6 || memcmp(name, "HTTP_", 5) != 0)
		return false;
	for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
		if (strlen(skipped[i]) == size && memcmp(name, skipped[i], size) == 0)
			return false;
	return true;
}

static void add_header(struct tally_header *headers, size_t *count, struct tally_bytes name,
		       struct tally_bytes value)
{
	headers[(*count)++] = (struct tally_header){ name, trim(value) };
}

/* Apache renames a variable that mod_rewrite set once it redirects within itself: that is how
 * Authorization arrives where only a .htaccess can pass it on. */
static struct tally_bytes redirected_authorization(char *const *variables)
{
	struct tally_bytes value = variable(variables, "HTTP_AUTHORIZATION");

	if (value.size > 0)
		return TALLY_BYTES_NONE;
	value = variable(variables, "REDIRECT_HTTP_AUTHORIZATION");
	return value.size > 0 ? value : variable(variables, "REDIRECT_REDIRECT_HTTP_AUTHORIZATION");
}

static int fill_headers(char *const *variables, struct tally_arena *arena,
			struct tally_request *request, struct tally_err *err)
{
	struct tally_header *headers = tally_arena_array(arena, struct tally_header,
							 HEADERS_MAX + 3);
	size_t count = 0;

	request->headers = headers;
	for (; *variables != NULL; variables++) {
		const char *equals = strchr(*variables, '=');
		size_t size = equals != NULL ? (size_t)(equals - *variables) : 0;

		if (!is_ours(*variables, size))
			continue;
		if (count == HEADERS_MAX)
			return tally_err_set(err, TALLY_INVALID, "more than %d headers", HEADERS_MAX);
		add_header(headers, &count, header_name(arena, *variables + 5, size - 5),
			   tally_bytes_str(equals + 1));
		request->header_count = count;
	}
	return 0;
}

/* The headers that have variables of their own. */
static void fill_special_headers(char *const *variables, struct tally_request *request)
{
	static const struct {
		const char *variable, *header;
	} specials[] = { { "CONTENT_TYPE", "content-type" }, { "CONTENT_LENGTH", "content-length" } };
	struct tally_header *headers = (struct tally_header *)request->headers;
	struct tally_bytes value;

	for (size_t i = 0; i < 2; i++) {
		value = variable(variables, specials[i].variable);
		if (value.size > 0)
			add_header(headers, &request->header_count,
				   tally_bytes_str(specials[i].header), value);
	}
	value = redirected_authorization(variables);
	if (value.size > 0)
		add_header(headers, &request->header_count, TALLY_BYTES_LIT("authorization"), value);
}

static struct tally_bytes header(const struct tally_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (tally_bytes_is(request->headers[i].name, name))
			return request->headers[i].value;
	return TALLY_BYTES_NONE;
}

/* ---- path and query ---- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a raw path, decoded where it is escaped; moves *at on. */
static uint8_t path_byte(struct tally_bytes raw, size_t *at)
{
	uint8_t c = raw.data[(*at)++];
	int high, low;

	if (c != '%' || raw.size - *at < 2)
		return c;
	high = hex_digit(raw.data[*at]);
	low = hex_digit(raw.data[*at + 1]);
	if (high < 0 || low < 0)
		return c;
	*at += 2;
	return (uint8_t)(high << 4 | low);
}

/*
 * If the raw path lies below the mount point (plain text), cuts that off. Compared decoded: the
 * client may have escaped what need not be escaped. Below means a whole number of segments.
 */
static bool strip(struct tally_bytes *path, struct tally_bytes mount)
{
	size_t at = 0, i = 0;

	while (mount.size > 0 && mount.data[mount.size - 1] == '/')
		mount.size--;
	while (i < mount.size && at < path->size)
		if (path_byte(*path, &at) != mount.data[i++])
			return false;
	if (i < mount.size || (at < path->size && path->data[at] != '/'))
		return false;
	*path = at < path->size ? tally_bytes(path->data + at, path->size - at) :
				  TALLY_BYTES_LIT("/");
	return true;
}

static struct tally_bytes parent(struct tally_bytes path)
{
	const uint8_t *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;

	return slash != NULL ? tally_bytes(path.data, (size_t)(slash - path.data)) :
			       TALLY_BYTES_NONE;
}

static bool ends_with(struct tally_bytes text, const char *end)
{
	size_t size = strlen(end);

	return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

/*
 * As a CGI program we are mounted where the URL names us, or, where a rewrite hides our name, at
 * the folder we lie in. In FastCGI SCRIPT_NAME is often the whole path, so it says something only
 * when it names a program (mod_fcgid and the like).
 */
static void strip_script(struct tally_bytes *path, struct tally_bytes script, bool is_cgi)
{
	if (script.size == 0 ||
	    (!is_cgi && !ends_with(script, ".fcgi") && !ends_with(script, ".cgi")))
		return;
	if (!strip(path, script))
		strip(path, parent(script));
}

/* "http://host/path" as a client of a proxy sends it; the rest begins at the path. */
static struct tally_bytes without_authority(struct tally_bytes uri)
{
	const uint8_t *end, *at;

	if (uri.size == 0 || uri.data[0] == '/')
		return uri;
	end = uri.data + uri.size;
	at = memmem(uri.data, uri.size, "://", 3);
	if (at == NULL)
		return TALLY_BYTES_NONE;
	for (at += 3; at < end && *at != '/' && *at != '?'; at++)
		;
	return at < end ? tally_bytes(at, (size_t)(end - at)) : TALLY_BYTES_LIT("/");
}

static int fill_uri(const struct tally_gateway_settings *settings, char *const *variables,
		    bool is_cgi, struct tally_request *request, struct tally_err *err)
{
	struct tally_bytes uri = without_authority(variable(variables, "REQUEST_URI"));
	const uint8_t *mark = uri.size > 0 ? memchr(uri.data, '?', uri.size) : NULL;
	struct tally_bytes mount = tally_bytes_str(settings->mount);

	request->path = TALLY_BYTES_LIT("/");
	request->query = TALLY_BYTES_NONE;
	if (uri.size == 0)
		return tally_err_set(err, TALLY_INVALID, "the web server passed no usable REQUEST_URI");
	if (mark != NULL) {
		request->query = tally_bytes(mark + 1, (size_t)(uri.data + uri.size - mark) - 1);
		uri.size = (size_t)(mark - uri.data);
	}
	if (uri.size > 0)
		request->path = uri;
	if (mount.size > 0)
		strip(&request->path, mount);
	else
		strip_script(&request->path, variable(variables, "SCRIPT_NAME"), is_cgi);
	return 0;
}

/* ---- who ---- */

static bool is_word(struct tally_bytes text, const char *word)
{
	return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

/* All X-Forwarded-For lines as one list. */
static struct tally_bytes forwarded_for(const struct tally_request *request,
					struct tally_arena *arena)
{
	struct tally_bytes all = TALLY_BYTES_NONE;

	for (size_t i = 0; i < request->header_count; i++) {
		const struct tally_header *h = &request->headers[i];

		if (!tally_bytes_is(h->name, "x-forwarded-for"))
			continue;
		if (all.size == 0)
			all = h->value;
		else
			all = tally_bytes_str(tally_arena_printf(arena, "%.*s,%.*s", (int)all.size,
								 all.data, (int)h->value.size,
								 h->value.data));
	}
	return all;
}

static void fill_client(const struct tally_gateway_settings *settings, char *const *variables,
			struct tally_arena *arena, struct tally_request *request)
{
	struct tally_bytes peer = variable(variables, "REMOTE_ADDR");
	struct tally_bytes https = variable(variables, "HTTPS");

	request->https = is_word(https, "on") || is_word(https, "1") || is_word(https, "https") ||
			 is_word(variable(variables, "REQUEST_SCHEME"), "https");
	request->client = peer;
	/* No header can be called so: the web server's configuration says it. */
	request->listener = variable(variables, "TALLY_LISTENER");
	if (tally_trusted(&settings->trust, peer)) {
		request->client = tally_trust_client(&settings->trust, peer,
						     forwarded_for(request, arena));
		if (is_word(header(request, "x-forwarded-proto"), "https"))
			request->https = true;
	}
}

/* ---- body ---- */

void tally_drain(const struct tally_body_source *source)
{
	uint8_t trash[8192];

	while (source->read(source->ctx, trash, sizeof trash) > 0)
		;
}

/* Grows by doubling up to the limit; old copies are wiped, for a body may carry secrets. */
static uint8_t *grow(struct tally_arena *arena, uint8_t *old, size_t size, size_t *room,
		     size_t limit)
{
	size_t more = *room == 0 ? 16384 : *room * 2;
	uint8_t *data;

	*room = more < limit + 1 ? more : limit + 1;
	data = tally_arena_alloc(arena, *room);
	if (size > 0) {
		memcpy(data, old, size);
		tally_wipe(old, size);
	}
	return data;
}

/* Room for one byte more than the limit tells a body of just the limit from a longer one. */
static void read_body(const struct tally_body_source *source, struct tally_arena *arena,
		      size_t limit, bool known, uint64_t length, struct tally_request *request)
{
	size_t room = known && length < limit ? length + 1 : 0, size = 0;
	uint8_t *data = room > 0 ? tally_arena_alloc(arena, room) : NULL;
	long got = 0;

	while (size <= limit) {
		if (size == room)
			data = grow(arena, data, size, &room, limit);
		got = source->read(source->ctx, data + size, room - size);
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	if (size > limit) {
		request->body_too_large = true;
		size = limit;
		tally_drain(source);
	} else if (got < 0 || (known && size < length)) {
		request->body_short = true;
	}
	request->body = tally_bytes(data, size);
}

/* Of a CGI body without a length: a truncated form breaks the request's signature, a truncated
 * body with a signed digest breaks that; of any other nobody would notice. */
static bool is_guarded(const struct tally_request *request)
{
	static const char form[] = "application/x-www-form-urlencoded", digest[] = "ContentSHA256=";
	struct tally_bytes type = header(request, "content-type");

	if (header(request, "x-acs-content-sha256").size > 0 ||
	    (request->query.size > 0 &&
	     memmem(request->query.data, request->query.size, digest, sizeof digest - 1) != NULL))
		return true;
	return type.size >= sizeof form - 1 &&
	       strncasecmp((const char *)type.data, form, sizeof form - 1) == 0;
}

/* Requests to a witness are short, and nobody signs them. */
static size_t body_limit(const struct tally_gateway_settings *settings, struct tally_bytes path)
{
	bool witness = settings->witness != NULL && tally_gate_wants(path);

	return witness && settings->body_limit > TALLY_WITNESS_REQUEST_MAX ?
		       TALLY_WITNESS_REQUEST_MAX :
		       settings->body_limit;
}

static int fill_body(const struct tally_gateway_settings *settings, char *const *variables,
		     const struct tally_body_source *source, struct tally_arena *arena,
		     struct tally_request *request, struct tally_err *err)
{
	struct tally_bytes text = trim(variable(variables, "CONTENT_LENGTH"));
	bool known = text.size > 0;
	uint64_t length = 0;

	request->body = TALLY_BYTES_NONE;
	if (known && !tally_parse_u64(text, UINT64_MAX, &length))
		return tally_err_set(err, TALLY_INVALID, "CONTENT_LENGTH is not a number");
	if (source->is_cgi && (known ? length == 0 :
			       variable(variables, "HTTP_TRANSFER_ENCODING").size == 0))
		return 0;
	read_body(source, arena, body_limit(settings, request->path), known, length, request);
	if (source->is_cgi && !known && !is_guarded(request))
		request->body_short = true;
	return 0;
}

int tally_fill(const struct tally_gateway_settings *settings, char *const *variables,
	       const struct tally_body_source *source, struct tally_arena *arena,
	       struct tally_request *request, struct tally_err *err)
{
	memset(request, 0, sizeof *request);
	request->arena = arena;
	tally_random(request->id, sizeof request->id);
	request->method = variable(variables, "REQUEST_METHOD");
	if (fill_uri(settings, variables, source->is_cgi, request, err) != 0 ||
	    fill_headers(variables, arena, request, err) != 0)
		return -1;
	fill_special_headers(variables, request);
	fill_client(settings, variables, arena, request);
	return fill_body(settings, variables, source, arena, request, err);
}

/* ---- answers ---- */

/* Neither query nor body: they may hold what is nobody's business. */
void tally_log_request(const struct tally_request *request, const struct tally_response *response)
{
	char id[37], status[8], *method, *path, *client;

	tally_request_id_text(request->id, id);
	snprintf(status, sizeof status, "%d", response->status);
	method = tally_arena_str(request->arena, request->method);
	path = tally_arena_str(request->arena, request->path);
	client = tally_arena_str(request->arena, request->client);
	tally_log(TALLY_LOG_DEBUG, "request", "id", id, "client", client, "method", method, "path", path,
		  "status", status, NULL);
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 204, "No Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 409, "Conflict" },
		{ 410, "Gone" }, { 411, "Length Required" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" }, { 429, "Too Many Requests" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" }, { 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

/* A line end within would begin a header of somebody else's choice. */
static bool is_one_line(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			return false;
	return true;
}

void tally_answer_head(struct tally_buf *head, const struct tally_response *response)
{
	tally_buf_printf(head, "Status: %d %s\r\n", response->status, reason(response->status));
	if (response->content_type != NULL)
		tally_buf_printf(head, "Content-Type: %s\r\n", response->content_type);
	for (size_t i = 0; i < response->header_count; i++) {
		if (!is_one_line(response->headers[i].name) || !is_one_line(response->headers[i].value))
			continue;
		tally_buf_add_bytes(head, response->headers[i].name);
		tally_buf_add_str(head, ": ");
		tally_buf_add_bytes(head, response->headers[i].value);
		tally_buf_add_str(head, "\r\n");
	}
	tally_buf_printf(head, "Content-Length: %zu\r\n\r\n", response->body.size);
}
