/* Power cuts over the bdb driver; small log files, so that there are many, and many checkpoints. */
#include <stddef.h>

#include "power.h"

int main(int argc, char **argv)
{
	static const struct power_setting settings[] = {
		{ "cache", "1M" },		/* pages are written before a checkpoint, too */
		{ "log_file", "1M" },
		{ "checkpoint", "1M" },
		{ NULL, NULL }
	};

	return power_test("bdb", settings, argc, argv);
}
