/* make_rich DRIVER DIR: a new store that has something of everything (../unit/rich.h). Its key file is
 * DIR.key, the certificate of its time-stamp authority DIR.ca.pem. Prints NAME=LEDGER for its ledgers. */
#include "config.h"

#include <stdio.h>

#include "conf.h"
#include "log.h"
#include "rich.h"
#include "secret_file.h"

int main(int argc, char **argv)
{
	struct tally_core_options options;
	struct tally_err err;
	struct rich rich;
	char path[4096];
	FILE *file;

	if (argc != 3 || tally_log_open(TALLY_LOG_WARN, NULL, &err) != 0)
		return 2;
	if (!rich_begin(&rich, &err) || !rich_configure(&rich, argv[1], argv[2], &options) ||
	    tally_core_init(&options, "test.example/rich", &rich.first, &err) != 0 ||
	    tally_core_open(&options, &rich.core, &err) != 0 || !rich_fill(&rich, 2, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	snprintf(path, sizeof(path), "%.4000s.ca.pem", argv[2]);
	file = fopen(path, "w");
	if (file == NULL || fwrite(rich.ca.data, 1, rich.ca.size, file) != rich.ca.size ||
	    fclose(file) != 0)
		return 1;
	printf("plain=%s\nstrict=%s\nkeys=%s\nerased=%s\ngone=%s\n", rich.plain, rich.strict, rich.keys,
	       rich.erased, rich.gone);
	rich_end(&rich);
	return 0;
}
