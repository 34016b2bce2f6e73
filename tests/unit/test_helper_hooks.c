/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gpupt-helper hooks install` and `hooks remove` over real configurations, with Proxmox VE's tools as they answer and fail. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "flow/snippet.h"
#include "plan/lease.h"
#include "tests/fake/helper.h"
#include "tests/fake/set.h"

#define LINES	"#!/bin/sh\n# SPDX\n# gpupt's snippet: of this version\nexit 0\n"
#define OLDER	"#!/bin/sh\n# SPDX\n# gpupt's snippet: of another version\nexit 0\n"
#define SNIPPET "/var/lib/vz/snippets/gpupt-hook"
#define HOST	"/etc/pve/nodes/host"
#define OTHER	"/etc/pve/nodes/other"
#define OURS	"hookscript: local:snippets/gpupt-hook\n"

static void put_script(struct fake *f, const char *path, const char *text)
{
	char full[PATH_MAX];

	fake_put(f, path, text);
	assert_int_equal(chmod(fake_path(f, full, path), 0755), 0);
}

/* A node of a cluster, gpupt installed on it. */
static struct fake *machine(void)
{
	struct fake *f = fake_machine();

	fake_remove(f, "/etc/pve/qemu-server");
	fake_remove(f, "/etc/pve/lxc");
	fake_mkdir(f, HOST "/qemu-server");
	fake_mkdir(f, HOST "/lxc");
	fake_mkdir(f, OTHER "/qemu-server");
	fake_mkdir(f, OTHER "/lxc");
	fake_link(f, "/etc/pve/qemu-server", "nodes/host/qemu-server");
	fake_link(f, "/etc/pve/lxc", "nodes/host/lxc");
	fake_put(f, SNIPPET_FILE, LINES);
	fake_mkdir(f, "/var/lib/vz");
	fake_put(f, "/etc/pve/storage.cfg", "dir: local\n\tpath /var/lib/vz\n\tcontent iso,backup\n\n"
					    "dir: share\n\tpath /srv/share\n\tcontent snippets\n\tshared 1\n\n"
					    "nfs: nas\n\tserver 10.0.0.1\n\texport /x\n\tcontent snippets\n\n"
					    "dir: away\n\tpath /srv/away\n\tnodes other\n\n"
					    "dir: off\n\tpath /srv/off\n\tdisable\n\n"
					    "dir: moving\n\tpath /srv/share\n\tis_mountpoint 1\n\tcontent snippets\n\n"
					    "strange: plug\n\tpath /srv/share\n\n"
					    "zfspool: tank\n\tpool tank\n");
	return f;
}

/* Runs it; what it says is to be in *out and *err. */
struct said {
	struct text out, err;
	int code;
};

static void said_done(struct said *s)
{
	text_done(&s->out);
	text_done(&s->err);
}
#define _cleanup_said_ _cleanup_(said_done)

static void run(struct fake *f, const char *command, struct said *ret)
{
	said_done(ret);
	*ret = (struct said){ 0 };
	ret->code = fake_helper(f, command, &ret->out, &ret->err);
}

#define assert_said(text, part)                                                  \
	do {                                                                     \
		if (!strstr(text_str(&(text)), part))                            \
			fail_msg("'%s' is not in:\n%s", part, text_str(&(text))); \
	} while (0)

static void assert_file(struct fake *f, const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(root_read(&f->root, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text, want);
}

/* --- install ------------------------------------------------------------------------ */

static void test_install(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };
	struct stat st;

	/* the storage is the administrator's: nobody is there to be asked */
	run(f, "hooks install", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.out, "content local: iso,backup -> iso,backup,snippets");
	assert_said(s.err, "there is no terminal to ask at");
	assert_said(s.err, "what to do: pvesm set local --content iso,backup,snippets");
	assert_string_equal(fake_hidden(f, "set-calls"), "");
	assert_false(fake_exists(f, "/var/lib/vz/snippets"));

	run(f, "--dry-run hooks install", &s);
	assert_int_equal(s.code, 0);
	assert_said(s.out, "snippet local: (absent) -> gpupt's lines");
	assert_string_equal(fake_hidden(f, "set-calls"), "");
	assert_false(fake_exists(f, "/var/lib/vz/snippets"));

	run(f, "hooks install --yes", &s);
	assert_int_equal(s.code, 0);
	assert_string_equal(text_str(&s.err), "");
	assert_said(s.out, "qm set VMID --hookscript local:snippets/gpupt-hook");
	assert_string_equal(fake_hidden(f, "set-calls"), "pvesm set local --content iso,backup,snippets");
	assert_file(f, SNIPPET, LINES);
	assert_int_equal(root_lstat(&f->root, SNIPPET, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0755);
	assert_false(fake_exists(f, "/var/lib/vz/snippets/.gpupt-hook.new"));

	run(f, "hooks install", &s);
	assert_int_equal(s.code, 0);
	assert_string_equal(text_str(&s.out), "local:snippets/gpupt-hook is there already\n");
	assert_string_equal(text_str(&s.err), "");

	/* the node's share, which holds snippets: nothing to ask */
	fake_mkdir(f, "/srv/share");
	run(f, "hooks install share --json", &s);
	assert_int_equal(s.code, 0);
	assert_said(s.out, "\"result\": \"made\"");
	assert_file(f, "/srv/share/snippets/gpupt-hook", LINES);
}

/* What is under our name already. */
static void test_install_over(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };
	char full[PATH_MAX];
	struct stat st;

	fake_mkdir(f, "/srv/share/snippets");
	fake_link(f, "/srv/share/snippets/gpupt-hook", "/usr/libexec/gpupt/gpupt-hook");
	run(f, "hooks install share", &s);
	assert_int_equal(s.code, 0);
	assert_said(s.out, "snippet share: another version -> gpupt's lines");
	assert_file(f, "/srv/share/snippets/gpupt-hook", LINES);

	put_script(f, "/srv/share/snippets/gpupt-hook", OLDER);
	assert_int_equal(chmod(fake_path(f, full, "/srv/share/snippets/gpupt-hook"), 0600), 0);
	run(f, "hooks install share", &s);
	assert_int_equal(s.code, 0);
	assert_file(f, "/srv/share/snippets/gpupt-hook", LINES);
	assert_int_equal(root_lstat(&f->root, "/srv/share/snippets/gpupt-hook", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0755);

	put_script(f, "/srv/share/snippets/gpupt-hook", "\177ELF a copy of the hook");
	run(f, "hooks install share", &s);
	assert_int_equal(s.code, 0);
	assert_file(f, "/srv/share/snippets/gpupt-hook", LINES);

	put_script(f, "/srv/share/snippets/gpupt-hook", "#!/bin/sh\necho mine\n");
	run(f, "hooks install share", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "share:snippets/gpupt-hook is not gpupt's: move it away");
	assert_file(f, "/srv/share/snippets/gpupt-hook", "#!/bin/sh\necho mine\n");

	fake_remove(f, "/srv/share/snippets/gpupt-hook");
	fake_mkdir(f, "/srv/share/snippets/gpupt-hook");
	run(f, "hooks install share", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "is not gpupt's");
}

static void test_install_refused(void **state)
{
	static const struct {
		const char *storage, *says;
	} rows[] = {
		{ "nas", "storage 'nas' is not mounted at /mnt/pve/nas: see 'pvesm status'" },
		{ "moving", "storage 'moving' is not mounted at /srv/share" },
		{ "away", "storage 'away' is disabled, or not for this node" },
		{ "off", "storage 'off' is disabled, or not for this node" },
		{ "tank", "storage 'tank' of type 'zfspool' has no directory for snippets" },
		{ "plug", "snippets are not among the content of storage 'plug', and what it holds cannot be told" },
		{ "none", "storage 'none' does not exist" },
		{ "../x", "'../x' is no name of a storage" },
	};
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };
	char command[64];

	fake_mkdir(f, "/mnt/pve/nas");
	fake_mkdir(f, "/srv/share");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(command, sizeof(command), "hooks install --yes %s", rows[i].storage);
		run(f, command, &s);
		assert_int_equal(s.code, 1);
		assert_said(s.err, rows[i].says);
	}
	fake_remove(f, "/srv/share");
	run(f, "hooks install share", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "cannot look at the directory of storage 'share', /srv/share: No such file");

	/* Proxmox VE does not let the storage hold snippets: no file is put there either */
	fake_hide(f, "set-how/local", "locked");
	run(f, "hooks install --yes", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "pvesm ended with status 255: VM is locked");
	assert_false(fake_exists(f, SNIPPET));
	fake_hide(f, "set-how/local", "deaf");
	run(f, "hooks install --yes", &s);
	assert_int_equal(s.code, 1);
	assert_false(fake_exists(f, SNIPPET));

	fake_remove(f, SNIPPET_FILE);
	run(f, "hooks install --yes", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "cannot read " SNIPPET_FILE ", which comes with gpupt's package");
	assert_false(fake_exists(f, SNIPPET));
}

static int install(struct fake *f, void *ctx)
{
	return fake_helper(f, "hooks install share", NULL, NULL);
}

/* At every write that fails, and at every one that it is killed at, the file is the old one or the new one, and can be run. */
static void test_install_cut_off(void **state)
{
	static const enum fake_fault faults[] = { FAKE_ERROR_BEFORE, FAKE_KILL_BEFORE, FAKE_KILL_AFTER, FAKE_SHORT };
	unsigned int calls = 1, tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (unsigned int at = 1; at <= calls; at++) {
			_cleanup_fake_ struct fake *f = machine();
			_cleanup_free_ char *text = NULL;
			struct stat st;

			fake_mkdir(f, "/srv/share");
			put_script(f, "/srv/share/snippets/gpupt-hook", OLDER);
			fake_arm(f, FAKE_STORAGE, faults[i], at, ENOSPC);
			fake_run(f, install, NULL);
			calls = fake_count(f) > calls ? fake_count(f) : calls;
			fake_disarm(f);
			assert_int_equal(root_stat(&f->root, "/srv/share/snippets/gpupt-hook", &st), 0);
			assert_int_equal(st.st_mode & 0777, 0755);
			assert_int_equal(root_read(&f->root, "/srv/share/snippets/gpupt-hook", 4096, &text, NULL), 0);
			if (!str_eq(text, OLDER))
				assert_string_equal(text, LINES);
			tried++;
		}
	}
	fake_tally("crash-points", tried, "of putting the snippet there");
	assert_true(calls > 3);
}

/* --- remove ------------------------------------------------------------------------- */

static void test_remove(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };

	put_script(f, SNIPPET, LINES);
	put_script(f, "/var/lib/vz/snippets/mine", "#!/bin/sh\n");
	put_script(f, "/srv/share/snippets/gpupt-hook", "#!/bin/sh\necho mine\n");
	put_script(f, "/srv/share/snippets/gpu", OLDER);
	fake_put(f, "/etc/gpupt/gpupt.conf", "[vm 103]\nnext = local:snippets/mine\n");
	fake_put(f, HOST "/qemu-server/101.conf", "cores: 1\n" OURS "\n[before]\n" OURS);
	fake_put(f, HOST "/qemu-server/102.conf", "hookscript: local:snippets/mine\n");
	fake_put(f, HOST "/qemu-server/103.conf", OURS);
	fake_put(f, HOST "/qemu-server/104.conf", "hookscript: share:snippets/gpupt-hook\n");
	fake_put(f, HOST "/qemu-server/105.conf", "hookscript: share:snippets/gpu\n");
	fake_put(f, HOST "/qemu-server/106.conf", "hookscript: gone:snippets/gpupt-hook\n");
	fake_put(f, HOST "/lxc/200.conf", "hostname: x\n" OURS);
	fake_put(f, OTHER "/qemu-server/301.conf", OURS);
	fake_put(f, OTHER "/lxc/302.conf", OURS);
	fake_put(f, OTHER "/lxc/303.conf", "hookscript: local:snippets/gpupt-hook.pl\n");

	run(f, "hooks remove", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "there is no terminal to ask at");
	run(f, "--dry-run hooks remove", &s);
	assert_int_equal(s.code, 0);
	assert_said(s.out, "): qm set 103 --hookscript local:snippets/mine\n");
	assert_string_equal(fake_hidden(f, "set-calls"), "");

	/* a container whose devN has no node now */
	fake_hide(f, "set-how/200", "late");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 0);
	assert_string_equal(text_str(&s.err), "");
	assert_string_equal(fake_hidden(f, "set-calls"),
			    "qm set 101 --delete hookscript; qm set 103 --hookscript local:snippets/mine; qm set 105 --delete hookscript; "
			    "qm set 106 --delete hookscript; pct set 200 --delete hookscript");
	assert_said(s.out, "VM 104 keeps its hookscript 'share:snippets/gpupt-hook'");
	assert_said(s.out, "VM 301 on other keeps gpupt's snippet: there 'gpupt-helper hooks remove', or from here, if gpupt.conf there has no "
			   "'next' for it, 'pvesh set /nodes/other/qemu/301/config --delete hookscript'\n");
	assert_said(s.out, "CT 302 on other keeps gpupt's snippet: there 'gpupt-helper hooks remove', or from here 'pvesh set ");
	assert_null(strstr(text_str(&s.out), "303"));
	assert_said(s.out, "5 of 5 done; 2 of other nodes keep it, see above\n");
	assert_file(f, HOST "/qemu-server/101.conf", "cores: 1\n\n[before]\n" OURS);
	assert_file(f, HOST "/qemu-server/103.conf", "hookscript: local:snippets/mine\n");
	assert_file(f, HOST "/lxc/200.conf", "hostname: x\n");
	assert_file(f, OTHER "/qemu-server/301.conf", OURS);
	/* snapshots and backups may name it */
	assert_file(f, SNIPPET, LINES);

	fake_hide(f, "set-calls", "");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 0);
	assert_said(s.out, "no guest of this node has gpupt's snippet for its hookscript; 2 of other nodes keep it, see above\n");
	assert_string_equal(fake_hidden(f, "set-calls"), "");

	/* the other node's, by name: what our gpupt.conf has for such a VM is not meant for it */
	fake_put(f, "/etc/gpupt/gpupt.conf", "[vm 301]\nnext = local:snippets/theirs\n");
	run(f, "hooks remove --yes other host", &s);
	assert_int_equal(s.code, 0);
	assert_string_equal(fake_hidden(f, "set-calls"), "pvesh set /nodes/other/qemu/301/config --delete hookscript; "
							 "pvesh set /nodes/other/lxc/302/config --delete hookscript");
	assert_said(s.err, "VM 301 on other: from here it cannot be seen whether it has cards now, or 'next' in [vm 301] of gpupt.conf there");
	assert_null(strstr(text_str(&s.err), "302"));
	assert_file(f, OTHER "/lxc/302.conf", "");
	run(f, "hooks remove --yes third", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "there is no node 'third'");
	run(f, "hooks remove --yes ../nodes", &s);
	assert_int_equal(s.code, 1);
}

/* Nothing at all is done while something speaks against it. */
static void test_obstacles(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };
	char path[PATH_MAX];

	put_script(f, SNIPPET, LINES);
	fake_put(f, HOST "/qemu-server/101.conf", OURS);
	fake_put(f, HOST "/qemu-server/102.conf", OURS);
	fake_putf(f, path_f(path, "/run/gpupt/lease/%u", 102U), "gpupt-record 1\n");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "VM 102 has cards: stop it, or 'gpupt-helper release 102'");
	assert_said(s.err, "nothing was done");
	fake_remove(f, "/run/gpupt/lease/102");

	fake_put(f, "/etc/gpupt/gpupt.conf", "[vm 102]\nnext = local:snippets/gone\n");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "the next hookscript of VM 102 would be its only one, and cannot be run");
	/* our own lines in another storage are no script that it had before */
	put_script(f, "/srv/share/snippets/gpupt-hook", OLDER);
	fake_put(f, "/etc/gpupt/gpupt.conf", "[vm 102]\nnext = share:snippets/gpupt-hook\n");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.err, "would call itself without end");
	fake_put(f, "/etc/gpupt/gpupt.conf", "nonsense\n");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 1);
	assert_string_equal(fake_hidden(f, "set-calls"), "");
	fake_remove(f, "/etc/gpupt/gpupt.conf");

	/* with a configuration that nobody can use the others are still done */
	fake_put_bytes(f, HOST "/qemu-server/101.conf", "a\0b", 3);
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 0);
	assert_said(s.err, "VM 101 is passed over");
	assert_string_equal(fake_hidden(f, "set-calls"), "qm set 102 --delete hookscript");
}

static void test_tools_fail(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };

	put_script(f, SNIPPET, LINES);
	fake_put(f, HOST "/qemu-server/101.conf", OURS);
	fake_put(f, HOST "/qemu-server/102.conf", OURS);
	fake_put(f, HOST "/qemu-server/103.conf", OURS);
	fake_put(f, HOST "/qemu-server/104.conf", OURS);
	fake_hide(f, "set-how/101", "locked");
	fake_hide(f, "set-how/102", "deaf");
	fake_hide(f, "set-how/103", "hangs");
	run(f, "hooks remove --yes", &s);
	assert_int_equal(s.code, 3);
	assert_said(s.err, "VM 101: qm ended with status 255: VM is locked (backup)");
	assert_said(s.err, "VM 102: ");
	assert_said(s.err, "VM 103: ");
	assert_said(s.out, "1 of 4 done");
	assert_file(f, HOST "/qemu-server/101.conf", OURS);
	assert_file(f, HOST "/qemu-server/104.conf", "");

	fake_hide(f, "set-how/101", "interrupted");
	fake_hide(f, "set-calls", "");
	run(f, "hooks remove --yes --json", &s);
	assert_int_equal(s.code, 3);
	assert_string_equal(fake_hidden(f, "set-calls"), "qm set 101 --delete hookscript");
	assert_said(s.out, "\"result\": \"failed\"");
	assert_said(s.err, "0 of 3 done");
}

/* --- status --idle ------------------------------------------------------------------ */

static void test_idle(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_said_ struct said s = { 0 };

	run(f, "status --idle", &s);
	assert_int_equal(s.code, 0);
	fake_put(f, "/var/lib/gpupt/lease/101", "gpupt-record 1\n");
	run(f, "status", &s);
	assert_int_equal(s.code, 0);
	run(f, "status --idle --noheadings -o vmid", &s);
	assert_int_equal(s.code, 1);
	assert_said(s.out, "101");
	fake_remove(f, "/var/lib/gpupt/lease/101");
	fake_put(f, "/run/gpupt/reset/" BOOT, "gpupt-record 1\n");
	run(f, "status --idle", &s);
	assert_int_equal(s.code, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_install), cmocka_unit_test(test_install_over), cmocka_unit_test(test_install_refused),
		cmocka_unit_test(test_install_cut_off), cmocka_unit_test(test_remove), cmocka_unit_test(test_obstacles),
		cmocka_unit_test(test_tools_fail), cmocka_unit_test(test_idle),
	};

	/* nobody is to be asked */
	if (!freopen("/dev/null", "re", stdin))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
