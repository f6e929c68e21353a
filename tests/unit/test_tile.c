/* Tiles: the vectors' bytes and names, nodes within a tile, names that must be refused. */
#include "tile.h"

#include "tap.h"
#include "vectors.h"

#define LEAVES 70000

static struct json_object *vectors;
static struct tally_hash *levels[3];	/* the hashes of tile levels 0, 1, 2 of 70,000 leaves */
static const size_t widths[3] = { LEAVES, LEAVES / 256, LEAVES / 65536 };

static void make_levels(void)
{
	struct tally_hash tile[TALLY_TILE_HASHES];
	char entry[32];
	size_t i;
	int size, l;

	for (l = 0; l < 3; l++)
		levels[l] = calloc(widths[l], sizeof(struct tally_hash));
	for (i = 0; i < LEAVES; i++) {
		size = snprintf(entry, sizeof(entry), "leaf-%zu", i);
		tally_leaf_hash(tally_bytes(entry, (size_t)size), &levels[0][i]);
	}
	for (l = 1; l < 3; l++)
		for (i = 0; i < widths[l]; i++) {
			memcpy(tile, &levels[l - 1][i * 256], 256 * sizeof(tile[0]));
			tally_tile_complete(tile, &levels[l][i]);
		}
}

/* Each tile of the vectors: its name read and written, its bytes. */
static void tiles_of_70000(void)
{
	struct json_object *tiles = vectors_member(vectors, "tiles_70000");
	unsigned int hashed = 0, count = 0;

	json_object_object_foreach(tiles, name, tile) {
		char text[96], hex[65];
		uint8_t hash[32];
		unsigned int width;
		uint64_t number;
		int level;

		CASE("%s", name);
		count++;
		REQUIRE(tally_tile_parse(tally_bytes_str(name), &level, &number, &width));
		CHECK_INT(tally_tile_path(level, number, width, text), strlen(name));
		CHECK_STR(text, name);
		if (level < 0) {
			CHECK(strncmp(name, "tile/entries/", 13) == 0);
			continue;
		}
		CHECK_INT(width * 32, vectors_number(tile, "bytes"));
		REQUIRE(level < 3 && number * 256 + width <= widths[level]);
		tally_sha256(&levels[level][number * 256], width * 32, hash);
		tally_hex_encode(hash, sizeof(hash), hex);
		CHECK_STR(hex, vectors_text(tile, "sha256"));
		hashed++;
	}
	CHECK_INT(hashed, 6);
	CHECK_INT(count, 8);
}

/* The bundles of the vectors, made and read back; no part of one is a whole one. */
static void bundles_of_70000(void)
{
	static const struct { const char *name; unsigned int first, count; } bundles[] = {
		{ "tile/entries/000", 0, 256 }, { "tile/entries/273.p/112", 69888, 112 }
	};
	struct json_object *tiles = vectors_member(vectors, "tiles_70000");

	for (size_t i = 0; i < 2; i++) {
		struct json_object *tile = vectors_member(tiles, bundles[i].name);
		uint8_t bytes[4096], hash[32];
		struct tally_bytes rest, entry;
		unsigned int count = 0;
		struct tally_hash leaf;
		size_t size = 0, cut;
		char hex[65];
		int more;

		CASE("%s", bundles[i].name);
		for (unsigned int k = 0; k < bundles[i].count; k++) {
			int length = sprintf((char *)bytes + size + 2, "leaf-%u", bundles[i].first + k);

			tally_put_u16(bytes + size, (uint16_t)length);
			size += 2 + (size_t)length;
		}
		CHECK_INT(size, vectors_number(tile, "bytes"));
		tally_sha256(bytes, size, hash);
		tally_hex_encode(hash, sizeof(hash), hex);
		CHECK_STR(hex, vectors_text(tile, "sha256"));
		for (rest = tally_bytes(bytes, size); (more = tally_bundle_next(&rest, &entry)) == 1; ) {
			tally_leaf_hash(entry, &leaf);
			CHECK_MEM(&leaf, &levels[0][bundles[i].first + count], sizeof(leaf));
			count++;
		}
		CHECK_INT(more, 0);
		CHECK_INT(count, bundles[i].count);
		for (cut = 1; cut < 8; cut++) {		/* inside the first entry and its size */
			rest = tally_bytes(bytes, cut);
			CHECK_INT(tally_bundle_next(&rest, &entry), -1);
		}
	}
}

/* Which hashes a level's last tile has, for some sizes. */
static void partial_widths(void)
{
	struct json_object *sizes = vectors_member(vectors, "partial_widths");

	json_object_object_foreach(sizes, text, list) {
		uint64_t size = strtoull(text, NULL, 10);
		size_t level;

		for (level = 0; level < json_object_array_length(list); level++) {
			uint64_t want = (uint64_t)json_object_get_int64(json_object_array_get_idx(list, level));
			uint64_t hashes = size >> (8 * level), number, width;
			unsigned int width_read;
			uint64_t number_read;
			char path[96];
			int level_read, length;

			CASE("size %s level %zu", text, level);
			CHECK(hashes % TALLY_TILE_WIDTH == want);
			if (hashes == 0)
				continue;
			number = (hashes - 1) / TALLY_TILE_WIDTH;
			width = want != 0 ? want : TALLY_TILE_WIDTH;
			length = tally_tile_path((int)level, number, (unsigned int)width, path);
			CHECK_INT(strstr(path, ".p/") != NULL, want != 0);
			REQUIRE(tally_tile_parse(tally_bytes(path, (size_t)length), &level_read,
						 &number_read, &width_read));
			CHECK_INT(level_read, level);
			CHECK(number_read == number && width_read == width);
		}
	}
}

static void vector_paths(void)
{
	struct json_object *paths = vectors_member(vectors, "tile_paths");
	unsigned int count = 0;

	json_object_object_foreach(paths, text, want) {
		char path[96];

		CASE("tile %s", text);
		tally_tile_path(0, strtoull(text, NULL, 10), TALLY_TILE_WIDTH, path);
		CHECK_STR(path, json_object_get_string(want));
		count++;
	}
	CHECK_INT(count, 5);
}

static void more_paths(void)
{
	static const struct {
		int level;
		uint64_t number;
		unsigned int width;
		const char *want;
	} cases[] = {
		{ -1, 0, 256, "tile/entries/000" },
		{ -1, 1234067, 1, "tile/entries/x001/x234/067.p/1" },
		{ 0, 67, 112, "tile/0/067.p/112" },
		{ 7, 0, 255, "tile/7/000.p/255" },
		{ 0, 999999, 256, "tile/0/x999/999" },
		{ 0, 1000000, 256, "tile/0/x001/x000/000" },
		{ 3, UINT64_MAX, 99, "tile/3/x018/x446/x744/x073/x709/x551/615.p/99" },
		{ -1, UINT64_MAX, 255, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255" }
	};
	unsigned int width;
	uint64_t number;
	char path[96];
	int level;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].want);
		CHECK_INT(tally_tile_path(cases[i].level, cases[i].number, cases[i].width, path),
			  strlen(cases[i].want));
		CHECK_STR(path, cases[i].want);
		REQUIRE(tally_tile_parse(tally_bytes_str(cases[i].want), &level, &number, &width));
		CHECK_INT(level, cases[i].level);
		CHECK(number == cases[i].number);
		CHECK_INT(width, cases[i].width);
	}
}

static void malformed_paths(void)
{
	static const char *const cases[] = {
		"", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile//000",
		"tile/8/000", "tile/64/000", "tile/00/000", "tile/-1/000", "tile/+1/000", "tile/x/000",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/1000", "tile/0/abc", "tile/0/00a",
		"tile/0/x000", "tile/0/x000/001", "tile/0/x001", "tile/0/x001/", "tile/0/001/002",
		"tile/0/x001/x002", "tile/0/x01/002", "tile/0/X001/002", "tile/0/x001/x002/",
		"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/257",
		"tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/000.p/1 ", "tile/0/000.p/-1",
		"tile/0/000.p/x", "tile/0/000.P/1", "tile/0/x001.p/5/000", " tile/0/000", "tile/0/000 ",
		"tile/0/000\n", "Tile/0/000", "tile/entries", "tile/entries/", "tile/entry/000",
		"tile/Entries/000", "tile/entries/0/000", "tile/data/000", "tile/0/../0/000",
		"tile/0/%30%30%30", "tile/0/x018/x446/x744/x073/x709/x551/616",
		"tile/0/x019/x000/x000/x000/x000/x000/000",
		"tile/0/x001/x018/x446/x744/x073/x709/x551/615",
		"tile/0/x000/x018/x446/x744/x073/x709/x551/615", "tile/0/\xd9\xa0\xd9\xa0\xd9\xa0"
	};
	unsigned int width;
	uint64_t number;
	int level;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("\"%s\"", cases[i]);
		CHECK(!tally_tile_parse(tally_bytes_str(cases[i]), &level, &number, &width));
	}
	CASE("NUL inside");
	CHECK(!tally_tile_parse(TALLY_BYTES_LIT("tile/0/000\0"), &level, &number, &width));
}

/* Every node of a complete tile, by place and by computing it from the hashes alone. */
static void nodes_of_a_full_tile(void)
{
	struct tally_hash tile[TALLY_TILE_HASHES], root, node;
	unsigned int sub, index;
	size_t places = 0;

	memcpy(tile, levels[0], 256 * sizeof(tile[0]));
	tally_tile_complete(tile, &root);
	CHECK_MEM(&root, &levels[1][0], sizeof(root));
	for (sub = 0; sub < 8; sub++)
		for (index = 0; index < 256u >> sub; index++, places++) {
			CASE("sublevel %u index %u", sub, index);
			CHECK_INT(tally_tile_place(sub, index), places);
			REQUIRE(tally_tile_subtree(tile, 256, sub, index, &node));
			CHECK_MEM(&node, &tile[places], sizeof(node));
		}
	CHECK_INT(places, TALLY_TILE_HASHES);
	REQUIRE(tally_tile_subtree(tile, 256, 8, 0, &node));
	CHECK_MEM(&node, &root, sizeof(node));
	CHECK_INT(TALLY_TILE_BYTES, 16320);
}

/* In a partial tile a subtree is there when all its hashes are; nothing beyond is read. */
static void nodes_of_partial_tiles(void)
{
	struct tally_hash full[TALLY_TILE_HASHES], root, node;
	unsigned int width, sub, index;

	memcpy(full, levels[0], 256 * sizeof(full[0]));
	tally_tile_complete(full, &root);
	for (width = 0; width <= 256; width++) {
		struct tally_hash *part = malloc(width * sizeof(*part) + 1);

		memcpy(part, full, width * sizeof(*part));
		for (sub = 0; sub <= 9; sub++)
			for (index = 0; index < 300; index += 1 + index / 40) {
				bool want = sub <= 8 && (uint64_t)(index + 1) << sub <= width;
				bool got = tally_tile_subtree(part, width, sub, index, &node);

				if (got != want || (got && memcmp(&node, sub == 8 ? &root :
				    &full[tally_tile_place(sub, index)], sizeof(node)) != 0)) {
					FAIL("width %u sublevel %u index %u", width, sub, index);
					free(part);
					return;
				}
			}
		free(part);
	}
	CHECK(!tally_tile_subtree(full, 257, 0, 0, &node));
	CHECK(!tally_tile_subtree(full, 256, 8, UINT32_MAX, &node));
	CHECK(!tally_tile_subtree(full, 256, 32, 0, &node));
}

int main(void)
{
	vectors = vectors_load("transparency-log-vectors.json");
	make_levels();
	TEST(tiles_of_70000);
	TEST(bundles_of_70000);
	TEST(partial_widths);
	TEST(vector_paths);
	TEST(more_paths);
	TEST(malformed_paths);
	TEST(nodes_of_a_full_tile);
	TEST(nodes_of_partial_tiles);
	free(levels[0]);
	free(levels[1]);
	free(levels[2]);
	json_object_put(vectors);
	return tap_done();
}
