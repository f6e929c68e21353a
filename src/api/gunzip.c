/* gzip, by zlib; see gunzip.h. The output has its place before anything is read, so nothing can swell. */
#include "gunzip.h"

#include <limits.h>
#include <zlib.h>

#define GZIP_ONLY (16 + MAX_WBITS)	/* inflateInit2: no zlib header instead */

bool tally_gunzip(struct tally_bytes zipped, uint8_t *bytes_r, size_t most, size_t *size_r)
{
	z_stream stream = { .next_in = (uint8_t *)zipped.data, .avail_in = (uInt)zipped.size,
			    .next_out = bytes_r, .avail_out = (uInt)most };
	bool whole;

	if (zipped.size == 0 || zipped.size > INT_MAX || most > INT_MAX)
		return false;
	if (inflateInit2(&stream, GZIP_ONLY) != Z_OK)
		return false;
	whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0;
	*size_r = most - stream.avail_out;
	inflateEnd(&stream);
	return whole;
}
