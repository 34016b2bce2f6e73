/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake/prepare.h"

struct fake *prepare_host(void)
{
	static const char *const dirs[] = { "/etc/udev/rules.d", "/etc/initramfs-tools/hooks", "/etc/initramfs-tools/scripts/init-top", "/var/lib" };
	struct fake *f = fake_machine();

	fake_no_iommu(f);
	fake_put(f, "/sys/firmware/acpi/tables/DMAR", "DMAR");
	fake_put(f, "/boot/config-6.8.12-4-pve", "CONFIG_INTEL_IOMMU=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n");
	fake_put(f, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.8.12-4-pve root=/dev/sda1 ro quiet\n");
	fake_put(f, "/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet  vfio-pci.ids=1002:5159 iommu=off\"");
	fake_put(f, "/etc/modprobe.d/their.conf", "# theirs\noptions vfio-pci ids=1002:5159\nblacklist radeon\nblacklist radeon\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", "# mine\n[host]\nignore-msrs = 1\n");
	fake_put(f, "/usr/sbin/update-grub", "");
	fake_put(f, "/usr/share/initramfs-tools/hook-functions", "");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		fake_mkdir(f, dirs[i]);
	return f;
}

int prepare_walk(struct fake *f, struct prepare_walk *w)
{
	enum mode mode = w->shared ? MODE_SHARED : MODE_RESERVED;
	const struct prepare_gpu gpus[] = { { fake_bdf(CARD), true, mode }, { fake_bdf(TWIN), true, mode } };
	_cleanup_prepare_ struct prepare p = { .root = &f->root, .gpus = gpus, .n_gpus = w->all ? 2 : 1, .adopt = w->adopt, .record.fd = -1 };
	struct engine en;
	int k = prepare_look(&p, &w->err);

	prepare_engine(f, w->diary, &en);
	for (size_t i = 0; i < p.found.n; i++)
		text_addf(&w->found, "%s %s %s\n", finding_name(p.found.v[i].code), p.found.v[i].subject, p.found.v[i].message);
	w->planned = p.plan.n;
	return k < 0 || (!p.plan.n && !p.unfinished) ? k : prepare_make(&p, &en, &w->err);
}

int prepare_back(struct fake *f, bool unfinished, struct text *diary)
{
	struct revert v = { .root = &f->root, .unfinished = unfinished };
	struct report report = { .ctx = NULL };
	struct engine en;
	struct err e = { "" };
	int k;

	prepare_engine(f, diary, &en);
	k = revert_run(&v, &en, &report, &e);
	text_done(&v.reboot);
	text_done(&v.kept);
	return k;
}
