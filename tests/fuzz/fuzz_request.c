/*
 * Whole requests against the service over a core that always answers the same. The input is lines:
 * method, path, query, content type (also host and Authorization), body (the rest); a '!' in front of the method makes it a
 * local request. Every answer is a document of its format: JSON that json-c reads, XML that
 * libxml2 reads, with a status that HTTP knows.
 */
#include <json.h>
#include <libxml/parser.h>

#include "arena.h"
#include "conf.h"
#include "err.h"
#include "fuzz.h"
#include "log.h"
#include "service.h"
#include "../unit/fake_core.h"

static struct tally_bytes take_line(struct tally_bytes *input)
{
	const uint8_t *end = input->size > 0 ? memchr(input->data, '\n', input->size) : NULL;
	struct tally_bytes line = *input;

	if (end == NULL) {
		*input = TALLY_BYTES_NONE;
		return line;
	}
	line.size = (size_t)(end - input->data);
	*input = tally_bytes(end + 1, input->size - line.size - 1);
	return line;
}

static void check_document(const struct tally_response *response)
{
	bool xml = strcmp(response->content_type, "text/xml;charset=utf-8") == 0;
	struct json_tokener *tokener;
	struct json_object *value;
	xmlDocPtr document;

	PROMISE(response->status >= 200 && response->status < 600);
	if (strcmp(response->content_type, "text/plain;charset=utf-8") == 0 ||
	    strcmp(response->content_type, "text/plain; charset=utf-8") == 0)
		return;	/* /healthz; what C2SP says of the log's files */
	if (xml) {
		document = xmlReadMemory((const char *)response->body.data,
					 (int)response->body.size, NULL, NULL,
					 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_HUGE);
		PROMISE(document != NULL);
		xmlFreeDoc(document);
		return;
	}
	PROMISE(strcmp(response->content_type, "application/json;charset=utf-8") == 0);
	tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, (const char *)response->body.data,
				      (int)response->body.size);
	PROMISE(value != NULL);
	json_object_put(value);
	json_tokener_free(tokener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_service *service;
	static struct tally_conf *conf;
	static struct tally_core core;
	struct tally_arena arena = { 0 };
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_header headers[] = {
		{ TALLY_BYTES_LIT("content-type"), TALLY_BYTES_NONE },
		{ TALLY_BYTES_LIT("host"), TALLY_BYTES_NONE },
		{ TALLY_BYTES_LIT("authorization"), TALLY_BYTES_NONE },
		{ TALLY_BYTES_LIT("x-acs-action"), TALLY_BYTES_LIT("GetJournal") },
		{ TALLY_BYTES_LIT("x-acs-version"), TALLY_BYTES_LIT("2019-11-22") },
	};
	struct tally_request request = { .arena = &arena, .headers = headers, .header_count = 5 };
	struct tally_response response;
	struct tally_err err;

	if (service == NULL) {
		conf = tally_conf_new();
		PROMISE(tally_service_new(&core, conf, &service, &err) == 0);
	}
	request.method = take_line(&input);
	if (request.method.size > 0 && request.method.data[0] == '!') {
		request.local = true;
		request.method = tally_bytes(request.method.data + 1, request.method.size - 1);
	}
	request.path = take_line(&input);
	request.query = take_line(&input);
	headers[0].value = headers[1].value = headers[2].value = take_line(&input);
	request.body = tally_arena_bytes(&arena, input);
	tally_service_handle(service, &request, &response);
	check_document(&response);
	err.code = TALLY_BUSY;
	tally_service_refuse(&request, &err, &response);
	check_document(&response);
	tally_arena_free(&arena);
	return 0;
}
