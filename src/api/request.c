/* Small helpers of requests and responses. See request.h. */
#include "request.h"

#include <assert.h>

#define MAX_RESPONSE_HEADERS 16

struct tally_bytes tally_request_header(const struct tally_request *request, const char *name,
					bool *twice_r)
{
	struct tally_bytes value = TALLY_BYTES_NONE;
	bool found = false, twice = false;
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		if (!tally_bytes_is(request->headers[i].name, name))
			continue;
		twice |= found;
		if (!found)
			value = request->headers[i].value;
		found = true;
	}
	if (twice_r != NULL)
		*twice_r = twice;
	return value;
}

void tally_response_header(struct tally_response *response, struct tally_arena *arena,
			   const char *name, const char *value)
{
	assert(response->header_count < MAX_RESPONSE_HEADERS);
	if (response->headers == NULL)
		response->headers = tally_arena_array(arena, struct tally_header,
						      MAX_RESPONSE_HEADERS);
	response->headers[response->header_count++] =
		(struct tally_header){ tally_bytes_str(name), tally_bytes_str(value) };
}

void tally_request_id_text(const uint8_t id[16], char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[id[i] >> 4];
		*text++ = digits[id[i] & 15];
	}
	*text = '\0';
}
