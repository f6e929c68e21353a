/* Reading a policy's file; see policyfile.h. */
#include "policyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"

/* At most size bytes; how many, or -1 with errno. */
static ssize_t read_up_to(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while (used < size) {
		got = read(fd, text + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

int tally_policy_file_take(int fd, const char *path, struct tally_policy_file **file_r,
			   struct tally_err *err)
{
	struct tally_policy_file *file = tally_calloc(1, sizeof(*file));
	ssize_t size;
	int result;

	file->text = tally_malloc(TALLY_POLICY_MAX + 1);
	size = read_up_to(fd, file->text, TALLY_POLICY_MAX + 1);
	if (size < 0)
		result = tally_err_errno(err, "%s", path);
	else if (tally_policy_parse(tally_bytes(file->text, (size_t)size), &file->policy, err) != 0)
		result = tally_err_prefix(err, "%s", path);
	else
		result = 0;
	if (result != 0)
		tally_policy_file_free(&file);
	*file_r = file;
	return result;
}

int tally_policy_file_read(const char *path, struct tally_policy_file **file_r,
			   struct tally_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), result;

	*file_r = NULL;
	if (fd < 0 && errno == ENOENT)
		return tally_err_set(err, TALLY_NOTFOUND, "there is no policy file %s", path);
	if (fd < 0)
		return tally_err_errno(err, "%s", path);
	result = tally_policy_file_take(fd, path, file_r, err);
	close(fd);
	return result;
}

void tally_policy_file_free(struct tally_policy_file **file)
{
	if (*file == NULL)
		return;
	free((*file)->text);
	free(*file);
	*file = NULL;
}
