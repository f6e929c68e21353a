/*
 * From a template to a configuration: placeholders and conditional lines (templates/README.md).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "buf.h"
#include "err.h"
#include "serve.h"

#define TEMPLATE_MAX 65536

/* A value that the configuration languages would read as something else cannot be quoted in all
 * of them: it is refused. */
static bool is_plain(const char *value)
{
	return strpbrk(value, "\"'\\$`@|\n\r\t") == NULL;
}

/* The mount point as part of a regular expression. */
static void escape(const char *text, char *escaped)
{
	for (; *text != '\0'; text++) {
		if (strchr(".+*?()[]{}^|", *text) != NULL)
			*escaped++ = '\\';
		*escaped++ = *text;
	}
	*escaped = '\0';
}

struct placeholder {
	const char *name;
	const char *value;
};

static const char *value_of(const struct placeholder *placeholders, const char *name, size_t size)
{
	for (; placeholders->name != NULL; placeholders++)
		if (strlen(placeholders->name) == size &&
		    memcmp(placeholders->name, name, size) == 0)
			return placeholders->value;
	return NULL;
}

/* "@NAME@" of capital letters and underscores; its end, or NULL. */
static const char *name_end(const char *at, const char *end)
{
	const char *p = at + 1;

	while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '_'))
		p++;
	return p < end && p > at + 1 && *p == '@' ? p : NULL;
}

static int replace(struct tally_buf *out, const char *line, const char *end,
		   const struct placeholder *placeholders, struct tally_err *err)
{
	while (line < end) {
		const char *stop = *line == '@' ? name_end(line, end) : NULL;
		const char *value;

		if (stop == NULL) {
			tally_buf_add_u8(out, (uint8_t)*line++);
			continue;
		}
		value = value_of(placeholders, line + 1, (size_t)(stop - line) - 1);
		if (value == NULL)
			return tally_err_set(err, TALLY_INVALID, "unknown placeholder %.*s",
					     (int)(stop - line) + 1, line);
		tally_buf_add_str(out, value);
		line = stop + 1;
	}
	return 0;
}

static bool begins(const char *line, const char *end, const char *prefix)
{
	return (size_t)(end - line) >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0;
}

/* lighttpd as root stays so when it is not told otherwise, and refuses to be told to. */
static bool changes_user(const struct serve *serve)
{
	return geteuid() == 0 && serve->server_user[0] != '\0' &&
	       (serve->server_uid != 0 || strcmp(serve->kind->name, "nginx") == 0);
}

/* One line with its line end; false where its condition does not hold. */
static bool is_wanted(const char **line, const char *end, bool as_user)
{
	if (begins(*line, end, "@ETC@") || (begins(*line, end, "@ROOT@") && !as_user))
		return false;
	if (begins(*line, end, "@ROOT@"))
		*line += strlen("@ROOT@");
	else if (begins(*line, end, "@RUN@"))
		*line += strlen("@RUN@");
	return true;
}

static int expand(const char *text, size_t size, const struct placeholder *placeholders,
		  bool as_user, struct tally_buf *out, struct tally_err *err)
{
	const char *at = text, *end = text + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline != NULL ? newline + 1 : end;

		if (is_wanted(&at, next, as_user) && replace(out, at, next, placeholders, err) != 0)
			return -1;
		at = next;
	}
	return 0;
}

static int read_template(const struct serve *serve, struct tally_buf *text, struct tally_err *err)
{
	char path[PATH_MAX + 32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "%s/%s.conf", serve->templates, serve->kind->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tally_err_errno(err, "template %s", path);
	got = read(fd, tally_buf_reserve(text, TEMPLATE_MAX), TEMPLATE_MAX);
	close(fd);
	if (got < 0)
		return tally_err_errno(err, "template %s", path);
	text->size = (size_t)got;
	return 0;
}

static int write_file(const char *path, const struct tally_buf *text, struct tally_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text->data, text->size) != (ssize_t)text->size) {
		tally_err_errno(err, "writing %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return close(fd) == 0 ? 0 : tally_err_errno(err, "writing %s", path);
}

static int make_directory(const struct serve *serve, const char *name, struct tally_err *err)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof path, "%s%s%s", serve->dir, *name != '\0' ? "/" : "", name);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return tally_err_errno(err, "making %s", path);
	if (geteuid() == 0 && *name != '\0' && chown(path, serve->server_uid, serve->server_gid) != 0)
		return tally_err_errno(err, "giving %s to the web server", path);
	return 0;
}

static int check_values(const struct placeholder *placeholders, struct tally_err *err)
{
	for (; placeholders->name != NULL; placeholders++)
		if (strcmp(placeholders->name, "MOUNT_RE") != 0 &&
		    strncmp(placeholders->name, "LISTEN", 6) != 0 && !is_plain(placeholders->value))
			return tally_err_set(err, TALLY_INVALID, "this cannot stand in a web server's "
					     "configuration: %s", placeholders->value);
	return 0;
}

/* ---- private listeners: in each, requests are marked with its name ---- */

static void add_lighttpd(struct tally_buf *listeners, struct tally_buf *listen,
			 const struct tally_listener *listener)
{
	(void)listen;
	tally_buf_printf(listeners, "$SERVER[\"socket\"] == \"%s:%u\" {\n"
			 "\tsetenv.add-environment = ( \"TALLY_LISTENER\" => \"%s\" )\n}\n",
			 listener->address, listener->port, listener->name);
}

/* Virtual hosts go by where the connection came in, whatever the client says of hosts and ports. */
static void add_apache(struct tally_buf *listeners, struct tally_buf *listen,
		       const struct tally_listener *listener)
{
	tally_buf_printf(listen, "Listen %s:%u\n", listener->address, listener->port);
	tally_buf_printf(listeners, "<VirtualHost %s:%u>\n\tServerName localhost\n\tAllowEncodedSlashes NoDecode\n"
			 "\tSetEnv TALLY_LISTENER \"%s\"\n</VirtualHost>\n",
			 listener->address, listener->port, listener->name);
}

/* Its variable has addresses of IPv6 without brackets and in their shortest form. */
static void add_nginx(struct tally_buf *listeners, struct tally_buf *listen,
		      const struct tally_listener *listener)
{
	struct tally_bytes address = tally_bytes_str(listener->address);
	struct tally_network network = { .bits = 128 };
	char text[TALLY_NETWORK_TEXT];

	if (address.data[0] == '[')
		address = tally_bytes(address.data + 1, address.size - 2);
	tally_address_parse(address, network.address);	/* as it was when it was read */
	tally_network_format(&network, text);
	tally_buf_printf(listen, "listen %s:%u;\n", listener->address, listener->port);
	tally_buf_printf(listeners, "\"%s %u\" \"%s\";\n", text, listener->port, listener->name);
}

/* Both texts end with a NUL. */
static void make_listeners(const struct serve *serve, struct tally_buf *listeners,
			   struct tally_buf *listen)
{
	const char *kind = serve->kind->name;
	void (*add)(struct tally_buf *, struct tally_buf *, const struct tally_listener *) =
		strncmp(kind, "lighttpd", 8) == 0 ? add_lighttpd :
		strncmp(kind, "apache", 6) == 0	  ? add_apache :
						    add_nginx;

	if (add == add_lighttpd && serve->listener_count > 0 && strcmp(kind, "lighttpd-cgi") != 0)
		tally_buf_add_str(listeners, "server.modules += ( \"mod_setenv\" )\n");
	for (size_t i = 0; i < serve->listener_count; i++)
		add(listeners, listen, &serve->listeners[i]);
	tally_buf_add_u8(listeners, 0);
	tally_buf_add_u8(listen, 0);
}

int serve_configure(struct serve *serve, struct tally_err *err)
{
	struct tally_buf listeners = { 0 }, listen = { 0 };
	char port[8], mount_re[2 * sizeof serve->mount], fcgi_dir[PATH_MAX];
	struct placeholder placeholders[] = {
		{ "DIR", serve->dir }, { "ADDRESS", serve->address }, { "PORT", port },
		{ "MOUNT", serve->mount }, { "PREFIX", *serve->mount ? serve->mount : "/" },
		{ "MOUNT_RE", mount_re }, { "SOCKET", serve->socket }, { "FCGI", serve->fcgi },
		{ "FCGI_DIR", fcgi_dir }, { "STORE", serve->store }, { "DRIVER", serve->driver },
		{ "CONFIG", serve->config }, { "USER", serve->server_user },
		{ "GROUP", serve->server_group }, { "MODULES", serve->modules },
		{ "LISTENERS", "" }, { "LISTEN_MORE", "" }, { NULL, NULL }
	};
	const size_t last = sizeof placeholders / sizeof placeholders[0] - 1;
	struct tally_buf text = { 0 }, out = { 0 };
	int result = -1;

	make_listeners(serve, &listeners, &listen);
	placeholders[last - 2].value = (const char *)listeners.data;
	placeholders[last - 1].value = (const char *)listen.data;
	snprintf(port, sizeof port, "%u", serve->port);
	escape(serve->mount, mount_re);
	snprintf(fcgi_dir, sizeof fcgi_dir, "%.*s", (int)(strrchr(serve->fcgi, '/') - serve->fcgi),
		 serve->fcgi);
	if (check_values(placeholders, err) == 0 && read_template(serve, &text, err) == 0 &&
	    expand((const char *)text.data, text.size, placeholders, changes_user(serve), &out,
		   err) == 0 &&
	    make_directory(serve, "htdocs", err) == 0 && make_directory(serve, "log", err) == 0 &&
	    make_directory(serve, "tmp", err) == 0)
		result = write_file(serve->file, &out, err);
	tally_buf_free(&text);
	tally_buf_free(&out);
	tally_buf_free(&listeners);
	tally_buf_free(&listen);
	return result;
}
