/*
 * How a ledger is reached: open access, networks, endpoints on private listeners; and its own limits.
 * All of it is said by UPDATE_LEDGER journals. Requests are held against it where their permission is
 * checked, when they arrive and, if they write, when they are committed.
 */
#include "access.h"

#include <stdio.h>

#include "hash.h"

/* ---- limits ---- */

static const struct {
	const char *field, *param;
} limit_names[LIMITS] = {
	[LIMIT_BATCH] = { "batchLimit", "BatchLimit" },
	[LIMIT_CLUES] = { "clueLimit", "ClueLimit" },
	[LIMIT_MEMBERS] = { "memberLimit", "MemberLimit" },
	[LIMIT_PAGE] = { "pageLimit", "PageLimit" },
	[LIMIT_PAYLOAD] = { "payloadLimit", "PayloadLimit" },
};

const char *tally_limit_field(enum tally_limit limit)
{
	return limit_names[limit].field;
}

const char *tally_limit_param(enum tally_limit limit)
{
	return limit_names[limit].param;
}

uint64_t tally_limit_most(const struct tally_core *core, enum tally_limit limit)
{
	switch (limit) {
	case LIMIT_BATCH:
		return core->limits.batch;
	case LIMIT_CLUES:
		return TALLY_MAX_CLUES;
	case LIMIT_MEMBERS:
		return core->limits.members;
	case LIMIT_PAYLOAD:
		return core->limits.payload;
	case LIMIT_PAGE:
	case LIMITS:
		break;
	}
	return 1024;
}

uint64_t tally_limit_of(const struct tally_core *core, const struct tally_head *head,
			enum tally_limit limit)
{
	uint64_t most = tally_limit_most(core, limit), own = head->limits[limit];

	return own != 0 && own < most ? own : most;
}

/* ---- lists of networks ---- */

static size_t place_in(const struct tally_ip_list *list, const struct tally_network *network)
{
	size_t i = 0;

	while (i < list->count && (list->networks[i].bits != network->bits ||
				   memcmp(list->networks[i].address, network->address,
					  TALLY_ADDRESS_SIZE) != 0))
		i++;
	return i;
}

static int add_network(struct tally_ip_list *list, const struct tally_network *network,
		       struct tally_err *err)
{
	if (place_in(list, network) < list->count)
		return 0;
	if (list->count == TALLY_IP_LIST_MAX)
		return tally_err_about(err, TALLY_INVALID, "IpList", "a list has up to %d networks",
				       TALLY_IP_LIST_MAX);
	list->networks[list->count++] = *network;
	return 0;
}

static struct tally_bytes trim(struct tally_bytes text)
{
	while (text.size > 0 && text.data[0] == ' ') {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && text.data[text.size - 1] == ' ')
		text.size--;
	return text;
}

int tally_ip_list_parse(struct tally_bytes text, struct tally_ip_list *list_r,
			struct tally_err *err)
{
	const uint8_t *comma;

	list_r->count = 0;
	do {
		struct tally_bytes part = text;
		struct tally_network network;

		comma = text.size > 0 ? memchr(text.data, ',', text.size) : NULL;
		if (comma != NULL) {
			part.size = (size_t)(comma - text.data);
			text = tally_bytes(comma + 1, text.size - part.size - 1);
		}
		part = trim(part);
		if (!tally_network_parse(part, &network))
			return tally_err_about(err, TALLY_INVALID, "IpList",
					       "'%.*s' is no address or network",
					       part.size < 64 ? (int)part.size : 64,
					       part.size > 0 ? (const char *)part.data : "");
		tally_network_cut(&network);
		if (add_network(list_r, &network, err) != 0)
			return -1;
	} while (comma != NULL);
	return 0;
}

size_t tally_ip_list_format(const struct tally_ip_list *list, char text_r[TALLY_IP_LIST_TEXT])
{
	size_t size = 0;

	text_r[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			text_r[size++] = ',';
		tally_network_format(&list->networks[i], text_r + size);
		size += strlen(text_r + size);
	}
	return size;
}

bool tally_ip_list_is_everybody(const struct tally_ip_list *list)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < list->count; i++) {
		v6 = v6 || list->networks[i].bits == 0;
		v4 = v4 || (list->networks[i].bits == 96 && list->networks[i].address[10] == 0xff &&
			    list->networks[i].address[11] == 0xff);
	}
	return v4 && v6;
}

/* ---- projecting ---- */

static const struct tally_bytes ip_key = TALLY_BYTES_LIT("ip");

static void add_short(struct tally_buf *buf, struct tally_bytes text)
{
	tally_buf_add_u8(buf, (uint8_t)text.size);
	tally_buf_add_bytes(buf, text);
}

static struct tally_bytes read_short(struct tally_reader *reader)
{
	size_t size = tally_read_u8(reader);

	return tally_read_bytes(reader, size);
}

static void put(struct tally_projection *p, uint32_t table, struct tally_bytes key)
{
	tally_overlay_put(p->overlay, p->tag, table, key, tally_buf_bytes(&p->scratch));
}

static void begin_value(struct tally_projection *p)
{
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, 1);
	tally_buf_add_u64(&p->scratch, p->head->blocks);
}

/* A journal from elsewhere may say anything: a list that is none lets nobody in. */
static void project_ip_list(struct tally_projection *p, struct tally_bytes text)
{
	struct tally_ip_list list;
	struct tally_err err;

	if (tally_ip_list_parse(text, &list, &err) != 0)
		list.count = 0;
	p->head->has_ip_list = !tally_ip_list_is_everybody(&list);
	begin_value(p);
	for (size_t i = 0; i < list.count; i++) {
		tally_buf_add(&p->scratch, list.networks[i].address, TALLY_ADDRESS_SIZE);
		tally_buf_add_u8(&p->scratch, (uint8_t)list.networks[i].bits);
	}
	put(p, TABLE_ACCESS, ip_key);
}

static void project_endpoint(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			     const struct tally_record *record)
{
	struct tally_bytes listener = tally_field_text(record, "endpointListener");

	if (!tally_listener_valid(listener))
		return;
	if (tally_field_number(record, "endpointDeleted", 0) != 0) {
		tally_overlay_remove(p->overlay, p->tag, TABLE_ENDPOINT, listener);
		p->head->endpoint_count -= p->head->endpoint_count > 0;
		return;
	}
	begin_value(p);
	tally_buf_add_u64(&p->scratch, journal_id);
	tally_buf_add_u64(&p->scratch, now);
	add_short(&p->scratch, tally_field_text(record, "endpoint"));
	add_short(&p->scratch, record->member_id);
	add_short(&p->scratch, tally_field_text(record, "endpointAddress"));
	put(p, TABLE_ENDPOINT, listener);
	p->head->endpoint_count++;
}

void tally_project_access(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			  const struct tally_record *record)
{
	struct tally_head *head = p->head;

	head->closed = tally_field_number(record, "openAccess", !head->closed) == 0;
	head->service_role = tally_field_number(record, "serviceRole", head->service_role) != 0;
	for (enum tally_limit i = 0; i < LIMITS; i++)
		head->limits[i] = tally_field_number(record, tally_limit_field(i),
						     head->limits[i]);
	if (tally_field_find(record, "ipList") != NULL)
		project_ip_list(p, tally_field_text(record, "ipList"));
	if (tally_field_find(record, "endpoint") != NULL)
		project_endpoint(p, journal_id, now, record);
}

void tally_project_kms(struct tally_projection *p, struct tally_bytes member_id,
		       const struct tally_record *record)
{
	struct tally_bytes id = tally_field_text(record, "kmsKeyId");

	if (!tally_kms_key_valid(id, tally_field_text(record, "kmsKeyVersion"))) {
		tally_overlay_remove(p->overlay, p->tag, TABLE_MEMBER_KMS, member_id);
		return;
	}
	begin_value(p);
	add_short(&p->scratch, id);
	add_short(&p->scratch, tally_field_text(record, "kmsKeyVersion"));
	put(p, TABLE_MEMBER_KMS, member_id);
}

/* ---- the check ---- */

static int corrupt(const struct tally_view *view, const char *what, struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s: malformed %s", view->space->name, what);
}

/* The list as it is now; empty where there is none. */
static int read_list(const struct tally_view *view, struct tally_ip_list *list_r,
		     struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	int found, result = 0;

	list_r->count = 0;
	tally_arena_init(&arena);
	found = tally_view_get(view, TABLE_ACCESS, ip_key, &arena, &value, err);
	if (found == 1) {
		struct tally_reader reader = tally_reader(value);
		bool known = tally_read_u8(&reader) == 1;

		tally_read_u64(&reader);
		while (!reader.failed && tally_reader_left(&reader) > 0 &&
		       list_r->count < TALLY_IP_LIST_MAX) {
			struct tally_network *network = &list_r->networks[list_r->count++];
			struct tally_bytes address = tally_read_bytes(&reader, TALLY_ADDRESS_SIZE);

			network->bits = tally_read_u8(&reader);
			if (!reader.failed)
				memcpy(network->address, address.data, TALLY_ADDRESS_SIZE);
			known = known && network->bits <= 128;
		}
		if (!known || reader.failed || tally_reader_left(&reader) != 0)
			result = corrupt(view, "list of networks", err);
	}
	tally_arena_free(&arena);
	return found < 0 ? -1 : result;
}

static int check_address(const struct tally_view *view, const struct tally_reach *reach,
			 struct tally_err *err)
{
	struct tally_ip_list list;

	if (read_list(view, &list, err) != 0)
		return -1;
	for (size_t i = 0; reach->has_address && i < list.count; i++)
		if (tally_network_has(&list.networks[i], reach->address))
			return 0;
	return tally_err_about(err, TALLY_DENIED, "Access",
			       "the ledger is not reached from the address of this request");
}

/* By a private listener only those ledgers are reached that have an endpoint on it. */
static int check_listener(const struct tally_view *view, struct tally_bytes listener,
			  struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	tally_arena_init(&arena);
	found = tally_view_get(view, TABLE_ENDPOINT, listener, &arena, &value, err);
	tally_arena_free(&arena);
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger",
				       "the ledger has no endpoint on this listener");
	return found < 0 ? -1 : 0;
}

int tally_reach_permit(const struct tally_view *view, const struct tally_reach *reach,
		       struct tally_err *err)
{
	const struct tally_head *head = view->head;

	if (reach == NULL)
		return 0;
	if (reach->listener.size > 0 && check_listener(view, reach->listener, err) != 0)
		return -1;
	if (reach->listener.size == 0 && head->closed && !reach->this_host)
		return tally_err_about(err, TALLY_DENIED, "Access",
				       "open access to the ledger is off");
	return head->has_ip_list ? check_address(view, reach, err) : 0;
}

/* ---- reading ---- */

static int view_of(struct tally_core *core, struct tally_bytes ledger_id,
		   struct tally_view *view_r, struct tally_err *err)
{
	int found = tally_view_of_log(core, ledger_id, view_r, err);

	if (found == 1)
		return 0;
	return found < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
}

int tally_access_check(struct tally_core *core, struct tally_bytes ledger_id,
		       const struct tally_reach *reach, struct tally_err *err)
{
	struct tally_view view;
	int result;

	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	result = tally_reach_permit(&view, reach, err);
	tally_view_drop(&view);
	return result;
}

int tally_access_get(struct tally_core *core, struct tally_bytes ledger_id, struct tally_arena *arena,
		     struct tally_access *access_r, struct tally_err *err)
{
	char *text = tally_arena_alloc(arena, TALLY_IP_LIST_TEXT);
	struct tally_ip_list list;
	struct tally_view view;
	int result;

	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	result = read_list(&view, &list, err);
	if (result == 0)
		*access_r = (struct tally_access){
			.open = !view.head->closed,
			.ip_list = tally_bytes(text, tally_ip_list_format(&list, text)),
			.service_role = view.head->service_role,
		};
	tally_view_drop(&view);
	return result;
}

static bool read_endpoint(struct tally_bytes key, struct tally_bytes value,
			  struct tally_arena *arena, struct tally_endpoint *endpoint_r)
{
	struct tally_reader reader = tally_reader(value);
	bool known = tally_read_u8(&reader) == 1;

	tally_read_u64(&reader);
	tally_read_u64(&reader);
	endpoint_r->create_ms = tally_read_u64(&reader);
	endpoint_r->listener = tally_arena_bytes(arena, key);
	endpoint_r->id = tally_arena_bytes(arena, read_short(&reader));
	endpoint_r->member_id = tally_arena_bytes(arena, read_short(&reader));
	endpoint_r->address = tally_arena_bytes(arena, read_short(&reader));
	return known && !reader.failed && tally_reader_left(&reader) == 0;
}

struct listing {
	struct tally_arena *arena;
	struct tally_endpoint *endpoints;
	size_t count, limit;
	bool more, failed;
};

static int list_endpoint(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct listing *listing = ctx;

	if (listing->count == listing->limit) {
		listing->more = true;
		return 1;
	}
	listing->failed = !read_endpoint(key, value, listing->arena,
					 &listing->endpoints[listing->count++]);
	return listing->failed;
}

int tally_endpoint_list(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_bytes after, size_t limit, struct tally_arena *arena,
			struct tally_endpoint **endpoints_r, size_t *count_r, bool *more_r,
			struct tally_err *err)
{
	struct listing listing = { arena, tally_arena_array(arena, struct tally_endpoint, limit), 0,
				   limit, false, false };
	struct tally_buf low = { 0 };
	struct tally_view view;
	int result;

	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	tally_buf_add_bytes(&low, after);
	if (after.size > 0)
		tally_buf_add_u8(&low, 0);
	result = tally_view_scan(&view, TABLE_ENDPOINT, tally_buf_bytes(&low), TALLY_BYTES_NONE,
				 false, list_endpoint, &listing, err);
	if (result == 0 && listing.failed)
		result = corrupt(&view, "endpoint", err);
	tally_buf_free(&low);
	tally_view_drop(&view);
	*endpoints_r = listing.endpoints;
	*count_r = listing.count;
	*more_r = listing.more;
	return result;
}

/* ---- changing ---- */

#define TEXT(field, value) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, value, 0 })
#define BOOL(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_BOOL, TALLY_BYTES_NONE, value })

static int run_update(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, struct tally_manage *manage,
		      const struct tally_field *fields, size_t count, struct tally_err *err)
{
	manage->need = PERM_UPDATE_LEDGER;
	manage->prepared.record = (struct tally_record){ .type = TYPE_UPDATE_LEDGER,
							 .has_data = true, .fields = fields,
							 .field_count = (uint8_t)count };
	return tally_manage_run(core, write, ledger_id, manage, NULL, err);
}

int tally_access_open(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, bool open, struct tally_err *err)
{
	struct tally_manage manage = { .what = "open access" };
	const struct tally_field field = BOOL("openAccess", open);

	return run_update(core, write, ledger_id, &manage, &field, 1, err);
}

int tally_access_grant(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, struct tally_err *err)
{
	struct tally_manage manage = { .what = "service role" };
	const struct tally_field field = BOOL("serviceRole", true);

	return run_update(core, write, ledger_id, &manage, &field, 1, err);
}

struct ip_change {
	enum tally_ip_change how;
	struct tally_ip_list asked;
	struct tally_field field;	/* the whole list, as it is then */
	char text[TALLY_IP_LIST_TEXT];
};

static int delete_network(struct tally_ip_list *list, const struct tally_network *network,
			  struct tally_err *err)
{
	size_t at = place_in(list, network);
	char text[TALLY_NETWORK_TEXT];

	tally_network_format(network, text);
	if (at == list->count)
		return tally_err_about(err, TALLY_INVALID, "IpList", "%s is not on the list", text);
	if (list->count == 1)
		return tally_err_about(err, TALLY_INVALID, "IpList",
				       "%s is the last one: cover the list with 0.0.0.0/0,::/0 to let "
				       "everybody in", text);
	memmove(&list->networks[at], &list->networks[at + 1],
		(--list->count - at) * sizeof(*list->networks));
	return 0;
}

/* The journal has the list as it is after the change, whatever it was before. */
static int check_ip_list(struct tally_build *build, struct tally_manage *manage,
			 struct tally_err *err)
{
	struct ip_change *change = manage->ctx;
	struct tally_ip_list list = { .count = 0 };

	if (change->how != IP_COVER && read_list(&build->view, &list, err) != 0)
		return -1;
	for (size_t i = 0; i < change->asked.count; i++) {
		const struct tally_network *network = &change->asked.networks[i];

		if ((change->how == IP_DELETE ? delete_network(&list, network, err) :
						add_network(&list, network, err)) != 0)
			return -1;
	}
	change->field.text = tally_bytes(change->text, tally_ip_list_format(&list, change->text));
	return 0;
}

int tally_access_ip_list(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, enum tally_ip_change how,
			 struct tally_bytes ip_list, struct tally_err *err)
{
	static const char *const names[] = { "ip list cover", "ip list append", "ip list delete" };
	struct ip_change change = { .how = how };
	struct tally_manage manage = { .what = names[how], .check = check_ip_list, .ctx = &change };

	if (tally_ip_list_parse(ip_list, &change.asked, err) != 0)
		return -1;
	change.field = TEXT("ipList", TALLY_BYTES_NONE);
	change.field.text = tally_bytes(change.text,
					tally_ip_list_format(&change.asked, change.text));
	return run_update(core, write, ledger_id, &manage, &change.field, 1, err);
}

/* ---- endpoints ---- */

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (!is_alphanumeric(c) && c != '-' && c != '_' && (c != '.' || i == 0))
			return false;
	}
	return text.size <= TALLY_ENDPOINT_PART;
}

bool tally_listener_valid(struct tally_bytes listener)
{
	const uint8_t *slash = listener.size > 0 ? memchr(listener.data, '/', listener.size) : NULL;
	struct tally_bytes vpc, vswitch;

	if (slash == NULL)
		return false;
	vpc = tally_bytes(listener.data, (size_t)(slash - listener.data));
	vswitch = tally_bytes(slash + 1, listener.size - vpc.size - 1);
	return vpc.size > 0 && vswitch.size > 0 && is_name(vpc) && is_name(vswitch);
}

#define URI_SCHEME "pkcs11:"

bool tally_kms_key_is_uri(struct tally_bytes id)
{
	return id.size >= sizeof(URI_SCHEME) - 1 &&
	       memcmp(id.data, URI_SCHEME, sizeof(URI_SCHEME) - 1) == 0;
}

/* The characters of a path of RFC 7512 (pk11-path): no query, so no module and no PIN. */
static bool is_uri_path(struct tally_bytes text)
{
	static const char others[] = "-._~%:[]@!$'()*+,=&;";

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (!is_alphanumeric(c) && (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

bool tally_kms_key_valid(struct tally_bytes id, struct tally_bytes version)
{
	if (tally_kms_key_is_uri(id))
		return id.size <= TALLY_KMS_URI && version.size == 0 && is_uri_path(id);
	return id.size > 0 && is_name(id) && is_name(version);
}

void tally_endpoint_id(struct tally_bytes ledger_id, struct tally_bytes listener, const char *domain,
		       char id_r[TALLY_ENDPOINT_ID])
{
	static const char label[] = "tallystick endpoint v1\n";
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_sha256 sha;
	char hex[65];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, label, sizeof(label) - 1);
	tally_sha256_add(&sha, ledger_id.data, ledger_id.size);
	tally_sha256_add(&sha, listener.data, listener.size);
	tally_sha256_end(&sha, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	snprintf(id_r, TALLY_ENDPOINT_ID, "%.14s.%.*s", hex, TALLY_ENDPOINT_DOMAIN, domain);
}

static int about_endpoint(enum tally_code code, struct tally_bytes id, const char *text,
			  struct tally_err *err)
{
	char subject[sizeof(err->subject)];

	snprintf(subject, sizeof(subject), "VpcEndpoint %.*s", (int)id.size, (const char *)id.data);
	return tally_err_about(err, code, subject, "%s", text);
}

/* The endpoint on that listener; 1, 0. */
static int find_endpoint(struct tally_build *build, struct tally_bytes listener,
			 struct tally_endpoint *endpoint_r, struct tally_err *err)
{
	struct tally_bytes value;
	int found = tally_view_get(&build->view, TABLE_ENDPOINT, listener, &build->arena, &value,
				   err);

	if (found == 1 && !read_endpoint(listener, value, &build->arena, endpoint_r))
		return corrupt(&build->view, "endpoint", err);
	return found;
}

static int check_create(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct tally_endpoint *wanted = manage->ctx;
	struct tally_endpoint there;
	int found = find_endpoint(build, wanted->listener, &there, err);

	if (found != 0)
		return found < 0 ? -1 : about_endpoint(TALLY_EXISTS, there.id,
						       "the ledger has an endpoint there", err);
	if (build->head->endpoint_count >= TALLY_ENDPOINT_MAX)
		return tally_err_about(err, TALLY_DENIED, "VpcEndpoint",
				       "the ledger has %d endpoints, which is its limit",
				       TALLY_ENDPOINT_MAX);
	return 0;
}

static int check_delete(struct tally_build *build, struct tally_manage *manage,
			struct tally_err *err)
{
	const struct tally_endpoint *wanted = manage->ctx;
	struct tally_endpoint there;
	int found = find_endpoint(build, wanted->listener, &there, err);

	if (found < 0)
		return -1;
	if (found == 1 && tally_bytes_equal(there.id, wanted->id))
		return 0;
	return about_endpoint(TALLY_NOTFOUND, wanted->id, "the ledger has no such endpoint", err);
}

static int check_listener_name(struct tally_bytes listener, struct tally_err *err)
{
	return tally_listener_valid(listener) ?
		       0 : tally_err_about(err, TALLY_INVALID, "VpcId",
					   "VpcId and VSwitchId have 1 to %d letters, digits, . _ -",
					   TALLY_ENDPOINT_PART);
}

int tally_endpoint_create(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, const struct tally_endpoint *endpoint,
			  struct tally_err *err)
{
	struct tally_endpoint wanted = *endpoint;
	struct tally_manage manage = { .what = "create endpoint", .check = check_create,
				       .ctx = &wanted };
	const struct tally_field fields[] = {
		TEXT("endpoint", endpoint->id),
		TEXT("endpointAddress", endpoint->address),
		TEXT("endpointListener", endpoint->listener),
	};

	if (check_listener_name(endpoint->listener, err) != 0)
		return -1;
	if (endpoint->id.size == 0 || endpoint->id.size >= TALLY_ENDPOINT_ID ||
	    endpoint->address.size > 255)
		return tally_err_about(err, TALLY_INVALID, "VpcId", "the listener's name is too long");
	return run_update(core, write, ledger_id, &manage, fields, 3, err);
}

int tally_endpoint_delete(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, struct tally_bytes id,
			  struct tally_bytes listener, struct tally_err *err)
{
	struct tally_endpoint wanted = { .id = id, .listener = listener };
	struct tally_manage manage = { .what = "delete endpoint", .check = check_delete,
				       .ctx = &wanted };
	const struct tally_field fields[] = {
		TEXT("endpoint", id),
		BOOL("endpointDeleted", true),
		TEXT("endpointListener", listener),
	};

	if (check_listener_name(listener, err) != 0)
		return -1;
	return run_update(core, write, ledger_id, &manage, fields, 3, err);
}

/* ---- keys of the operator's key store ---- */

int tally_member_kms_key(struct tally_core *core, struct tally_bytes ledger_id,
			 struct tally_bytes member_id, struct tally_arena *arena,
			 struct tally_kms_key *kms_r, struct tally_err *err)
{
	struct tally_reader reader;
	struct tally_bytes value;
	struct tally_view view;
	int found;

	if (view_of(core, ledger_id, &view, err) != 0)
		return -1;
	found = tally_view_get(&view, TABLE_MEMBER_KMS, member_id, arena, &value, err);
	if (found == 1) {
		reader = tally_reader(value);
		tally_read_u8(&reader);
		tally_read_u64(&reader);
		kms_r->id = tally_arena_bytes(arena, read_short(&reader));
		kms_r->version = tally_arena_bytes(arena, read_short(&reader));
		if (reader.failed || tally_reader_left(&reader) != 0)
			found = corrupt(&view, "key of the key store", err);
	}
	tally_view_drop(&view);
	return found;
}
