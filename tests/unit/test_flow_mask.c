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
		{ mask_cmdline, "dyndbg=\"file secret +p\" \"x=a b\" video=\"a b\" root=\"UUID=1 2\" --\n", "dyndbg=? x=? video=\"a b\" root=UUID=?\n" },
		{ mask_cmdline, "\"-- a=b\" quiet \"not closed\n", "--_a=? quiet \"not closed\n" },
		{ mask_cmdline, "initrd=\\EFI\\0123\\initrd ip=1.2.3.4 nfsroot=1.2.3.4:/x cryptdevice=UUID=1:x rd.luks.name=1=x rd.luks.options=x",
		  "initrd=\\? ip=? nfsroot=? cryptdevice=? rd.luks.name=? rd.luks.options=?\n" },
		{ mask_cmdline, "initrd=/boot/secret blacklist=nouveau BOOT_IMAGE=http://1.2.3.4/x", "initrd=? blacklist=nouveau BOOT_IMAGE=http://?\n" },
		{ mask_first_line, "root=/dev/x a=b\nip=1.2.3.4\n", "root=/dev/x a=?\n" },
		{ mask_first_line, "\nquiet\n", "\n" },
		{ mask_esps, "7DF2-8A0C\n1234-5678\n", "0000-0000\n" },
		{ mask_kconfig, "CONFIG_A=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\nCONFIG_INTEL_IOMMU=y\n", "#\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n" },
		{ mask_kconfig, "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n", "#\nCONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n" },
		{ mask_kconfig, "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n", "#\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n" },
		{ mask_grub, "# a\nGRUB_DEFAULT=0\n\nGRUB_PASSWORD='a\nb'\nGRUB_CMDLINE_LINUX=\"quiet ip=1.2.3.4 root=UUID=1 iommu=pt\" # mine\n",
		  "\nGRUB_DEFAULT=`?`\n\nGRUB_PASSWORD=`?\n`\nGRUB_CMDLINE_LINUX=\"quiet ip=? root=UUID=? iommu=pt\"\n" },
		{ mask_grub, "export A B=1; GRUB_CMDLINE_LINUX_DEFAULT+=' a \\\n'\"$A \\\n vfio-pci.ids=1:2\"\\ x\\=`id`\n",
		  "export A B=`?`;GRUB_CMDLINE_LINUX_DEFAULT+=\" a \\\\\n${A} \\\n vfio-pci.ids=1:2 x=?`?`\"\n" },
		{ mask_grub, "GRUB_CMDLINE_LINUX=\"a=$(cat \"/secret\"\n) ${B:-c} $1 $ ${C} -- secret\"", "GRUB_CMDLINE_LINUX=\"a=?`?`\\\n `?` `?` \\$ ${C}  \"" },
		{ mask_grub, "A=1\nif secret; then\nB=1\n", "A=`?`\n?\n" },
		{ mask_grub, "A=1 secret\n", "A=`?` ?\n" },
		{ mask_grub, "A=1&secret\n", "A=`?` ?\n" },
		{ mask_grub, "A=1\nGRUB_CMDLINE_LINUX=\"secret\nB=1\n", "A=`?`\nGRUB_CMDLINE_LINUX='?\n\n" },
		{ mask_mountinfo, "22 27 0:21 / /proc rw shared:1 - proc proc rw\n36 27 0:5 /sub /mnt/x rw - cifs //10.0.0.1/x rw,username=me\n",
		  "22 27 0:21 / /proc rw - proc none rw\n36 27 0:5 / /network rw - cifs none rw\n" },
		{ mask_mountinfo, "22 27 0:21 / /proc\nnonsense - x\n22 27 0:21 / /x rw shared:1 master:2 -\n", "" },
		{ mask_sockets, "Num RefCount\nx: 2 @/var/lib/lxc/201/command\nx: 2 @/var/lib/lxc/201/commands\nx: 2 @/var/lib/lxc/a/command\n",
		  "Num RefCount\nx: 2 @/var/lib/lxc/201/command\n" },
		{ mask_nvidia, "Model: \t a\nGPU UUID: \t GPU-1\nDevice Minor: \t 0\n", "Model: \t a\nGPU UUID: ?\nDevice Minor: \t 0\n" },
		{ mask_aliases, "# x\nalias pci:v1 a\nalias usb:v1 b\n", "alias pci:v1 a\n" },
		{ mask_modprobe, "  blacklist a\nblacklisted b\noptions kvm x=1\noptions e1000 y=2\ninstall a b\nsoftdep a pre: b\n#blacklist c\n",
		  "  blacklist a\n\noptions kvm x=1\n\n\nsoftdep a pre: b\n" },
		{ mask_modprobe, "# a\noptions vfio-pci ids=1:2 \\\n\tx=1 # mine\nremove nouveau /bin/x\ninstall vfio-pci echo 1\ninstall x /bin/true\n",
		  "\noptions vfio-pci ids=1:2 \\\n\tx=1 \nremove nouveau ?\ninstall vfio_pci ?\ninstall x /bin/true\n" },
		{ mask_modprobe, "blacklist a # mine \\\nblacklist b\nalias pci:v1* a\nalias eth0 b\nweakdep a b", "blacklist a \\\nblacklist b\nalias pci:v1* a\n\nweakdep a b\n" },
		{ mask_modprobe, "options pci-stub ids=1:2\ninstall pci_stub /x\ninstall a :# x\n", "options pci-stub ids=1:2\ninstall pci_stub ?\n" },
		{ mask_modprobe, "install a : # x\n", "install a : \n" },
		{ mask_modprobe, "blacklist # a\noptions kvm # a\nblacklist b\n", "\n\nblacklist b\n" },
		{ mask_modprobe, "softdep a \"?\\\n# x\\\ny\nblacklist b\n", "softdep a \"?\\\n\\\ny\nblacklist b\n" },
		{ mask_modprobe, "install vfio x\nsoftdep a\\\n# x", "install vfio ?\n" },
		{ mask_modprobe, "blacklist a #\\\n", "blacklist a \\\n" },
		{ mask_modprobe, "blacklist a # x\\\\\nblacklist b\n", "blacklist a \nblacklist b\n" },
		{ mask_modules, "# a\nvfio\n\nbonding arp_ip_target=1.2.3.4\n vfio-pci ids=1:2 # mine\n;x\n",
		  "\nvfio\n\nbonding\n vfio-pci ids=1:2 \n" },
		{ mask_rules, "# a\nKERNEL==\"x\", NAME=\"secret\"\nKERNEL==\"0000:01:00.0\", \\\n  # mine\n ATTR{driver_override}=\"vfio-pci\"\nRUN+=\"x\"\n",
		  "\n\nKERNEL==\"0000:01:00.0\", \\\n#\n ATTR{driver_override}=\"vfio-pci\"\n" },
		{ mask_rules, "ENV{ID_SERIAL}==\"a\\\"b\", ATTR{address} != i\"x\", RUN+=\"/x 10.0.0.1 %E{ID_SERIAL} new_id\", ATTR{class}==\"0x03*\"\n",
		  "ENV{ID_SERIAL}==\"?\", ATTR{address} != i\"?\", RUN+=\"/x ? %E{ID_SERIAL} new_id\", ATTR{class}==\"0x03*\"\n" },
		{ mask_rules, "ENV{ID_SERIAL}==\"a \\\nb\", RUN=\"vfio-pci\"\n", "ENV{ID_SERIAL}==\"?\\\nb\", RUN=\"vfio-pci\"\n" },
		{ mask_rules, "KERNEL==\"x\"\n", "" },
		{ mask_rules, "KERNEL==\"a\", ATTR{driver_override}=\"x\" # secret\nKERNEL==\"b\", \\\n RUN+=\"new_id\" secret \\\n, ENV{A}= \\\n\"b\", \n",
		  "KERNEL==\"a\", ATTR{driver_override}=\"x\" #\nKERNEL==\"b\", \\\n RUN+=\"new_id\" #\\\n, ENV{A}= \\\n\"b\", \n" },
		{ mask_rules, "RUN+=\"echo \\\"new_id\\\" \\\n # kept\"\n", "RUN+=\"echo \\\"new_id\\\" \\\n#\n" },
		{ mask_rules, "RUN+=\"new_id \\\n kept\" secret\n", "RUN+=\"new_id \\\n kept\" #\n" },
		{ mask_rules, "a word about vfio-pci\nKERNEL==\"a\" vfio-pci\n", "" },
		{ mask_initscript, "#!/bin/sh\nkey=secret\ncard=0000:01:00.0\nexport id=10de:2484 # mine\n\necho vfio-pci >/x # mine\n# vfio-pci\nip=1.2.3.4\n",
		  "\n\ncard=0000:01:00.0\nexport id=10de:2484 \n\necho vfio-pci >/x \n" },
		{ mask_initscript, "echo 10de 2484 >/sys/x/new_id # not 02:00.0 at 10.0.0.1\n", "echo 10de 2484 >/sys/x/new_id # not 02:00.0 at ?\n" },
		{ mask_initscript, "true # # new_id vfio-pci\n", "true # # new_id vfio-pci\n" },
		{ mask_initscript, "card=0000:01:00.0\n", "" },
		{ mask_inithook, "#!/bin/sh\nsecret\ncp /etc/udev/rules.d/90-gpu.rules /x # mine\ncard=0000:01:00.0\n",
		  "\n\ncp /etc/udev/rules.d/90-gpu.rules /x \n" },
		{ mask_inithook, "card=0000:01:00.0\nmanual_add_modules vfio-pci\nsecret\n# /etc/udev/rules.d\n", "card=0000:01:00.0\nmanual_add_modules vfio-pci\n" },
		{ mask_inithook, "manual_add_modules ext4\n", "" },
		{ mask_driverctl, "vfio-pci\n", "vfio-pci\n" },
		{ mask_driverctl, "a word\n", "" },
		{ mask_udev, "E:ID_SERIAL=1\nE:ID_FS_TYPE=ext4\n", "E:ID_FS_TYPE=ext4\n" },
		{ mask_rules, "# gpupt: hides it\n# mine\nKERNEL==\"x\", ATTR{driver_override}=\"\"\n", "# gpupt\n\nKERNEL==\"x\", ATTR{driver_override}=\"\"\n" },
		{ mask_rules, "# gpupt", "# gpupt\n" },
		{ mask_rules, "# gpupts\n", "" },
		{ mask_kmods, "kernel/drivers/vfio/vfio.ko.zst:\nupdates/dkms/vendor-reset.ko: kernel/x.ko\nkernel/vendor_reset.ko",
		  "updates/dkms/vendor-reset.ko:\nkernel/vendor_reset.ko:\n" },
		{ mask_known, "# mine\n\n8086:5a84  ok   asked me@10.0.0.1\n1002:67df:1da2:e387 vendor-reset Polaris 10\nsecret\n",
		  "#\n\n8086:5a84  ok   asked me@?\n1002:67df:1da2:e387 vendor-reset Polaris 10\n?\n" },
		{ mask_settings, "# a\n ; b\n[defaults]\nreset = none # c\n", "#\n#\n[defaults]\nreset = none # c\n" },
		{ mask_settings, "[gpu 01:00] secret\nafter-stop = keep\t; secret\nnext = a;b ;\n [vm 1] ;secret\n",
		  "[gpu 01:00]\nafter-stop = keep\t\nnext = a;b \n [vm 1]\n" },
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

static void lines(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "10.0.0.1 fe80::1 00:11:22:aa:bb:cc 1:2:3:4:5:6:7:8 01234567-89ab-cdef-0123-456789abcdef.", "? ? ? ? ?." },
		{ "0000:01:00.0 01:00.0 10de:2484:1458:403b:030000:ffff00 6.8.12 driver_override new_id", NULL },
		{ "x10.0.0.1 10.0.0.1driver_override", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct text got = { 0 };

		mask_line(rows[i].text, &got);
		assert_string_equal(text_str(&got), rows[i].want ? rows[i].want : rows[i].text);
	}
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(masks), cmocka_unit_test(arguments), cmocka_unit_test(lines),
					    cmocka_unit_test(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
