/*
 * The result tree as XML, through libxml2's text writer: declaration, root element, lists wrapped
 * (<Clues><Clue>a</Clue></Clues>), no indentation.
 *
 * XML 1.0 has no way to write most control characters, not even as a character reference. A
 * payload that holds one is written as base64 with its marker member (tally_add_payload); any
 * other text as base64 with the attribute encoding="base64".
 */
#include "result.h"

#include <inttypes.h>
#include <stdlib.h>
#include <libxml/xmlwriter.h>

#include "utf8.h"

struct xml {
	xmlTextWriterPtr writer;
	struct tally_arena *arena;
	bool failed;
};

/* libxml2 fails here only when memory runs out. */
static void check(struct xml *xml, int result)
{
	xml->failed |= result < 0;
}

/* Valid UTF-8, and every character one that XML 1.0 (2.2, Char) allows. */
static bool carries(struct tally_bytes text)
{
	size_t i;

	for (i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
		/* U+FFFE and U+FFFF are EF BF BE and EF BF BF */
		if (c == 0xef && text.size - i > 2 && text.data[i + 1] == 0xbf &&
		    text.data[i + 2] >= 0xbe)
			return false;
	}
	return tally_utf8_valid(text);
}

static void put_element(struct xml *xml, const char *name, const char *text)
{
	check(xml, xmlTextWriterWriteElement(xml->writer, BAD_CAST name, BAD_CAST text));
}

/* Content of an element. libxml2 would write quotes as &quot;, which content does not need. */
static void put_content(struct xml *xml, struct tally_bytes text)
{
	static const char *const entities[256] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['\r'] = "&#13;"
	};
	size_t room = text.size, i;
	char *escaped, *out;

	for (i = 0; i < text.size; i++)
		room += entities[text.data[i]] != NULL ? 4 : 0;
	escaped = out = tally_arena_alloc(xml->arena, room + 1);
	for (i = 0; i < text.size; i++) {
		if (entities[text.data[i]] != NULL)
			out = stpcpy(out, entities[text.data[i]]);
		else
			*out++ = (char)text.data[i];
	}
	check(xml, xmlTextWriterWriteRawLen(xml->writer, BAD_CAST escaped, (int)(out - escaped)));
}

static void put_text(struct xml *xml, const char *name, const struct tally_node *node)
{
	bool encode = !carries(node->text);
	struct tally_bytes text = node->text;

	check(xml, xmlTextWriterStartElement(xml->writer, BAD_CAST name));
	if (encode)
		text = tally_bytes_str(tally_base64_encode(xml->arena, text));
	if (encode && node->marker == NULL)
		check(xml, xmlTextWriterWriteAttribute(xml->writer, BAD_CAST "encoding",
						       BAD_CAST "base64"));
	put_content(xml, text);
	check(xml, xmlTextWriterEndElement(xml->writer));
	if (encode && node->marker != NULL)
		put_element(xml, node->marker, "base64");
}

static void put_node(struct xml *xml, const char *name, const struct tally_node *node)
{
	const struct tally_node *child;
	char number[24];

	switch (node->kind) {
	case NODE_OBJECT:
	case NODE_LIST:
		check(xml, xmlTextWriterStartElement(xml->writer, BAD_CAST name));
		for (child = node->first; child != NULL; child = child->next)
			put_node(xml, node->kind == NODE_LIST ? node->item : child->name, child);
		check(xml, xmlTextWriterEndElement(xml->writer));
		break;
	case NODE_TEXT:
		put_text(xml, name, node);
		break;
	case NODE_UINT:
		snprintf(number, sizeof(number), "%" PRIu64, node->uint);
		put_element(xml, name, number);
		break;
	case NODE_INT:
		snprintf(number, sizeof(number), "%" PRId64, node->sint);
		put_element(xml, name, number);
		break;
	case NODE_BOOL:
		put_element(xml, name, node->boolean ? "true" : "false");
		break;
	}
}

struct tally_bytes tally_encode_xml(struct tally_arena *arena, const struct tally_node *node,
				    const char *root_name)
{
	xmlBufferPtr buffer = xmlBufferCreate();
	struct xml xml = { .arena = arena };
	struct tally_bytes text;

	if (buffer == NULL)
		abort();
	xmlBufferSetAllocationScheme(buffer, XML_BUFFER_ALLOC_DOUBLEIT);
	xml.writer = xmlNewTextWriterMemory(buffer, 0);
	if (xml.writer == NULL)
		abort();
	/* not xmlTextWriterStartDocument, which writes the encoding in upper case */
	check(&xml, xmlTextWriterWriteRaw(
			    xml.writer,
			    BAD_CAST "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"));
	put_node(&xml, root_name, node);
	check(&xml, xmlTextWriterFlush(xml.writer));
	xmlFreeTextWriter(xml.writer);
	if (xml.failed)
		abort();	/* out of memory, as everywhere */
	text = tally_arena_bytes(arena, tally_bytes(xmlBufferContent(buffer),
						    (size_t)xmlBufferLength(buffer)));
	xmlBufferFree(buffer);
	return text;
}
