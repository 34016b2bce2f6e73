/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `capture` on this machine: the tree shows the same machine, and nothing that is nobody's business. */
#include "helper/helper.h"
#include "host/holders.h"
#include "host/iommu.h"
#include "tree.h"

static struct tree captured;

static int capture(void **state)
{
	char helper[] = "gpupt-helper", command[] = "capture", file[128], tar[] = "tar", option[] = "-xf", into[] = "-C";
	char *argv[] = { helper, command, file, NULL }, *unpack[] = { tar, option, file, into, captured.dir, NULL };
	struct root root;
	int status = -1;
	pid_t pid;

	tree_new(&captured);
	root_close(&captured.root);
	assert_int_equal(root_open_dir(&root, "/", NULL), 0);
	snprintf(file, sizeof(file), "%s/capture.tar", captured.dir);
	assert_int_equal(helper_main(&root, 3, argv), EXIT_DONE);
	root_close(&root);
	assert_int_equal(posix_spawnp(&pid, tar, NULL, NULL, unpack, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(file, sizeof(file), "%s/machine", captured.dir);
	return root_open_dir(&captured.root, file, NULL);
}

static int forget(void **state)
{
	tree_done(&captured);
	return 0;
}

static void same_machine(void **state)
{
	_cleanup_pci_list_ struct pci_list here = { 0 }, there = { 0 };
	struct iommu a, b;
	struct root root;
	struct err e;

	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	if (pci_scan(&root, &here, &e) < 0)
		skip();
	assert_int_equal(pci_scan(&captured.root, &there, &e), 0);
	assert_int_equal(here.n, there.n);
	for (size_t i = 0; i < here.n; i++) {
		assert_true(bdf_eq(here.v[i].bdf, there.v[i].bdf));
		assert_memory_equal(&here.v[i].id, &there.v[i].id, sizeof(here.v[i].id));
		assert_int_equal(here.v[i].class, there.v[i].class);
		assert_string_equal(here.v[i].driver, there.v[i].driver);
		assert_string_equal(here.v[i].reset_method, there.v[i].reset_method);
		assert_string_equal(here.v[i].power_state, there.v[i].power_state);
		assert_int_equal(here.v[i].config, there.v[i].config);
		assert_int_equal(here.v[i].no_soft_reset, there.v[i].no_soft_reset);
		assert_int_equal(here.v[i].group, there.v[i].group);
		assert_int_equal(here.v[i].on_bus, there.v[i].on_bus);
	}
	assert_int_equal(iommu_load(&root, &a, &e), 0);
	assert_int_equal(iommu_load(&captured.root, &b, &e), 0);
	assert_int_equal(iommu_state(&a), iommu_state(&b));
	root_close(&root);
}

/* Words of this machine that must not be in any file or name. */
static struct strv secrets;

static void secret_add(const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct root root;

	assert_int_equal(root_open_dir(&root, "/", NULL), 0);
	if (root_read(&root, path, 4096, &text, NULL) == 0 && strlen(str_trim(text)) >= 8 &&
	    strspn(str_trim(text), "0:") < strlen(str_trim(text)))
		assert_int_equal(strv_add(&secrets, str_trim(text)), 0);
	root_close(&root);
}

static int look(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	strv_foreach (s, &secrets)
		assert_null(strstr(path, s));
	if (flag != FTW_F ||
	    root_read(&captured.root, path + strlen(captured.root.path), 64 << 20, &text, &len) < 0)
		return 0;
	strv_foreach (s, &secrets)
		assert_null(memmem(text, len, s, strlen(s)));
	return 0;
}

static void no_secrets(void **state)
{
	_cleanup_closedir_ DIR *d = opendir("/sys/class/net");

	for (struct dirent *ent; d && (ent = readdir(d));) {
		char path[PATH_MAX];

		secret_add(path_f(path, "/sys/class/net/%s/address", ent->d_name));
	}
	secret_add("/etc/machine-id");
	secret_add("/sys/class/dmi/id/product_uuid");
	secret_add("/sys/class/dmi/id/product_serial");
	secret_add("/proc/sys/kernel/random/boot_id");
	assert_true(secrets.n > 0);
	assert_int_equal(nftw(captured.root.path, look, 16, FTW_PHYS), 0);
	strv_done(&secrets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_machine),
		cmocka_unit_test(no_secrets),
	};

	return cmocka_run_group_tests(tests, capture, forget);
}
