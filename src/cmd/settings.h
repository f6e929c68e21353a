/* What verbs ask of the configuration beyond single settings. */
#ifndef TALLY_CMD_SETTINGS_H
#define TALLY_CMD_SETTINGS_H

struct tally_conf;

/* One section and its rows, for the check of keys and for the manual. */
struct settings_section {
	const char *name;
	const struct tally_setting *rows;
};

/* All sections of tally.conf but those of the drivers; ended by a NULL name. */
extern const struct settings_section settings_sections[];

/* Declares all sections, those of the built-in drivers too, so that tally_conf_check can tell. */
void settings_declare(struct tally_conf *conf);

/* Where the key file of the configured store is; lives as long as conf. */
const char *master_key_path(struct tally_conf *conf);

#endif
