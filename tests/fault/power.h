/* Simulated power cuts over one driver: the main function of a test program. */
#ifndef TALLY_POWER_H
#define TALLY_POWER_H

struct power_setting {
	const char *key, *value;	/* in the driver's section; small files show more */
};

/* TALLY_TEST_ROUNDS stores live several lives each; returns the exit code. */
int power_test(const char *driver, const struct power_setting *settings, int argc, char **argv);

#endif
