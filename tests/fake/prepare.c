/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "plan/file.h"
#include "plan/line.h"
#include "plan/rebuild.h"
#include "plan/state.h"
#include "tests/fake/prepare.h"
#include "tests/fake/steps.h"

#define OTHERS "/etc/modprobe.d/their own.conf"

struct fake *prepare_machine(void)
{
	struct fake *f = fake_new();
	char path[PATH_MAX];

	fake_put(f, "/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs  quiet \n# more\n");
	fake_put(f, OTHERS, "# theirs\noptions vfio-pci ids=1002:73bf\r\nblacklist amdgpu\n\noptions kvm \\\n  ignore_msrs=1");
	fake_put(f, "/etc/gpupt/gpupt.conf", "# old\n");
	fake_mkdir(f, "/etc/modprobe.d");
	fake_mkdir(f, "/etc/udev/rules.d");
	fake_mkdir(f, "/etc/initramfs-tools/hooks");
	fake_mkdir(f, "/etc/default");
	fake_mkdir(f, "/etc/systemd/system");
	fake_mkdir(f, "/var/lib");
	if (chmod(fake_path(f, path, "/etc/gpupt/gpupt.conf"), 0640) < 0 || chmod(fake_path(f, path, "/etc/kernel/cmdline"), 0600) < 0)
		fake_die("chmod: %s", strerror(errno));
	return f;
}

char *prepare_tree(const struct fake *f)
{
	static const char *const except[] = { "/dev", "/proc", "/run", "/sys", NULL };

	return fake_tree(f, except);
}

void prepare_engine(struct fake *f, struct text *diary, struct engine *ret)
{
	steps_engine(f, 5000, diary, ret);
}

static void add_line(struct plan *p, size_t nr, const char *before, const char *after)
{
	_cleanup_text_ struct text target = { 0 };

	line_target(OTHERS, nr, &target);
	plan_add(p, &step_line, text_str(&target), before, after, "it pins 0000:01:00.0");
}

void prepare_plan(struct fake *f, struct plan *p)
{
	static const char *const what[] = { "udev", "systemd", "initramfs", "grub", "boot-tool" };
	_cleanup_text_ struct text hook = { 0 };
	struct err e;

	file_target("/etc/initramfs-tools/hooks/gpupt", 0755, getuid(), getgid(), &hook);
	plan_add(p, &step_file, "/etc/modprobe.d/gpupt.conf", NULL, "softdep amdgpu pre: vfio-pci\n", "");
	plan_add(p, &step_file, "/etc/udev/rules.d/10-gpupt.rules", NULL, "# a rule\n", "");
	plan_add(p, &step_file, text_str(&hook), NULL, "#!/bin/sh\n", "");
	plan_add(p, &step_file, "/etc/default/grub.d/zz-gpupt.cfg", NULL, "# a drop-in\n", "");
	plan_add(p, &step_file, "/etc/systemd/system/nvidia-powerd.service.d/gpupt.conf", NULL, "[Unit]\n", "");
	plan_add(p, &step_file, "/etc/systemd/system/nvidia-powerd.service.d/gpupt2.conf", NULL, "[Unit]\n", "");
	plan_add(p, &step_file, "/etc/gpupt/gpupt.conf", "# old\n", "# new\n", "");
	add_line(p, 2, "options vfio-pci ids=1002:73bf", "#gpupt# options vfio-pci ids=1002:73bf");
	add_line(p, 3, "blacklist amdgpu", "# why\n#gpupt# blacklist amdgpu");
	add_line(p, 5, "options kvm \\\n  ignore_msrs=1", "#gpupt# options kvm \\\n#gpupt#   ignore_msrs=1");
	plan_add(p, &step_param, "/etc/kernel/cmdline intel_iommu=on", NULL, "intel_iommu=on", "");
	plan_add(p, &step_param, "/etc/kernel/cmdline iommu=pt", NULL, "iommu=pt", "");
	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		if (!rebuild_add(p, what[i], "its files have changed"))
			fake_die("no rebuild of %s", what[i]);
	if (file_add_parents(&f->root, p, &e) < 0)
		fake_die("%s", e.text);
}

int prepare_apply(struct fake *f, void *ctx)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_plan_ struct plan p = { 0 };
	struct undo_result u;
	struct engine en;
	struct err e;
	int k;

	prepare_engine(f, ctx, &en);
	prepare_plan(f, &p);
	if (record_create(&f->root, PREPARE_RECORD, &rec, &e) < 0)
		return 2;
	k = plan_apply(&en, &p, &rec, &u, &e);
	return k < 0;
}

int prepare_recover(struct fake *f, struct undo_result *ret, struct text *diary)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct engine en;
	struct err e;
	int k = record_open(&f->root, PREPARE_RECORD, &rec, &e);

	*ret = (struct undo_result){ 0 };
	if (k == 0) {
		prepare_engine(f, diary, &en);
		record_undo(&en, &rec, NULL, NULL, ret);
		if (undo_complete(ret))
			k = record_remove(&rec, &e);
	} else if (k != -ENOENT) {
		fake_die("%s", e.text);
	}
	if (undo_complete(ret))
		state_rmdir(&f->root, "/var/lib/gpupt/prepare", &e);
	return k;
}

int prepare_revert(struct fake *f, void *ctx)
{
	struct undo_result u;

	if (prepare_recover(f, &u, ctx) < 0)
		return 2;
	return !undo_complete(&u) || u.foreign;
}
