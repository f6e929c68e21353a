/*
 * Finding drivers by name: those built in (a table that configure's list generates), those added
 * at run time, and, in builds with modules, shared objects from a directory. What was found stays
 * for the life of the process; a module is never unloaded.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "buf.h"
#include "clock.h"
#include "hash.h"
#include "store.h"
#include "utf8.h"

#define DRIVERS_MAX 64
#define NAME_MAX_BYTES 32

/* Drivers are of the process, as its code is; so is this list. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct tally_driver *registered[DRIVERS_MAX];
static size_t registered_count;

/* A name becomes part of a file name, so it is a plain word: no slash, no dot, no surprise. */
static bool name_valid(const char *name)
{
	size_t size = strlen(name);

	if (size < 1 || size > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!islower(c) && !isdigit(c) && c != '_' && c != '-')
			return false;
	}
	return true;
}

static const struct tally_driver *known(const char *name)
{
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		if (strcmp(tally_builtin_drivers[i]->name, name) == 0)
			return tally_builtin_drivers[i];
	}
	for (size_t i = 0; i < registered_count; i++) {
		if (strcmp(registered[i]->name, name) == 0)
			return registered[i];
	}
	return NULL;
}

static int check_abi(const struct tally_driver *driver, const char *name, struct tally_err *err)
{
	if (driver->abi == TALLY_DRIVER_ABI)
		return 0;
	return tally_err_set(err, TALLY_UNSUPPORTED,
			     "driver %s was built for driver interface %u, this program has %u",
			     name, driver->abi, (unsigned int)TALLY_DRIVER_ABI);
}

static int add_locked(const struct tally_driver *driver, struct tally_err *err)
{
	/* The number comes first in the table: of another interface nothing else may be read. */
	if (check_abi(driver, "to register", err) < 0)
		return -1;
	if (driver->name == NULL || !name_valid(driver->name))
		return tally_err_set(err, TALLY_INVALID,
				     "a driver's name is 1 to %d of a-z, 0-9, _ and -", NAME_MAX_BYTES);
	if (known(driver->name) != NULL)
		return tally_err_set(err, TALLY_EXISTS, "there is a driver %s already", driver->name);
	if (registered_count == DRIVERS_MAX)
		return tally_err_set(err, TALLY_FULL, "driver %s: %d drivers are registered already",
				     driver->name, DRIVERS_MAX);
	registered[registered_count++] = driver;
	return 0;
}

int tally_driver_register(const struct tally_driver *driver, struct tally_err *err)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = add_locked(driver, err);
	pthread_mutex_unlock(&lock);
	return ret;
}

#ifdef TALLY_MODULES
/*
 * What a module may call lives in this program, and the linker keeps only what is named: one
 * function of each file of base/ and crypto/ that modules may use brings the whole file along
 * (programs that load modules are linked with -export-dynamic).
 */
__attribute__((used)) static void *const module_may_call[] = {
	(void *)tally_arena_alloc, (void *)tally_buf_add, (void *)tally_bytes_compare,
	(void *)tally_now_ms, (void *)tally_conf_load, (void *)tally_err_set, (void *)tally_log,
	(void *)tally_utf8_valid, (void *)tally_crc32c, (void *)tally_mark_encode,
};

/* 1 loaded, 0 there is no such file, -1 it is there but cannot be used. */
static int load_module(const char *name, const char *directory,
		       const struct tally_driver **driver_r, struct tally_err *err)
{
	char path[4096];
	const struct tally_driver *driver;
	void *handle;
	FILE *file;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s.so", directory, name) >= sizeof(path))
		return tally_err_set(err, TALLY_INVALID, "driver %s: path of the module is too long",
				     name);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	fclose(file);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return tally_err_set(err, TALLY_UNSUPPORTED, "driver %s: %s", name, dlerror());
	driver = dlsym(handle, TALLY_DRIVER_SYMBOL);
	if (driver == NULL) {
		tally_err_set(err, TALLY_UNSUPPORTED, "driver %s: %s has no " TALLY_DRIVER_SYMBOL,
			      name, path);
	} else if (check_abi(driver, name, err) == 0) {
		if (driver->name == NULL || strcmp(driver->name, name) != 0) {
			tally_err_set(err, TALLY_UNSUPPORTED,
				      "driver %s: %s holds a driver of another name", name, path);
		} else if (add_locked(driver, err) == 0) {
			*driver_r = driver;
			return 1;
		}
	}
	dlclose(handle);
	return -1;
}

static void list_modules(struct tally_buf *names, const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		size_t size = strlen(entry->d_name);
		char name[NAME_MAX_BYTES + 1];

		if (size < 4 || size - 3 > NAME_MAX_BYTES ||
		    strcmp(entry->d_name + size - 3, ".so") != 0)
			continue;
		memcpy(name, entry->d_name, size - 3);
		name[size - 3] = '\0';
		if (name_valid(name) && known(name) == NULL)
			tally_buf_printf(names, " %s", name);
	}
	closedir(dir);
}
#endif

static int not_found(const char *name, const char *module_dir, struct tally_err *err)
{
	struct tally_buf names = { 0 };

	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++)
		tally_buf_printf(&names, " %s", tally_builtin_drivers[i]->name);
	for (size_t i = 0; i < registered_count; i++)
		tally_buf_printf(&names, " %s", registered[i]->name);
#ifdef TALLY_MODULES
	list_modules(&names, module_dir);
#else
	(void)module_dir;
#endif
	tally_err_set(err, TALLY_NOTFOUND, "no driver %s; there are:%.*s", name, (int)names.size,
		      (const char *)names.data);
	tally_buf_free(&names);
	return -1;
}

static int find_locked(const char *name, const char *module_dir,
		       const struct tally_driver **driver_r, struct tally_err *err)
{
	*driver_r = known(name);
	if (*driver_r != NULL)
		return 0;
#ifdef TALLY_MODULES
	switch (load_module(name, module_dir, driver_r, err)) {
	case 1:
		return 0;
	case -1:
		return -1;
	}
#endif
	return not_found(name, module_dir, err);
}

int tally_driver_find(const char *name, const char *module_dir,
		      const struct tally_driver **driver_r, struct tally_err *err)
{
	int ret;

	*driver_r = NULL;
	if (!name_valid(name))
		return tally_err_set(err, TALLY_INVALID,
				     "a driver's name is 1 to %d of a-z, 0-9, _ and -", NAME_MAX_BYTES);
	if (module_dir == NULL)
		module_dir = TALLY_MODULE_DIR;
	pthread_mutex_lock(&lock);
	ret = find_locked(name, module_dir, driver_r, err);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- which driver ---- */

bool tally_driver_of(const char *location, char name[TALLY_DRIVER_NAME])
{
	static const char mark[] = "tallystick ";
	char path[4096], line[sizeof(mark) + TALLY_DRIVER_NAME + 1];
	size_t size;
	bool found;
	FILE *file;

	if (location == NULL || snprintf(path, sizeof(path), "%s/format", location) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	found = fgets(line, sizeof(line), file) != NULL &&
		strncmp(line, mark, sizeof(mark) - 1) == 0;
	fclose(file);
	if (!found)
		return false;
	size = strcspn(line + sizeof(mark) - 1, " \n");
	if (size >= TALLY_DRIVER_NAME)
		return false;
	memcpy(name, line + sizeof(mark) - 1, size);
	name[size] = '\0';
	return name_valid(name);
}

const char *tally_driver_default(void)
{
	return known("bdb") != NULL ? "bdb" : tally_builtin_drivers[0]->name;
}
