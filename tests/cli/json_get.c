/*
 * For shell tests: is it JSON, and what stands at this place in it?
 *
 *   json_get [NAME-OR-NUMBER ...]   one document on standard input; prints the value at the path
 *   json_get --lines                every line must be a document; prints how many there are
 *
 * Exit status 1 where something is not JSON or not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

/* Exactly one document and nothing but space around it, or NULL. */
static json_object *parse(const char *text, size_t size)
{
	json_tokener *tokener = json_tokener_new();
	json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
	size_t end = json_tokener_get_parse_end(tokener);

	if (object == NULL || json_tokener_get_error(tokener) != json_tokener_success ||
	    strspn(text + end, " \n\t\r") != size - end) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static int count_lines(void)
{
	unsigned long count = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t size;

	while ((size = getline(&line, &room, stdin)) > 0) {
		json_object *object = parse(line, (size_t)size);

		if (object == NULL) {
			fprintf(stderr, "not JSON: %s", line);
			return 1;
		}
		json_object_put(object);
		count++;
	}
	free(line);
	printf("%lu\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	json_object *object, *at;
	size_t room = 1 << 20, size = 0, got;
	char *text;

	if (argc == 2 && strcmp(argv[1], "--lines") == 0)
		return count_lines();
	text = malloc(room + 1);
	while ((got = fread(text + size, 1, room - size, stdin)) > 0) {
		size += got;
		if (size == room)
			text = realloc(text, (room *= 2) + 1);
	}
	text[size] = '\0';
	at = object = parse(text, size);
	for (int i = 1; i < argc && at != NULL; i++) {
		json_object *next = NULL;

		if (json_object_is_type(at, json_type_array))
			next = json_object_array_get_idx(at, strtoul(argv[i], NULL, 10));
		else
			json_object_object_get_ex(at, argv[i], &next);
		at = next;
	}
	if (at != NULL && argc > 1)
		puts(json_object_get_string(at));
	free(text);
	json_object_put(object);
	return at != NULL ? 0 : 1;
}
