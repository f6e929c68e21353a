/*
 * tally serve: the store behind a web server, now. Makes the server's configuration out of a
 * template and runs the server with tally.fcgi, in the foreground or (--daemon) behind.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arena.h"
#include "bytes.h"
#include "conf.h"
#include "err.h"
#include "fill.h"
#include "log.h"
#include "serve.h"
#include "settings.h"
#include "verb.h"

static const char *const lighttpd_names[] = { "lighttpd", NULL };
static const char *const apache_names[] = { "apache2", "httpd", NULL };
static const char *const nginx_names[] = { "nginx", NULL };
static const char *const lighttpd_arguments[] = { "-D", "-f", "@FILE@", NULL };
static const char *const apache_arguments[] = { "-D", "FOREGROUND", "-f", "@FILE@", NULL };
static const char *const nginx_arguments[] = { "-p", "@DIR@", "-e", "log/error.log", "-c", "@FILE@", NULL };

/* Those that are supervised lose no request while tally.fcgi is started again. */
static const struct serve_kind kinds[] = {
	{ "lighttpd", lighttpd_names, true, SIGINT, lighttpd_arguments, false },
	{ "apache", apache_names, true, SIGWINCH, apache_arguments, false },
	{ "nginx", nginx_names, true, SIGQUIT, nginx_arguments, false },
	{ "lighttpd-spawn", lighttpd_names, false, SIGINT, lighttpd_arguments, true },
	{ "lighttpd-cgi", lighttpd_names, false, SIGINT, lighttpd_arguments, true },
	{ "apache-fcgid", apache_names, false, SIGWINCH, apache_arguments, true },
	{ "apache-cgi", apache_names, false, SIGWINCH, apache_arguments, true },
};

static const struct serve_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* ---- what is where ---- */

/* Cuts off what does not fit; false then. */
static bool copy_text(char *to, size_t room, const char *text)
{
	size_t size = strlen(text), fits = size < room ? size : room - 1;

	memcpy(to, text, fits);
	to[fits] = '\0';
	return fits == size;
}

/* Also without /usr/sbin in PATH, as users have it. */
static bool find_program(const char *name, char *path_r)
{
	const char *paths[] = { getenv("PATH"), "/usr/sbin:/usr/local/sbin:/sbin" };

	for (size_t i = 0; i < 2; i++)
		for (const char *at = paths[i]; at != NULL && *at != '\0';) {
			size_t size = strcspn(at, ":");

			snprintf(path_r, PATH_MAX, "%.*s/%s", (int)size, at, name);
			if (size > 0 && access(path_r, X_OK) == 0)
				return true;
			at += size + (at[size] == ':');
		}
	return false;
}

static bool find_server(struct serve *serve)
{
	for (const char *const *name = serve->kind->programs; *name != NULL; name++)
		if (find_program(*name, serve->program))
			return true;
	return false;
}

static void find_modules(struct serve *serve)
{
	static const char *const places[] = { "/usr/lib/apache2/modules", "/usr/lib64/httpd/modules",
					      "/usr/lib/httpd/modules", "/usr/libexec/apache2" };
	const char *given = getenv("TALLY_APACHE_MODULES");

	for (size_t i = 0; given == NULL && i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], X_OK) == 0)
			given = places[i];
	copy_text(serve->modules, sizeof serve->modules, given != NULL ? given : places[0]);
}

/* A tally that was not installed uses what was built beside it. */
static void find_parts(struct serve *serve, const char *fcgi, const char *templates)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 64];
	ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[size > 0 ? size : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(path, sizeof path, "%s/../gateway/tally.fcgi", self);
	if (fcgi == NULL)
		fcgi = access(path, X_OK) == 0 ? path : TALLY_FCGI_FILE;
	if (realpath(fcgi, serve->fcgi) == NULL)
		copy_text(serve->fcgi, sizeof serve->fcgi, fcgi);
	snprintf(path, sizeof path, "%s/../../templates/lighttpd.conf", self);
	if (templates == NULL && access(path, R_OK) == 0)
		snprintf(path, sizeof path, "%s/../../templates", self);
	else if (templates == NULL)
		templates = TALLY_TEMPLATES_DIR;
	if (realpath(templates != NULL ? templates : path, serve->templates) == NULL)
		copy_text(serve->templates, sizeof serve->templates, templates != NULL ? templates : path);
}

/* ---- options ---- */

static bool set_listen(struct serve *serve, const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof serve->address || colon == text ||
	    !tally_parse_u64(tally_bytes_str(colon + 1), 65535, &port))
		return false;
	memcpy(serve->address, text, (size_t)(colon - text));
	serve->port = (unsigned int)port;
	return strspn(serve->address, "0123456789.:abcdefABCDEF[]") == strlen(serve->address);
}

/* A port that was free a moment ago; nothing else hands out the same one soon after. */
static bool choose_port(struct serve *serve)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool is_six = serve->address[0] == '[';
	struct sockaddr *address = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t size = is_six ? sizeof six : sizeof four;
	char host[64];
	int fd;

	if (serve->port != 0)
		return true;
	copy_text(host, sizeof host, serve->address + is_six);
	host[strcspn(host, "]")] = '\0';
	if (inet_pton(is_six ? AF_INET6 : AF_INET, host, is_six ? (void *)&six.sin6_addr :
		      (void *)&four.sin_addr) != 1)
		return false;
	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, address, size) != 0 || getsockname(fd, address, &size) != 0)
		return false;
	close(fd);
	serve->port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return true;
}

static bool set_mount(struct serve *serve, const char *mount)
{
	size_t size;

	if (mount[0] != '/' || !copy_text(serve->mount, sizeof serve->mount, mount))
		return false;
	for (size = strlen(serve->mount); size > 0 && serve->mount[size - 1] == '/'; size--)
		serve->mount[size - 1] = '\0';
	return strspn(serve->mount, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		      "/-._~") == strlen(serve->mount) && strstr(serve->mount, "//") == NULL;
}

/* May this user enter the directory and all above it? Group membership beside its own is not
 * asked: a web server that drops root's rights drops those too. */
static bool can_reach(const char *dir, const struct passwd *user)
{
	char path[PATH_MAX];
	struct stat st;

	copy_text(path, sizeof path, dir);
	for (;;) {
		char *slash = strrchr(path, '/');
		mode_t bit = S_IXOTH;

		if (stat(*path != '\0' ? path : "/", &st) != 0)
			return false;
		if (st.st_uid == user->pw_uid)
			bit = S_IXUSR;
		else if (st.st_gid == user->pw_gid)
			bit = S_IXGRP;
		if (user->pw_uid != 0 && (st.st_mode & bit) == 0)
			return false;
		if (slash == NULL)
			return true;
		*slash = '\0';
	}
}

/*
 * The user that web servers have on most systems, for a server that root starts. Where that user
 * cannot reach the directory, as below /root, the server stays root; lighttpd and nginx can.
 */
static int choose_user(struct verb_call *call, struct serve *serve)
{
	static const char *const names[] = { "www-data", "apache", "http", "nginx", "nobody" };
	const struct passwd *user = NULL;
	const struct group *group;

	for (size_t i = 0; user == NULL && i < sizeof names / sizeof names[0]; i++)
		user = getpwnam(names[i]);
	if (!serve->kind->supervised)
		user = getpwuid(serve->store_uid);
	if (geteuid() == 0 && user != NULL && !can_reach(serve->dir, user)) {
		if (strcmp(serve->kind->name, "apache") == 0)
			return verb_fail(call, "Apache's user %s cannot reach %s: name another --dir",
					 user->pw_name, serve->dir);
		fprintf(stderr, "tally serve: %s cannot reach %s, so the web server runs as root\n",
			user->pw_name, serve->dir);
		user = getpwuid(0);
	}
	if (user == NULL)
		return VERB_OK;
	serve->server_uid = user->pw_uid;
	serve->server_gid = user->pw_gid;
	copy_text(serve->server_user, sizeof serve->server_user, user->pw_name);
	group = getgrgid(user->pw_gid);
	copy_text(serve->server_group, sizeof serve->server_group,
		  group != NULL ? group->gr_name : user->pw_name);
	return VERB_OK;
}

static int set_store(struct verb_call *call, struct serve *serve)
{
	const char *path = verb_store_path(call);
	const char *config = verb_value(call, "config", getenv("TALLY_CONFIG"));
	struct tally_gateway_settings settings;
	struct tally_err err;
	struct stat st;

	if (path == NULL)
		return VERB_USAGE;
	settings_declare(call->conf);
	if (tally_conf_check(call->conf, &err) != 0 ||
	    tally_gateway_settings_load(call->conf, &settings, &err) != 0)
		return verb_fail_err(call, &err);
	tally_gateway_settings_free(&settings);
	if (tally_listeners_parse(tally_conf_get(call->conf, "access", "listeners"), serve->arena,
				  &serve->listeners, &serve->listener_count, &err) != 0)
		return verb_fail_err(call, &err);
	if (strstr(path, "://") != NULL)
		copy_text(serve->store, sizeof serve->store, path);
	else if (realpath(path, serve->store) == NULL || stat(serve->store, &st) != 0)
		return verb_fail(call, "the store %s: %s", path, strerror(errno));
	else
		serve->store_uid = st.st_uid, serve->store_gid = st.st_gid;
	copy_text(serve->driver, sizeof serve->driver, verb_driver_name(call));
	if (config != NULL && *config != '\0' && realpath(config, serve->config) == NULL)
		return verb_fail(call, "%s: %s", config, strerror(errno));
	return VERB_OK;
}

/* A witness alone, which is as its directory says. */
static int set_witness(struct verb_call *call, const char *directory, struct serve *serve)
{
	struct stat st;

	if (realpath(directory, serve->witness) == NULL || stat(serve->witness, &st) != 0)
		return verb_fail(call, "the witness %s: %s", directory, strerror(errno));
	serve->store_uid = st.st_uid;
	serve->store_gid = st.st_gid;
	return VERB_OK;
}

/* tally.fcgi learns of the witness from a configuration, which every kind of web server passes on. */
static int write_witness_conf(struct verb_call *call, struct serve *serve)
{
	FILE *file;
	bool good;

	if (serve->witness[0] == '\0')
		return VERB_OK;
	if (strpbrk(serve->witness, "\"\\\n") != NULL ||
	    (size_t)snprintf(serve->config, sizeof serve->config, "%s/witness.tally.conf",
			     serve->dir) >= sizeof serve->config)
		return verb_fail(call, "%s cannot stand in a configuration", serve->witness);
	file = fopen(serve->config, "we");
	good = file != NULL && fprintf(file, "[witness]\ndirectory = \"%s\"\n", serve->witness) > 0;
	if (file != NULL && fclose(file) != 0)
		good = false;
	return good ? VERB_OK : verb_fail(call, "%s: %s", serve->config, strerror(errno));
}

static int make_dir(struct verb_call *call, struct serve *serve)
{
	const char *dir = verb_value(call, "dir", NULL);
	char path[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s.serve",
		 serve->witness[0] != '\0' ? serve->witness : serve->store);
	if (dir == NULL && strstr(serve->store, "://") != NULL)
		return verb_misuse(call, "the store is no directory: name one with --dir");
	if (dir == NULL)
		dir = path;
	if (!verb_given(call, "stop") && mkdir(dir, 0755) != 0 && errno != EEXIST)
		return verb_fail(call, "making %s: %s", dir, strerror(errno));
	if (realpath(dir, serve->dir) == NULL)
		return verb_fail(call, "%s: %s", dir, strerror(errno));
	if ((size_t)snprintf(serve->file, sizeof serve->file, "%s/%s.conf", serve->dir,
			     serve->kind->name) >= sizeof serve->file)
		return verb_fail(call, "%s is too long", serve->dir);
	return VERB_OK;
}

/* A socket's path may have 107 characters: one that does not fit lies in a directory of its own. */
static int place_socket(struct verb_call *call, struct serve *serve)
{
	char own[] = "/tmp/tally-serve-XXXXXX";

	if ((size_t)snprintf(serve->socket, sizeof serve->socket, "%s/tally.sock", serve->dir) <
	    sizeof(((struct sockaddr_un *)0)->sun_path) - 4)
		return VERB_OK;
	if (mkdtemp(own) == NULL || chmod(own, 0711) != 0)
		return verb_fail(call, "making a directory for the socket: %s", strerror(errno));
	snprintf(serve->socket, sizeof serve->socket, "%s/tally.sock", own);
	return VERB_OK;
}

static void remove_socket_dir(const struct serve *serve)
{
	char own[PATH_MAX];

	if (strncmp(serve->socket, "/tmp/tally-serve-", 17) != 0)
		return;
	copy_text(own, sizeof own, serve->socket);
	*strrchr(own, '/') = '\0';
	rmdir(own);
}

/* ---- one run at a time ---- */

static int open_pid_file(const struct serve *serve)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s/serve.pid", serve->dir);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

static long read_pid(int fd)
{
	char text[32];
	ssize_t size = pread(fd, text, sizeof text - 1, 0);

	text[size > 0 ? size : 0] = '\0';
	return atol(text);
}

static int take_pid_file(struct verb_call *call, struct serve *serve)
{
	serve->lock_fd = open_pid_file(serve);
	if (serve->lock_fd < 0)
		return verb_fail(call, "%s/serve.pid: %s", serve->dir, strerror(errno));
	if (flock(serve->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return verb_fail(call, "runs already as process %ld; stop it with --stop",
				 read_pid(serve->lock_fd));
	return VERB_OK;
}

static void write_pid(const struct serve *serve)
{
	char text[32];
	int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (ftruncate(serve->lock_fd, 0) != 0 || pwrite(serve->lock_fd, text, (size_t)size, 0) != size)
		fprintf(stderr, "tally serve: writing %s/serve.pid: %s\n", serve->dir, strerror(errno));
}

/* The lock tells that it runs, and that it has ended. */
static int stop_other(struct verb_call *call, struct serve *serve)
{
	int fd = open_pid_file(serve);
	long pid;

	if (fd < 0)
		return verb_fail(call, "%s/serve.pid: %s", serve->dir, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		close(fd);
		return verb_fail(call, "nothing runs in %s", serve->dir);
	}
	pid = read_pid(fd);
	if (pid <= 1 || kill((pid_t)pid, SIGTERM) != 0) {
		close(fd);
		return verb_fail(call, "stopping process %ld: %s", pid, strerror(errno));
	}
	for (int i = 0; i < 600; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			close(fd);
			return VERB_OK;
		}
		poll(NULL, 0, 50);
	}
	close(fd);
	return verb_fail(call, "process %ld does not end", pid);
}

/* ---- behind ---- */

/* In the parent: true with *status set. The child goes on, its output in serve.log. */
static bool go_behind(struct verb_call *call, struct serve *serve, int *status)
{
	char path[PATH_MAX + 16], text[256];
	int ready[2], log;
	ssize_t size;
	pid_t pid;

	*status = VERB_FAILED;
	snprintf(path, sizeof path, "%s/serve.log", serve->dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0 || pipe2(ready, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		*status = verb_fail(call, "going behind: %s", strerror(errno));
		return true;
	}
	if (pid == 0) {
		setsid();
		dup2(log, STDERR_FILENO);
		dup2(ready[1], STDOUT_FILENO);
		close(ready[0]);
		close(ready[1]);
		close(log);
		return false;
	}
	close(ready[1]);
	close(log);
	size = read(ready[0], text, sizeof text);
	if (size <= 0) {
		verb_fail(call, "it did not start; see %s", path);
		return true;
	}
	*status = fwrite(text, 1, (size_t)size, stdout) == (size_t)size ? VERB_OK : VERB_FAILED;
	return true;
}

/* ---- the verb ---- */

static int prepare(struct verb_call *call, struct serve *serve)
{
	const char *name = verb_value(call, "server", "lighttpd");
	const char *listen = verb_value(call, "listen", "127.0.0.1:8080");
	struct tally_err err;

	if (!find_server(serve))
		return verb_fail(call, "there is no %s in PATH or /usr/sbin: install it, or choose "
				 "another --server", serve->kind->programs[0]);
	if (!set_listen(serve, listen))
		return verb_misuse(call, "--listen is ADDRESS:PORT, such as 127.0.0.1:8080, not %s", listen);
	if (!choose_port(serve))
		return verb_fail(call, "cannot listen on %s", listen);
	if (!set_mount(serve, verb_value(call, "mount", "/")))
		return verb_misuse(call, "--mount is the path of a URL, such as /ledger");
	if (choose_user(call, serve) != VERB_OK)
		return VERB_FAILED;
	if (geteuid() == 0 && serve->store_uid == 0 && serve->kind->refuses_root)
		return verb_fail(call, "%s does not run programs as root, and the store is root's: "
				 "use a store of another user", name);
	find_modules(serve);
	find_parts(serve, verb_value(call, "fcgi", NULL), verb_value(call, "templates", NULL));
	if (access(serve->fcgi, X_OK) != 0)
		return verb_fail(call, "%s: %s", serve->fcgi, strerror(errno));
	if (place_socket(call, serve) != VERB_OK)
		return VERB_FAILED;
	if (serve_configure(serve, &err) != 0)
		return verb_fail_err(call, &err);
	return VERB_OK;
}

static int run(struct verb_call *call, struct serve *serve)
{
	int status = take_pid_file(call, serve);
	struct tally_err err;

	if (status == VERB_OK)
		status = write_witness_conf(call, serve);
	if (status == VERB_OK)
		status = prepare(call, serve);
	if (status != VERB_OK)
		return status;
	if (verb_given(call, "configure-only")) {
		printf("%s\n", serve->file);
		return VERB_OK;
	}
	if (verb_given(call, "daemon") && go_behind(call, serve, &status))
		return status;
	serve->ready_fd = verb_given(call, "daemon") ? STDOUT_FILENO : -1;
	write_pid(serve);
	if (serve_run(serve, &err) != 0)
		status = verb_fail_err(call, &err);
	remove_socket_dir(serve);
	if (ftruncate(serve->lock_fd, 0) != 0)
		status = VERB_FAILED;
	return status;
}

int serve_main(struct verb_call *call, const char *witness)
{
	struct tally_arena arena;
	struct serve serve = { .lock_fd = -1, .ready_fd = -1, .arena = &arena };
	const char *name = verb_value(call, "server", "lighttpd");
	bool by_dir = verb_given(call, "stop") && verb_value(call, "dir", NULL) != NULL;
	int status = VERB_OK;

	serve.kind = find_kind(name);
	if (serve.kind == NULL)
		return verb_misuse(call, "--server is lighttpd, apache, nginx, lighttpd-spawn, "
				   "lighttpd-cgi, apache-fcgid or apache-cgi, not %s", name);
	tally_arena_init(&arena);
	if (witness != NULL)
		status = set_witness(call, witness, &serve);
	else if (!by_dir)
		status = set_store(call, &serve);
	if (status == VERB_OK)
		status = make_dir(call, &serve);
	if (status == VERB_OK)
		status = verb_given(call, "stop") ? stop_other(call, &serve) : run(call, &serve);
	tally_arena_free(&arena);
	return status;
}

static int serve_verb(struct verb_call *call)
{
	return serve_main(call, NULL);
}

static const struct verb_option serve_options[] = {
	VERB_STORE_OPTIONS,
	SERVE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_serve = {
	.name = "serve",
	.usage = "",
	.summary = "Run the store behind a web server, now",
	.details =
		"Makes a configuration for the web server out of a template, runs the server with\n"
		"tally.fcgi, and prints the URL once it listens. A tally.fcgi that ends is started\n"
		"again, while requests wait. SIGTERM or an interrupt stop it; no request is lost.\n"
		"No system service is touched, and nothing is written outside the directory of the\n"
		"run and the store.\n",
	.options = serve_options,
	.run = serve_verb,
};
