/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A system bus that takes the connection and says nothing, and one that the environment names. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/bus.h"
#include "base/proc.h"
#include "base/unit.h"
#include "tree.h"

#define SOCKET "/run/dbus/system_bus_socket"

#define FAR_BELOW_MS 20000 /* sd-bus' own patience is 25 s */
#define AT_ONCE_MS   2000

/* How far a bus comes before it falls silent. */
enum silence { TAKES_NOBODY, TAKES_US, LETS_US_IN };

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && strlen(path) < sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int bus_below(const struct tree *t)
{
	char path[PATH_MAX];

	assert_int_equal(root_mkdir_p(&t->root, "/run/dbus", 0755), 0);
	snprintf(path, sizeof(path), "%s" SOCKET, t->dir);
	return listen_at(path);
}

static bool was_asked(int fd)
{
	_cleanup_close_ int c = -1;

	assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	return c >= 0;
}

/* The bus, in a process of its own until that is killed. */
static pid_t serve(int fd, enum silence how)
{
	static const char ok[] = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n";
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	for (;;) {
		char buf[4096];
		int c = how == TAKES_NOBODY ? -1 : accept(fd, NULL, NULL);

		if (how == LETS_US_IN && (read(c, buf, sizeof(buf)) <= 0 || write(c, ok, sizeof(ok) - 1) < 0))
			_exit(1);
		if (how == TAKES_NOBODY)
			pause();
	}
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int ask(const struct tree *t, uint64_t *ret_took)
{
	_cleanup_bus_ struct bus b = { 0 };
	uint64_t begun = now_ms();
	int k = bus_open(&t->root, &b, NULL);

	*ret_took = now_ms() - begun;
	return k;
}

/* What a process has asked once in vain it does not wait for a second time. In a process of its own: that is remembered. */
static int ask_twice(const struct tree *t)
{
	uint64_t first, second;

	if (ask(t, &first) != -ETIMEDOUT || ask(t, &second) != -ETIMEDOUT)
		return 1;
	return first >= FAR_BELOW_MS ? 2 : second >= AT_ONCE_MS ? 3 : 0;
}

static void a_silent_bus_is_given_up(void **state)
{
	struct tree t[3];
	pid_t bus[3], asker[3];
	int fd[3], status;

	if (!systemd_load())
		skip();
	for (enum silence how = TAKES_NOBODY; how <= LETS_US_IN; how++) {
		tree_new(&t[how]);
		fd[how] = bus_below(&t[how]);
		bus[how] = serve(fd[how], how);
		asker[how] = fork();
		assert_true(asker[how] >= 0);
		if (asker[how] == 0)
			_exit(ask_twice(&t[how]));
	}
	for (enum silence how = TAKES_NOBODY; how <= LETS_US_IN; how++) {
		assert_int_equal(waitpid(asker[how], &status, 0), asker[how]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("bus %d: status %x", how, (unsigned int)status);
		end(bus[how]);
		close(fd[how]);
		tree_done(&t[how]);
	}
}

/* A root process is not led to another bus, not even where ours is not there. */
static void the_environment_names_no_bus(void **state)
{
	_cleanup_tree_ struct tree t, decoy;
	_cleanup_close_ int fd = -1;
	char address[PATH_MAX];
	uint64_t took;

	if (!systemd_load())
		skip();
	tree_new(&t);
	tree_new(&decoy);
	fd = bus_below(&decoy);
	snprintf(address, sizeof(address), "unix:path=%s" SOCKET, decoy.dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	assert_int_equal(ask(&t, &took), -ENOENT);
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	assert_false(was_asked(fd));
}

/* The address itself, and what becomes of the questions: with a /run of our own. 77 where that cannot be had. */
static int with_a_silent_system_bus(const char *decoy)
{
	char job[UNIT_JOB_LEN];
	uint64_t begun = now_ms();
	struct root real;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) < 0)
		return 77;
	if (root_open_dir(&real, "/", NULL) < 0 || root_mkdir_p(&real, "/run/systemd/system", 0755) < 0 ||
	    root_mkdir_p(&real, "/run/dbus", 0755) < 0)
		return 77;
	fd = listen_at(SOCKET);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", decoy, 1);
	if (system_stopping(&real) || now_ms() - begun >= FAR_BELOW_MS)
		return 1;
	if (!was_asked(fd))
		return 2;
	begun = now_ms();
	if (unit_start(&real, "gpupt-settle@101.service", job, NULL) != -ETIMEDOUT || system_stopping(&real))
		return 3;
	return now_ms() - begun >= AT_ONCE_MS ? 4 : 0;
}

static void a_silent_system_bus_is_asked_once(void **state)
{
	_cleanup_tree_ struct tree decoy;
	_cleanup_close_ int fd = -1;
	char address[PATH_MAX];
	int status;
	pid_t pid;

	tree_new(&decoy);
	fd = bus_below(&decoy);
	snprintf(address, sizeof(address), "unix:path=%s" SOCKET, decoy.dir);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(systemd_load() ? with_a_silent_system_bus(address) : 77);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(was_asked(fd));
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* One that answers lets us in, and says itself that nobody is systemd there. */
static void a_bus_that_answers(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_bus_ struct bus b = { 0 };
	char conf[PATH_MAX], text[PATH_MAX + 256], value[64];
	struct err e = { "" };
	pid_t pid;
	int k;

	if (!systemd_load() || access("/usr/bin/dbus-daemon", X_OK) < 0)
		skip();
	tree_new(&t);
	assert_int_equal(root_mkdir_p(&t.root, "/run/dbus", 0755), 0);
	snprintf(text, sizeof(text), "<busconfig><listen>unix:path=%s" SOCKET "</listen><policy context='default'><allow send_destination='*'/>"
		 "<allow eavesdrop='true'/><allow own='*'/></policy></busconfig>\n", t.dir);
	tree_put(&t, "/bus.conf", text);
	snprintf(conf, sizeof(conf), "--config-file=%s/bus.conf", t.dir);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		execl("/usr/bin/dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", conf, NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !root_exists(&t.root, SOCKET); i++)
		sleep_ms(10);
	/* it is there before it listens */
	for (int i = 0; (k = bus_open(&t.root, &b, &e)) == -ECONNREFUSED && i < 500; i++)
		sleep_ms(10);
	if (k != 0)
		fail_msg("%s", e.text);
	k = bus_property(&b, NULL, NULL, "SystemState", value, sizeof(value), &e);
	end(pid);
	assert_true(k < 0 && k != -ETIMEDOUT && k != -ENOTCONN);
	assert_non_null(strstr(e.text, "cannot read SystemState"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_bus_is_given_up),
		cmocka_unit_test(the_environment_names_no_bus),
		cmocka_unit_test(a_silent_system_bus_is_asked_once),
		cmocka_unit_test(a_bus_that_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
