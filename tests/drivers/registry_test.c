/*
 * Finding drivers: built in, registered, refused, and, in builds with modules, loaded from the
 * directory that TALLY_TEST_EXAMPLES names (module_test.sh fills it).
 */
#include "config.h"

#include <stdlib.h>

#include "mem.h"
#include "store.h"
#include "tap.h"

static struct tally_driver copy_of_mem(const char *name)
{
	const struct tally_driver *mem;
	struct tally_driver copy = { .abi = 0 };
	struct tally_err err;

	if (tally_driver_find("mem", NULL, &mem, &err) == 0)
		copy = *mem;
	copy.name = name;
	return copy;
}

static void built_in_drivers_are_found(void)
{
	const struct tally_driver *driver;
	struct tally_err err;

	CHECK(tally_builtin_drivers[0] != NULL);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		CASE("%s", tally_builtin_drivers[i]->name);
		CHECK_OK(tally_driver_find(tally_builtin_drivers[i]->name, NULL, &driver, &err));
		CHECK(driver == tally_builtin_drivers[i]);
		CHECK(driver->abi == TALLY_DRIVER_ABI && driver->summary != NULL);
	}
}

static void an_unknown_name_lists_the_known(void)
{
	const struct tally_driver *driver;
	struct tally_err err;

	CHECK_FAILS(tally_driver_find("nosuch", "/nonexistent", &driver, &err), TALLY_NOTFOUND);
	CHECK(driver == NULL);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++)
		CHECK(strstr(err.text, tally_builtin_drivers[i]->name) != NULL);
}

static void a_name_is_a_plain_word(void)
{
	static const char *const bad[] = {
		"", "../mem", "a/b", "/tmp/x", ".", "mem.so", "Mem", "me m", "m\xc3\xa4m",
		"a23456789012345678901234567890123",
	};
	const struct tally_driver *driver;
	struct tally_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tally_driver named = copy_of_mem(bad[i]);

		CASE("\"%s\"", bad[i]);
		CHECK_FAILS(tally_driver_find(bad[i], NULL, &driver, &err), TALLY_INVALID);
		CHECK_FAILS(tally_driver_register(&named, &err), TALLY_INVALID);
	}
}

static void registering(void)
{
	static struct tally_driver mine;	/* the registry keeps it */
	const struct tally_driver *driver;
	struct tally_err err;

	mine = copy_of_mem("mine");
	CHECK_FAILS(tally_driver_find("mine", NULL, &driver, &err), TALLY_NOTFOUND);
	CHECK_OK(tally_driver_register(&mine, &err));
	CHECK_OK(tally_driver_find("mine", NULL, &driver, &err));
	CHECK(driver == &mine);
	CHECK_FAILS(tally_driver_register(&mine, &err), TALLY_EXISTS);
	CHECK_FAILS(tally_driver_find("nosuch", "/nonexistent", &driver, &err), TALLY_NOTFOUND);
	CHECK(strstr(err.text, "mine") != NULL);
}

static void a_name_twice(void)
{
	struct tally_driver again = copy_of_mem("mem");
	struct tally_err err;

	CHECK_FAILS(tally_driver_register(&again, &err), TALLY_EXISTS);
}

static void another_interface_is_refused(void)
{
	const struct tally_store_args args = { .location = "mem:", .create = true, .blocks = true };
	struct tally_driver old = copy_of_mem("old");
	struct tally_store *store;
	struct tally_err err;

	old.abi = 4711;
	CHECK_FAILS(tally_driver_register(&old, &err), TALLY_UNSUPPORTED);
	CHECK(strstr(err.text, "4711") != NULL && strstr(err.text, " 1") != NULL);
	CHECK_FAILS(tally_store_open(&old, &args, &store, &err), TALLY_UNSUPPORTED);
	CHECK(strstr(err.text, "4711") != NULL && strstr(err.text, " 1") != NULL);
}

static void halves_that_a_driver_lacks(void)
{
	struct tally_driver half = copy_of_mem("half");
	struct tally_store_args args = { .location = "mem:", .create = true, .blocks = true,
					 .index = true };
	struct tally_store *store;
	struct tally_err err;

	half.caps &= ~(uint32_t)TALLY_CAP_INDEX;
	CHECK_FAILS(tally_store_open(&half, &args, &store, &err), TALLY_UNSUPPORTED);
	half.caps = TALLY_CAP_INDEX;
	CHECK_FAILS(tally_store_open(&half, &args, &store, &err), TALLY_UNSUPPORTED);
	args.blocks = args.index = false;
	CHECK_FAILS(tally_store_open(&half, &args, &store, &err), TALLY_INVALID);
	args.blocks = true;
	args.location = "";
	CHECK_FAILS(tally_store_open(&half, &args, &store, &err), TALLY_INVALID);
}

static void marks_as_bytes(void)
{
	struct tally_mark mark = { .blocks = 0x0102030405060708u, .projection = 0xa1a2a3a4u }, back;
	uint8_t bytes[TALLY_MARK_SIZE];

	memset(mark.header_hash, 0x11, sizeof(mark.header_hash));
	memset(mark.store_id, 0x22, sizeof(mark.store_id));
	tally_mark_encode(&mark, bytes);
	CHECK_MEM(bytes, "\1\2\3\4\5\6\7\10", 8);
	CHECK(bytes[8] == 0x11 && bytes[39] == 0x11 && bytes[40] == 0x22 && bytes[55] == 0x22);
	CHECK_MEM(bytes + 56, "\xa1\xa2\xa3\xa4", 4);
	tally_mark_decode(&back, bytes);
	CHECK(tally_mark_equal(&mark, &back));
	back.store_id[3] ^= 1;
	CHECK(!tally_mark_equal(&mark, &back));
}

#ifdef TALLY_MODULES
static void modules_are_loaded(void)
{
	const char *directory = getenv("TALLY_TEST_EXAMPLES");
	const struct tally_driver *driver, *again;
	struct tally_err err;

	if (directory == NULL)
		SKIP("TALLY_TEST_EXAMPLES names no directory (run by module_test.sh)");
	CHECK_FAILS(tally_driver_find("nosuch", directory, &driver, &err), TALLY_NOTFOUND);
	CHECK(strstr(err.text, "example") != NULL);
	CHECK_OK(tally_driver_find("example", directory, &driver, &err));
	REQUIRE(driver != NULL);
	CHECK_STR(driver->name, "example");
	CHECK_OK(tally_driver_find("example", directory, &again, &err));
	CHECK(driver == again);
	/* One of a later interface, one under a wrong name, one that is no module at all. */
	CHECK_FAILS(tally_driver_find("later", directory, &driver, &err), TALLY_UNSUPPORTED);
	CHECK(strstr(err.text, "99") != NULL && strstr(err.text, " 1") != NULL);
	CHECK_FAILS(tally_driver_find("misnamed", directory, &driver, &err), TALLY_UNSUPPORTED);
	CHECK_FAILS(tally_driver_find("garbage", directory, &driver, &err), TALLY_UNSUPPORTED);
	CHECK(driver == NULL);
}
#endif

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	TEST(built_in_drivers_are_found);
	TEST(an_unknown_name_lists_the_known);
	TEST(a_name_is_a_plain_word);
	TEST(registering);
	TEST(a_name_twice);
	TEST(another_interface_is_refused);
	TEST(halves_that_a_driver_lacks);
	TEST(marks_as_bytes);
#ifdef TALLY_MODULES
	TEST(modules_are_loaded);
#endif
	return tap_done();
}
