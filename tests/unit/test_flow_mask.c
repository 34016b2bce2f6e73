/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of each kind of text goes into a capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flow/mask.h"

static void masks(void **state)
{
	static const struct {
		mask_fn *mask;
		const char *text, *want;
	} rows[] = {
		{ mask_cmdline, "BOOT_IMAGE=/boot/vmlinuz root=/dev/mapper/pve-root ro quiet\n",
		  "BOOT_IMAGE=/boot/vmlinuz root=/dev/mapper/pve-root ro quiet\n" },
		{ mask_cmdline, "root=ZFS=rpool/ROOT/pve-1 boot=zfs", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n" },
		{ mask_cmdline, "root=PARTUUID=12-34 token=x", "root=PARTUUID=? token=?\n" },
		{ mask_cmdline, "root=/dev/disk/by-label/mine", "root=/dev/disk/by-?\n" },
		{ mask_cmdline, "root=10.0.0.1:/srv", "root=?\n" },
		{ mask_cmdline, "vfio-pci.ids=1002:73bf vfio_pci.disable_vga=1 vfiox=1 modprobe.blacklist=a -- --addr=1.2.3.4",
		  "vfio-pci.ids=1002:73bf vfio_pci.disable_vga=1 vfiox=? modprobe.blacklist=a\n" },
		{ mask_cmdline, "", "\n" },
		{ mask_mountinfo, "22 27 0:21 / /proc rw shared:1 - proc proc rw\n36 27 0:5 /sub /mnt/x rw - cifs //10.0.0.1/x rw,username=me\n",
		  "22 27 0:21 / /proc rw - proc none rw\n36 27 0:5 / /network rw - cifs none rw\n" },
		{ mask_mountinfo, "22 27 0:21 / /proc\nnonsense - x\n22 27 0:21 / /x rw shared:1 master:2 -\n", "" },
		{ mask_sockets, "Num RefCount\nx: 2 @/var/lib/lxc/201/command\nx: 2 @/var/lib/lxc/201/commands\nx: 2 @/var/lib/lxc/a/command\n",
		  "Num RefCount\nx: 2 @/var/lib/lxc/201/command\n" },
		{ mask_nvidia, "Model: \t a\nGPU UUID: \t GPU-1\nDevice Minor: \t 0\n", "Model: \t a\nGPU UUID: ?\nDevice Minor: \t 0\n" },
		{ mask_aliases, "# x\nalias pci:v1 a\nalias usb:v1 b\n", "alias pci:v1 a\n" },
		{ mask_modprobe, "  blacklist a\nblacklisted b\noptions kvm x=1\noptions e1000 y=2\ninstall a b\nsoftdep a pre: b\n#blacklist c\n",
		  "blacklist a\n\noptions kvm x=1\n\n\nsoftdep a pre: b\n\n" },
		{ mask_modprobe, "options vfio-pci \\\n  ids=1:2\ninstall nouveau /bin/false\ninstall nvidia echo secret\nalias pci:v1 x\nalias y z\n",
		  "options vfio-pci \\\n  ids=1:2\ninstall nouveau /bin/false\ninstall nvidia ?\nalias pci:v1 x\n\n" },
		{ mask_modules, "# secret\nloop max_loop=8\n  vfio-pci ids=1:2\n\n", "\nloop\nvfio-pci ids=1:2\n\n" },
		{ mask_rules, "# secret\nACTION==\"add\", ATTR{driver_override}=\"vfio-pci\"\nKERNEL==\"secret\"\n",
		  "\nACTION==\"add\", ATTR{driver_override}=\"vfio-pci\"\n\n" },
		{ mask_rules, "KERNEL==\"secret\"\n", "" },
		{ mask_script, "#!/bin/sh\nfor d in 0000:01:00.0; do\necho 12:34:56\n", "\nfor d in 0000:01:00.0; do\n\n" },
		{ mask_grub, "# secret\nGRUB_DEFAULT=secret\nGRUB_CMDLINE_LINUX=\"quiet ip=10.0.0.1 \"'vfio-pci.ids=1:2'\nif true; then\n\n",
		  "\n\nGRUB_CMDLINE_LINUX=\"quiet ip=? \"'vfio-pci.ids=1:2'\n:\n\n" },
		{ mask_uuids, "7DF2-8A0C\n", "0000-0000\n" },
		{ mask_kernel_config, "CONFIG_X=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n", "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n" },
		{ mask_udev, "E:ID_SERIAL=1\nE:ID_FS_TYPE=ext4\n", "E:ID_FS_TYPE=ext4\n" },
		{ mask_settings, "# a\n ; b\n[defaults]\nreset = none # c\n", "#\n#\n[defaults]\nreset = none # c\n" },
		{ mask_stat, "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 4096 1 140000\n",
		  "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n" },
		{ mask_stat, "nonsense", "" },
		{ mask_status, "Name:\tx\nNSpid:\t7\t1\nUid:\t0\n", "NSpid:\t7\t1\n" },
		{ mask_fdinfo, "pos:\t0\nflags:\t02\ndrm-driver:\ti915\ndrm-pdev:\t0000:00:02.0\ndrm-client-id:\t7\n",
		  "flags:\t02\ndrm-driver:\ti915\ndrm-pdev:\t0000:00:02.0\n" },
		{ mask_mapping, "a\n\tmap node=pve,path=01:00\n\tmap node=x, description=y,path=02:00\n\tmdev 1\n\tother z\n\nb\n\tmap description=y\n\tmdev\n",
		  "a\n\tmap node=pve,path=01:00\n\tmap node=node2,path=02:00\n\tmdev 1\n\nb\n\tmdev \n" },
		{ mask_storage, "nfs: s\n\tserver h\n\tpath /x\n\tnodes y,pve\n\tshared\n\npbs: p\n\tnodes ,\n\tpassword z\n",
		  "nfs: s\n\tpath /x\n\tnodes node2,pve\n\tshared\n\npbs: p\n" },
		{ mask_ha, "CT: 200\n\tcomment c\n\tstate started\n\ngroup: g\n\tstate x\n\nvm: 1\n\tstate stopped\n",
		  "CT: 200\n\tstate started\n\nvm: 1\n\tstate stopped\n" },
		{ mask_boot_id, "note boot abc-def\nabc-def again", "note boot " MASK_BOOT_ID "\n" MASK_BOOT_ID " again" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mask_names n = { .boot_id = "abc-def" };
		_cleanup_free_ char *text = strdup(rows[i].text);
		_cleanup_text_ struct text got = { 0 };
		char node[24];

		assert_string_equal(mask_node(&n, "pve", node), "pve");
		rows[i].mask(&n, text, &got);
		if (!str_eq(text_str(&got), rows[i].want))
			fail_msg("row %zu: '%s' instead of '%s'", i, text_str(&got), rows[i].want);
		mask_names_done(&n);
	}
}

static void arguments(void **state)
{
	static const char args[] = "kvm\0-name\0x\0-id\000101\0-pidfile\0/p\0-id";
	static const char want[] = "kvm\0-id\000101\0-pidfile\0/p";
	_cleanup_text_ struct text got = { 0 };

	/* the last has no value */
	mask_arguments(args, sizeof(args) - 1, &got);
	assert_int_equal(got.len, sizeof(want));
	assert_memory_equal(got.s, want, sizeof(want));
	mask_arguments(args, 0, &got);
	assert_int_equal(got.len, sizeof(want));
}

static void names(void **state)
{
	static const char text[] = "enx0123456789ab wlxAABBCCDDEEFF enx0123456789ab xenx0123456789ab enx0123456789abc enx012345 "
				   "/sys/fs/btrfs/01234567-89ab-cdef-0123-456789abcdef/devices /sys/fs/btrfs/features";
	static const char want[] = "enx000000000001 wlx000000000002 enx000000000001 xenx0123456789ab enx0123456789abc enx012345 "
				   "/sys/fs/btrfs/volume-1/devices /sys/fs/btrfs/features";
	_cleanup_text_ struct text got = { 0 };
	struct mask_names n = { 0 };

	mask_text(&n, text, strlen(text), &got);
	assert_string_equal(text_str(&got), want);
	mask_names_done(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(masks), cmocka_unit_test(arguments), cmocka_unit_test(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
