/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host is prepared, prepared again, changed by its administrator, and reverted: the whole walk on the fake machine. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>

#include <cmocka.h>

#include "plan/state.h"
#include "tests/fake/prepare.h"

#define MODPROBE "/etc/modprobe.d/gpupt.conf"
#define THEIRS	 "/etc/modprobe.d/their.conf"

struct world {
	struct fake *f;
	char *tree;
	struct text diary;
	struct prepare_walk w;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->f = prepare_host();
	w->tree = prepare_tree(w->f);
	w->w = (struct prepare_walk){ .adopt = true, .diary = &w->diary };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fake_free(w->f);
	free(w->tree);
	text_done(&w->diary);
	text_done(&w->w.found);
	free(w);
	return 0;
}

static int walk(struct world *w)
{
	text_done(&w->diary);
	text_done(&w->w.found);
	return prepare_walk(w->f, &w->w);
}

static void prepared(struct world *w)
{
	int k = walk(w);

	if (k < 0)
		fail_msg("%d: %s\n%s", k, w->w.err.text, text_str(&w->diary));
}

static int reverted(struct world *w)
{
	text_done(&w->diary);
	return prepare_back(w->f, false, &w->diary);
}

static void assert_as_before(struct world *w)
{
	_cleanup_free_ char *tree = prepare_tree(w->f);

	assert_string_equal(fake_difference(w->tree, tree), "");
}

static char *text_of(struct world *w, const char *path)
{
	char *text = NULL;

	if (root_read(&w->f->root, path, 1 << 20, &text, NULL) < 0)
		fail_msg("there is no %s", path);
	return text;
}

static void assert_text(struct world *w, const char *path, const char *part, bool has)
{
	_cleanup_free_ char *text = text_of(w, path);

	if (!strstr(text, part) == has)
		fail_msg("%s has%s '%s':\n%s", path, has ? " no" : "", part, text);
}

static void there_and_back(void **state)
{
	struct world *w = *state;

	prepared(w);
	assert_text(w, MODPROBE, "softdep radeon pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\noptions kvm ignore_msrs=1", true);
	assert_text(w, "/etc/modules-load.d/gpupt.conf", "vfio\nvfio_iommu_type1\nvfio_pci\n", true);
	assert_text(w, "/etc/udev/rules.d/10-gpupt.rules", CARD1, true);
	assert_text(w, "/etc/udev/rules.d/10-gpupt.rules", TWIN, false);
	assert_text(w, "/etc/default/grub.d/zz-gpupt.cfg", "=\"intel_iommu=on iommu=pt $GRUB_CMDLINE_LINUX_DEFAULT\"\n", true);
	assert_text(w, "/etc/gpupt/gpupt.conf", "# mine\n[host]\nignore-msrs = 1\n\n[gpu " CARD "]\nid = " AMD_ID "\nmode = reserved\n", true);
	assert_text(w, THEIRS, "# theirs\n#gpupt: options vfio-pci ids=1002:5159\n#gpupt: blacklist radeon\n#gpupt: blacklist radeon\n", true);
	assert_text(w, "/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet \"", true);
	assert_string_equal(fake_hidden(w->f, "builds"), "udevadm update-initramfs update-grub");
	assert_true(fake_exists(w->f, PREPARE_RECORD) && !fake_exists(w->f, PREPARE_UNFINISHED));
	assert_string_equal(fake_get(w->f, "/run/reboot-required.pkgs"), "gpupt");
	/* once more: nothing */
	prepared(w);
	assert_int_equal(w->w.planned, 0);
	assert_string_equal(text_str(&w->w.found), "");
	fake_hide(w->f, "builds", "");
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
	assert_string_equal(fake_hidden(w->f, "builds"), "udevadm update-initramfs update-grub");
	assert_int_equal(reverted(w), -ENOENT);
}

/* What was asked for since is all that is changed; what was made several times is made anew once at the end. */
static void only_the_difference(void **state)
{
	struct world *w = *state;

	prepared(w);
	w->w.all = true;
	fake_hide(w->f, "builds", "");
	prepared(w);
	assert_text(w, "/etc/udev/rules.d/10-gpupt.rules", TWIN1, true);
	/* gpupt.conf, the rule, the script, and what is made of the two: the drivers of a twin are those of its twin */
	assert_int_equal(w->w.planned, 5);
	assert_string_equal(fake_hidden(w->f, "builds"), "udevadm update-initramfs");
	w->w.shared = true;
	prepared(w);
	assert_false(fake_exists(w->f, "/etc/udev/rules.d/10-gpupt.rules") || fake_exists(w->f, "/etc/initramfs-tools/hooks/gpupt"));
	assert_text(w, MODPROBE, "softdep", false);
	assert_text(w, MODPROBE, "ignore_msrs", true);
	assert_true(fake_exists(w->f, "/etc/default/grub.d/zz-gpupt.cfg"));
	prepared(w);
	assert_int_equal(w->w.planned, 0);
	fake_hide(w->f, "builds", "");
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
	assert_string_equal(fake_hidden(w->f, "builds"), "udevadm update-initramfs update-grub");
}

/* In force after a reboot: the parameters stay, although the IOMMU is on now. */
static void after_the_reboot(void **state)
{
	struct world *w = *state;

	prepared(w);
	fake_reboot(w->f);
	fake_mkdir(w->f, "/sys/class/iommu/dmar0");
	fake_put(w->f, "/sys/kernel/iommu_groups/1/type", "DMA\n");
	fake_put(w->f, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.8.12-4-pve root=/dev/sda1 ro quiet intel_iommu=on iommu=pt\n");
	prepared(w);
	assert_int_equal(w->w.planned, 0);
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
	assert_string_equal(fake_get(w->f, "/run/reboot-required.pkgs"), "gpupt");
}

/* What nobody has booted with needs no reboot when it is taken back; what others have asked for stays. */
static void no_reboot_in_between(void **state)
{
	struct world *w = *state;

	prepared(w);
	assert_true(fake_exists(w->f, "/run/reboot-required"));
	assert_int_equal(reverted(w), 0);
	assert_false(fake_exists(w->f, "/run/reboot-required") || fake_exists(w->f, "/run/reboot-required.pkgs"));
	prepared(w);
	fake_put(w->f, "/run/reboot-required.pkgs", "linux-image\ngpupt\nlibc6\n");
	assert_int_equal(reverted(w), 0);
	assert_true(fake_exists(w->f, "/run/reboot-required"));
	assert_text(w, "/run/reboot-required.pkgs", "linux-image\nlibc6\n", true);
	/* it was asked for before: the running kernel is another */
	fake_put(w->f, "/run/reboot-required.pkgs", "gpupt\n");
	prepared(w);
	assert_int_equal(reverted(w), 0);
	assert_string_equal(fake_get(w->f, "/run/reboot-required.pkgs"), "gpupt");
}

static void edited(void **state)
{
	struct world *w = *state;

	prepared(w);
	fake_put(w->f, MODPROBE, "# mine now\n");
	fake_remove(w->f, "/etc/modules-load.d/gpupt.conf");
	fake_put(w->f, "/etc/default/grub.d/zz-theirs.cfg", "x=1\n");
	prepared(w);
	/* what is gone is nobody's any more */
	assert_int_equal(w->w.planned, 1);
	assert_non_null(strstr(text_str(&w->w.found), "edited host somebody has changed " MODPROBE ": it stays as it is\n"));
	assert_text(w, "/etc/modules-load.d/gpupt.conf", "vfio_pci\n", true);
	assert_int_equal(reverted(w), 0);
	assert_non_null(strstr(text_str(&w->diary), "foreign file " MODPROBE));
	assert_text(w, MODPROBE, "# mine now\n", true);
	/* and all else is as it was */
	assert_true(fake_exists(w->f, "/etc/default/grub.d/zz-theirs.cfg"));
	fake_remove(w->f, MODPROBE);
	fake_remove(w->f, "/etc/default/grub.d");
	assert_as_before(w);
}

/* A file that has one of our names and is nobody's work of ours. */
static void never_claimed(void **state)
{
	struct world *w = *state;

	fake_put(w->f, MODPROBE, "# gpupt: not by prepare\n");
	free(w->tree);
	w->tree = prepare_tree(w->f);
	prepared(w);
	assert_non_null(strstr(text_str(&w->w.found), "edited host " MODPROBE " has the name of a file of gpupt's"));
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
}

/* Lines of others that came and went around those that were commented out. */
static void lines_move(void **state)
{
	struct world *w = *state;
	_cleanup_text_ struct text t = { 0 };
	_cleanup_free_ char *text = NULL;

	prepared(w);
	text = text_of(w, THEIRS);
	text_addf(&t, "# new\n%s# last\n", text);
	fake_put(w->f, THEIRS, text_str(&t));
	assert_int_equal(reverted(w), 0);
	assert_text(w, THEIRS, "# new\n# theirs\noptions vfio-pci ids=1002:5159\n", true);
	assert_text(w, THEIRS, "# last\n", true);
}

/* In a line that --adopt has taken parameters out of somebody writes another one: it is his, and the others come back all the same. */
static void line_is_written_in(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *now = NULL;

	prepared(w);
	assert_text(w, "/etc/default/grub", "#", false);
	fake_put(w->f, "/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n");
	prepared(w);
	assert_int_equal(w->w.planned, 0);
	assert_int_equal(reverted(w), 0);
	now = text_of(w, "/etc/default/grub");
	assert_string_equal(now, "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet vfio-pci.ids=1002:5159 iommu=off splash\"\n");
	assert_null(strstr(text_str(&w->diary), "foreign"));
	assert_int_equal(reverted(w), -ENOENT);
}

/* Its other options stay in force; and a link is left to whoever has made it. */
static void of_one_line_of_one_file(void **state)
{
	struct world *w = *state;

	fake_put(w->f, THEIRS, "options vfio-pci disable_vga=1 ids=1002:5159 x=\"a b\"");
	fake_put(w->f, "/srv/x.conf", "blacklist radeon\n");
	fake_link(w->f, "/etc/modprobe.d/x.conf", "/srv/x.conf");
	free(w->tree);
	w->tree = prepare_tree(w->f);
	prepared(w);
	assert_text(w, THEIRS, "#gpupt: options vfio-pci disable_vga=1 ids=1002:5159 x=\"a b\"\noptions vfio-pci disable_vga=1 x=\"a b\"", true);
	assert_string_equal(text_str(&w->w.found), "not-adopted host /etc/modprobe.d/x.conf line 1 ('blacklist radeon') stays: the file is a link, "
						   "and what it leads to is not replaced\n");
	prepared(w);
	assert_int_equal(w->w.planned, 0);
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
}

static void without_adopt(void **state)
{
	struct world *w = *state;

	w->w.adopt = false;
	fake_put(w->f, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	free(w->tree);
	w->tree = prepare_tree(w->f);
	prepared(w);
	assert_text(w, THEIRS, "#gpupt", false);
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
}

/* The program dies once: what was made of half a preparation is made again of the host as it was. */
static void initramfs_fails(void **state)
{
	struct world *w = *state;
	int k;

	fake_arm(w->f, FAKE_KERNEL, FAKE_ERROR_AFTER, 2, EIO);
	k = walk(w);
	fake_disarm(w->f);
	assert_int_equal(k, -EIO);
	assert_as_before(w);
	assert_string_equal(fake_hidden(w->f, "builds"), "udevadm update-initramfs udevadm update-initramfs");
	/* it fails again, on the way back: that stays unfinished, and is tried again */
	fake_hide(w->f, "builds", "");
	fake_hide(w->f, "build-fails/update-initramfs", "1");
	assert_int_equal(walk(w), -EUCLEAN);
	assert_non_null(strstr(w->w.err.text, "revert --unfinished"));
	assert_true(fake_exists(w->f, PREPARE_UNFINISHED));
	fake_hide(w->f, "builds", "");
	unlink(fake_hidden_path(w->f, (char[PATH_MAX]){ 0 }, "build-fails/update-initramfs"));
	assert_int_equal(prepare_back(w->f, true, &w->diary), 0);
	assert_string_equal(fake_hidden(w->f, "builds"), "update-initramfs");
	assert_as_before(w);
}

/* Cut off on its way back, and the settings ask for nothing any more: what an initramfs has of it still has to go. */
static void resumed_for_nothing(void **state)
{
	struct world *w = *state;

	fake_hide(w->f, "build-fails/update-initramfs", "1");
	assert_int_equal(walk(w), -EUCLEAN);
	unlink(fake_hidden_path(w->f, (char[PATH_MAX]){ 0 }, "build-fails/update-initramfs"));
	fake_hide(w->f, "builds", "");
	w->w.shared = true;
	prepared(w);
	assert_non_null(strstr(fake_hidden(w->f, "builds"), "update-initramfs"));
	assert_false(fake_exists(w->f, PREPARE_UNFINISHED));
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
}

/* While another process works on it, and when one has been here since we looked. */
static void another_process(void **state)
{
	struct world *w = *state;
	int fd;

	prepared(w);
	fd = state_open(&w->f->root, PREPARE_RECORD, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	w->w.all = true;
	assert_int_equal(walk(w), -EBUSY);
	assert_int_equal(reverted(w), -EBUSY);
	close(fd);
	prepared(w);
}

static void looked_too_early(void **state)
{
	struct world *w = *state;
	const struct prepare_gpu gpu = { fake_bdf(TWIN), true, MODE_RESERVED };
	_cleanup_prepare_ struct prepare p = { .root = &w->f->root, .gpus = &gpu, .n_gpus = 1, .record.fd = -1 };
	struct engine en;
	struct err e;

	assert_int_equal(prepare_look(&p, &e), 0);
	prepared(w);
	prepare_engine(w->f, NULL, &en);
	assert_int_equal(prepare_make(&p, &en, &e), -ESTALE);
	assert_false(fake_exists(w->f, PREPARE_UNFINISHED));
	assert_int_equal(reverted(w), 0);
	assert_as_before(w);
	/* nothing is left of the record of one that comes when all was reverted meanwhile */
	prepared(w);
	prepare_done(&p);
	p = (struct prepare){ .root = &w->f->root, .gpus = &gpu, .n_gpus = 1, .record.fd = -1 };
	assert_int_equal(prepare_look(&p, &e), 0);
	assert_int_equal(reverted(w), 0);
	assert_int_equal(prepare_make(&p, &en, &e), -ESTALE);
	assert_as_before(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_difference, setup, teardown),
		cmocka_unit_test_setup_teardown(after_the_reboot, setup, teardown),
		cmocka_unit_test_setup_teardown(no_reboot_in_between, setup, teardown),
		cmocka_unit_test_setup_teardown(edited, setup, teardown),
		cmocka_unit_test_setup_teardown(never_claimed, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_move, setup, teardown),
		cmocka_unit_test_setup_teardown(line_is_written_in, setup, teardown),
		cmocka_unit_test_setup_teardown(of_one_line_of_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(without_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(initramfs_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(resumed_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process, setup, teardown),
		cmocka_unit_test_setup_teardown(looked_too_early, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
