/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pve_tree.h"

#include <errno.h>

#include "pve/storage.h"

static const char config[] = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\n"
			     "# two of them\n"
			     "dir: data\n\tpath /srv/data\n\tcontent-dirs iso=isos,snippets=my/scripts\n\n"
			     "nfs: share\n\tserver 10.0.0.1\n\texport /x\n\n"
			     "NFS: moved\n\tpath /srv/nfs\n\n"
			     "btrfs: bt\n\tpath /srv/bt\n\tcontent-dirs snippets=../../etc\n\n"
			     "zfspool: tank\n\tpool tank\n\n"
			     "dir: nopath\n\tcontent snippets\n\n"
			     "dir: twice\n\tpath /first\n\tpath /second\n\n"
			     "dir: again\n\tpath /first\n\n"
			     "dir: again\n\tpath /last\n\n"
			     "dir: one\n\tpath /one\ndir: inside\n\tpath /two\n";

/* The two conditions under which Proxmox VE runs a hookscript. */
static void test_scripts(void **state)
{
	_cleanup_tree_ struct tree t;
	char path[PATH_MAX] = "untouched", full[PATH_MAX];
	struct stat st = { 0 };
	struct err e;

	tree_new(&t);
	assert_int_equal(storage_script(&t.root, "local:iso/x", path, &st, &e), -EINVAL);
	assert_int_equal(storage_script(&t.root, "local:snippets/x", path, &st, &e), -ENOENT);
	assert_string_equal(e.text, "script 'local:snippets/x' does not exist");
	tree_put(&t, "/var/lib/vz/snippets/x/inside", "");
	assert_int_equal(storage_script(&t.root, "local:snippets/x", path, &st, &e), -ENOENT);
	tree_put(&t, "/elsewhere", "#!/bin/sh\n");
	tree_link(&t, "/var/lib/vz/snippets/y", "/elsewhere");
	assert_int_equal(storage_script(&t.root, "local:snippets/y", path, &st, &e), -ENOEXEC);
	assert_string_equal(e.text, "script 'local:snippets/y' is not executable");
	assert_string_equal(path, "untouched");
	assert_int_equal(st.st_ino, 0);
	snprintf(full, sizeof(full), "%s/elsewhere", t.dir);
	assert_int_equal(chmod(full, 0744), 0);
	assert_int_equal(storage_script(&t.root, "local:snippets/y", path, &st, &e), 0);
	assert_string_equal(path, "/var/lib/vz/snippets/y");
	assert_int_equal(st.st_size, 10);
}

static void test_paths(void **state)
{
	static const struct {
		const char *volid, *path;
		int k;
	} rows[] = {
		{ "local:snippets/gpupt-hook", "/var/lib/vz/snippets/gpupt-hook", 0 },
		{ "data:snippets/a b.pl", "/srv/data/my/scripts/a b.pl", 0 },
		{ "share:snippets/x", "/mnt/pve/share/snippets/x", 0 },
		{ "moved:snippets/x", "/srv/nfs/snippets/x", 0 },
		{ "bt:snippets/x", "/srv/bt/snippets/x", 0 },
		{ "twice:snippets/x", "/first/snippets/x", 0 },
		{ "again:snippets/x", "/last/snippets/x", 0 },
		{ "one:snippets/x", "/one/snippets/x", 0 },
		{ "inside:snippets/x", "storage 'inside' does not exist", -ENOENT },
		{ "none:snippets/x", "storage 'none' does not exist", -ENOENT },
		{ "tank:snippets/x", "storage 'tank' of type 'zfspool' has no directory for snippets",
		  -EINVAL },
		{ "nopath:snippets/x", "storage 'nopath' of type 'dir' has no directory for snippets",
		  -EINVAL },
		{ "local:iso/x.iso", "'local:iso/x.iso' is not in the snippets directory", -EINVAL },
		{ "local:snippets/", "'local:snippets/' is not in the snippets directory", -EINVAL },
		{ "local:snippets/a/b", "'local:snippets/a/b' is not in the snippets directory", -EINVAL },
		{ "local:snippets/..", "'local:snippets/..' is not in the snippets directory", -EINVAL },
		{ "local:snippets/../x", "'local:snippets/../x' is not in the snippets directory", -EINVAL },
		{ "/etc/passwd", "unable to parse volume ID '/etc/passwd'", -EINVAL },
		{ "local:", "unable to parse volume ID 'local:'", -EINVAL },
		{ ":snippets/x", "unable to parse volume ID ':snippets/x'", -EINVAL },
		{ "l:snippets/x", "unable to parse volume ID 'l:snippets/x'", -EINVAL },
		{ "../x:snippets/x", "unable to parse volume ID '../x:snippets/x'", -EINVAL },
		{ "", "unable to parse volume ID ''", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *data = strdup(config);
		char path[PATH_MAX] = "untouched";
		struct err e;

		assert_int_equal(storage_snippet_in(data, rows[i].volid, path, &e), rows[i].k);
		assert_string_equal(rows[i].k ? e.text : path, rows[i].path);
		if (rows[i].k)
			assert_string_equal(path, "untouched");
	}
}

/* "local" is what it is on every node, whatever the file makes of it. */
static void test_local(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "", "/var/lib/vz/snippets/x" },
		{ "dir: local\n\tpath /elsewhere\n\tcontent-dirs snippets=s\n", "/var/lib/vz/snippets/x" },
		{ "nfs: local\n\tpath /var/lib/vz\n\tcontent-dirs snippets=s\n", "/var/lib/vz/snippets/x" },
		{ "dir: local\n\tpath /var/lib/vz\n\tcontent-dirs snippets=s\n", "/var/lib/vz/s/x" },
		{ "dir: local\n\tcontent-dirs snippets=s\n", "/var/lib/vz/s/x" },
	};
	_cleanup_tree_ struct tree t;
	char path[PATH_MAX];

	tree_new(&t);
	assert_int_equal(storage_snippet(&t.root, "local:snippets/x", path, NULL), 0); /* no file at all */
	assert_string_equal(path, "/var/lib/vz/snippets/x");
	assert_int_equal(storage_snippet(&t.root, "other:snippets/x", path, NULL), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tree_put(&t, "/etc/pve/storage.cfg", rows[i].text);
		assert_int_equal(storage_snippet(&t.root, "local:snippets/x", path, NULL), 0);
		assert_string_equal(path, rows[i].path);
	}
}

/* What another node sees, too. */
static void test_shared(void **state)
{
	static const char text[] = "nfs: nn\n\tserver 10.0.0.1\n\texport /x\n\n"
				   "cephfs: cc\n\tnodes a,b;c d\n\n"
				   "dir: own\n\tpath /srv\n\n"
				   "dir: said\n\tpath /srv\n\tshared 1\n\n"
				   "dir: denied\n\tpath /srv\n\tshared 0\n\n"
				   "btrfs: odd\n\tpath /srv\n\tshared\n\n"
				   "dir: only\n\tpath /srv\n\tshared yes\n\tnodes aa\n\n"
				   "dir: local\n\tpath /var/lib/vz\n\tnodes b\n\tshared 1\n";
	static const struct {
		const char *storage, *node;
		bool shared;
	} rows[] = {
		{ "nn", "a", true }, { "cc", "a", true }, { "cc", "b", true }, { "cc", "c", true }, { "cc", "d", true }, { "cc", "e", false },
		{ "own", "a", false }, { "said", "a", true }, { "denied", "a", false }, { "odd", "a", false }, { "only", "aa", true },
		{ "only", "a", false }, { "local", "a", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct text cfg = { 0 };
		char volid[64];
		bool shared = !rows[i].shared;
		struct err e;

		text_add(&cfg, text);
		snprintf(volid, sizeof(volid), "%s:snippets/x", rows[i].storage);
		if (storage_shared_in(cfg.s, volid, rows[i].node, &shared, &e) < 0)
			fail_msg("%s: %s", volid, e.text);
		if (shared != rows[i].shared)
			fail_msg("%s on %s", volid, rows[i].node);
	}
}

/* Where a snippet goes, what has to be mounted for it, and what Proxmox VE is to be told. */
static void test_place(void **state)
{
	static const char text[] = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\n"
				   "dir: data\n\tpath /srv/data\n\tcontent-dirs snippets=my/scripts\n\n"
				   "dir: has\n\tpath /srv/has\n\tcontent  iso; snippets backup\n\tis_mountpoint yes\n\n"
				   "dir: below\n\tpath /mnt/x/y\n\tcontent none\n\tis_mountpoint /mnt/x\n\n"
				   "dir: flag\n\tpath /srv\n\tdisable\n\tis_mountpoint 0\n\n"
				   "dir: flag0\n\tpath /srv\n\tdisable 0\n\n"
				   "nfs: nas\n\tserver h\n\texport /x\n\n"
				   "cephfs: fs\n\tnodes a,pve\n\tcontent backup\n\n"
				   "btrfs: bt\n\tpath /bt\n\tnodes a\n\n"
				   "plugin: other\n\tpath /o\n\n"
				   "zfspool: tank\n\tpool tank\n";
	static const struct {
		const char *id, *base, *dir, *mount, *content, *wanted;
		bool here, offered;
	} rows[] = {
		{ "local", "/var/lib/vz", "/var/lib/vz/snippets", "", "iso,vztmpl", "iso,vztmpl,snippets", true, false },
		{ "data", "/srv/data", "/srv/data/my/scripts", "", "images,rootdir", "images,rootdir,snippets", true, false },
		{ "has", "/srv/has", "/srv/has/snippets", "/srv/has", "iso,snippets,backup", "iso,snippets,backup", true, true },
		{ "below", "/mnt/x/y", "/mnt/x/y/snippets", "/mnt/x", "none", "snippets", true, false },
		{ "flag", "/srv", "/srv/snippets", "", "images,rootdir", "images,rootdir,snippets", false, false },
		{ "flag0", "/srv", "/srv/snippets", "", "images,rootdir", "images,rootdir,snippets", true, false },
		{ "nas", "/mnt/pve/nas", "/mnt/pve/nas/snippets", "/mnt/pve/nas", "images", "images,snippets", true, false },
		{ "fs", "/mnt/pve/fs", "/mnt/pve/fs/snippets", "/mnt/pve/fs", "backup", "backup,snippets", true, false },
		{ "bt", "/bt", "/bt/snippets", "", "images,rootdir", "images,rootdir,snippets", false, false },
		{ "other", "/o", "/o/snippets", "", "", "", true, false },
	};
	static const struct {
		const char *id;
		int k;
	} bad[] = { { "tank", -EINVAL }, { "none", -ENOENT }, { "x", -EINVAL }, { "a/b", -EINVAL }, { "", -EINVAL } };
	struct storage_place p = { .base = "untouched" };
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *data = strdup(text);

		assert_int_equal(storage_place_in(data, bad[i].id, "pve", &p, &e), bad[i].k);
		assert_string_equal(p.base, "untouched");
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *data = strdup(text);

		assert_int_equal(storage_place_in(data, rows[i].id, "pve", &p, &e), 0);
		assert_string_equal(p.base, rows[i].base);
		assert_string_equal(p.dir, rows[i].dir);
		assert_string_equal(p.mount, rows[i].mount);
		assert_string_equal(p.content, rows[i].content);
		assert_string_equal(p.wanted, rows[i].wanted);
		assert_int_equal(p.here, rows[i].here);
		assert_int_equal(p.offered, rows[i].offered);
	}
	/* without a section "local" holds everything */
	assert_int_equal(storage_place_in((char[]){ "" }, "local", "pve", &p, &e), 0);
	assert_true(p.offered);
}

static void test_content(void **state)
{
	assert_true(storage_content_same("iso,snippets", "snippets,iso"));
	assert_false(storage_content_same("iso,snippets", "iso"));
	assert_false(storage_content_same("iso", "iso,snippets"));
	assert_false(storage_content_same("iso", NULL));
	assert_true(storage_content_same(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths), cmocka_unit_test(test_local), cmocka_unit_test(test_scripts), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_place), cmocka_unit_test(test_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
