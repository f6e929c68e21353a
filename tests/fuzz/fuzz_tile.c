/* Names of tiles: one name, one tile, both ways. */
#include "fuzz.h"
#include "tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	unsigned int width, width_read;
	uint64_t number, number_read;
	int level, level_read, length;
	uint8_t choice[2];
	char text[96];

	if (tally_tile_parse(input, &level, &number, &width)) {
		PROMISE(level >= -1 && level < TALLY_TILE_LEVELS);
		PROMISE(width >= 1 && width <= TALLY_TILE_WIDTH);
		tally_tile_path(level, number, width, text);
		PROMISE(tally_bytes_is(input, text));
	}
	fuzz_take(&input, choice, sizeof(choice));
	number = fuzz_take_u64(&input);
	level = choice[0] % (TALLY_TILE_LEVELS + 1) - 1;
	width = choice[1] + 1u;
	length = tally_tile_path(level, number, width, text);
	PROMISE(length > 0 && length < (int)sizeof(text) && strlen(text) == (size_t)length);
	PROMISE(tally_tile_parse(tally_bytes_str(text), &level_read, &number_read, &width_read));
	PROMISE(level_read == level && number_read == number && width_read == width);
	return 0;
}
