/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lines decide about which cards, and what is said of it; the IOMMU that is off, and why. */
#include "flow/setup.h"
#include "policy/iommu_judge.h"
#include "policy/pins.h"
#include "tree.h"

/* "KIND EFFECT FILE:LINE CARD CARD" of one pin. */
static void pin_text(const struct pin *p, struct text *t)
{
	static const char *const kinds[] = { "options", "blacklist", "install", "alias", "softdep",
					     "module", "udev", "driverctl", "script", "hook", "param" };
	static const char *const effects[] = { "binds", "keeps", "notes" };
	char name[BDF_LEN];

	text_addf(t, "%s%s %s %s:%u", p->maybe ? "?" : "", kinds[p->kind], effects[p->effect], p->file ? p->file : "running", p->line);
	for (size_t i = 0; i < p->cards.n; i++)
		text_addf(t, " %s", bdf_format(p->cards.v[i], name) + strlen("0000:"));
	for (size_t i = 0; i < p->others.n; i++)
		text_addf(t, " (%s)", bdf_format(p->others.v[i], name) + strlen("0000:"));
	text_addf(t, "%s%s\n", p->in_force ? "" : " later", p->next_boot ? "" : " no more");
}

static void assert_pins(const struct root *r, const char *what, const char *expected)
{
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_pins_ struct pins l = { 0 };
	_cleanup_text_ struct text t = { 0 };
	struct err e = { "" };

	if (setup_load(r, &s, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(pins_find(&s, &l), 0);
	for (size_t i = 0; i < l.n; i++)
		pin_text(&l.v[i], &t);
	if (strcmp(text_str(&t), expected) != 0)
		fail_msg("%s has\n%sand not\n%s", what, text_str(&t), expected);
}

static void foreign(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "foreign");
	assert_pins(&t.root, "foreign",
		    "blacklist keeps /etc/modprobe.d/blacklist-gpu.conf:1 01:00.0 02:00.0\n"
		    "blacklist keeps /etc/modprobe.d/blacklist-gpu.conf:2 03:00.0\n"
		    "install keeps /etc/modprobe.d/blacklist-gpu.conf:3 03:00.0\n"
		    "options binds /etc/modprobe.d/vfio.conf:2 01:00.0 01:00.1 02:00.0 02:00.1 (04:00.0)\n"
		    "softdep notes /etc/modprobe.d/vfio.conf:4 01:00.0 02:00.0\n"
		    "softdep notes /etc/modprobe.d/vfio.conf:5 01:00.1 02:00.1 03:00.1\n"
		    "module binds /etc/initramfs-tools/modules:3 03:00.0\n"
		    "udev binds /etc/udev/rules.d/90-gpu.rules:2 03:00.0 03:00.1\n"
		    "?udev binds /etc/udev/rules.d/90-gpu.rules:4 01:00.1 02:00.1\n"
		    "driverctl binds /etc/driverctl.d/pci-0000:03:00.1:0 03:00.1\n"
		    "?script binds /etc/initramfs-tools/scripts/init-top/vfio-override:4 02:00.0 02:00.1\n"
		    "param notes /etc/default/grub:4 00:02.0\n"
		    "param notes /etc/default/grub:4 00:02.0 01:00.0 02:00.0 03:00.0\n"
		    "param keeps /etc/default/grub.d/gpu.cfg:1 01:00.0 02:00.0 03:00.0 later\n"
		    "param notes /etc/default/grub:3 00:02.0 01:00.0 02:00.0 03:00.0\n"
		    "param binds running:0 01:00.0 02:00.0 no more\n");
}

/* Machines that nobody has been at have none, though their distribution blacklists nvidiafb. */
static void none(void **state)
{
	static const char *const trees[] = { "twins", "hybrid", "server", "amd-four", "sriov", "no-iommu" };

	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		_cleanup_tree_ struct tree t;

		tree_expand(&t, trees[i]);
		assert_pins(&t.root, trees[i], "");
	}
}

/* One file at a time on a machine with a driver for everything. */
static void lines(void **state)
{
	static const struct {
		const char *tree, *path, *text, *pins;
	} cases[] = {
		/* another driver is left, or the driver is somebody else's */
		{ "sriov", "/etc/modprobe.d/a.conf", "blacklist xe\n", "" },
		{ "sriov", "/etc/modprobe.d/a.conf", "blacklist xe\nblacklist i915\n",
		  "blacklist keeps /etc/modprobe.d/a.conf:1 03:00.0\nblacklist keeps /etc/modprobe.d/a.conf:2 03:00.0\n" },
		{ "hybrid", "/etc/modprobe.d/a.conf", "blacklist nouveau\n", "" },
		{ "hybrid", "/etc/modprobe.d/a.conf", "blacklist nouveau\nblacklist nvidia\n",
		  "blacklist keeps /etc/modprobe.d/a.conf:1 01:00.0\nblacklist keeps /etc/modprobe.d/a.conf:2 01:00.0\n" },
		{ "twins", "/etc/modprobe.d/a.conf", "blacklist amdgpu\nblacklist e1000e\ninstall radeon /sbin/modprobe -i radeon\n", "" },
		/* of both of them */
		{ "twins", "/etc/modprobe.d/a.conf", "blacklist radeon\n", "blacklist keeps /etc/modprobe.d/a.conf:1 01:00.0 02:00.0\n" },
		{ "twins", "/etc/modprobe.d/a.conf", "options vfio_pci ids=1002:5159:1af4:1100,1234:5678\n",
		  "options binds /etc/modprobe.d/a.conf:1 01:00.0 02:00.0\n" },
		/* pci-stub keeps a card away just as well */
		{ "twins", "/etc/modprobe.d/a.conf", "options pci-stub ids=1002:5159\nsoftdep radeon pre: pci-stub\n",
		  "options binds /etc/modprobe.d/a.conf:1 01:00.0 02:00.0\nsoftdep notes /etc/modprobe.d/a.conf:2 01:00.0 02:00.0\n" },
		{ "twins", "/etc/initramfs-tools/modules", "pci_stub ids=1002:5159\n",
		  "module binds /etc/initramfs-tools/modules:1 01:00.0 02:00.0\n" },
		{ "twins", "/proc/cmdline", "BOOT_IMAGE=/x pci_stub.ids=1002:5159\n", "param binds running:0 01:00.0 02:00.0 no more\n" },
		{ "twins", "/etc/udev/rules.d/a.rules", "KERNEL==\"0000:01:00.0\", RUN+=\"/bin/sh -c 'echo $kernel >/sys/bus/pci/drivers/pci-stub/bind'\"\n",
		  "?udev binds /etc/udev/rules.d/a.rules:1 01:00.0\n" },
		{ "twins", "/etc/initramfs-tools/scripts/init-top/x", "modprobe pci-stub\n",
		  "?script binds /etc/initramfs-tools/scripts/init-top/x:1\n" },
		/* a remark of the shell's, and a word that is none */
		{ "twins", "/etc/modprobe.d/a.conf", "install radeon /bin/true # no\n", "install keeps /etc/modprobe.d/a.conf:1 01:00.0 02:00.0\n" },
		{ "twins", "/etc/modprobe.d/a.conf", "install radeon /bin/true#no\n", "" },
		/* a command in vfio-pci's place: what it names, or nobody knows */
		{ "twins", "/etc/modprobe.d/a.conf", "install vfio-pci /usr/local/bin/vfio-pci-override.sh\n",
		  "?install binds /etc/modprobe.d/a.conf:1\n" },
		{ "twins", "/etc/modprobe.d/a.conf", "blacklist radeon\ninstall pci-stub echo vfio-pci > /sys/bus/pci/devices/0000:02:00.0/driver_override\n",
		  "blacklist keeps /etc/modprobe.d/a.conf:1 01:00.0 02:00.0\n?install binds /etc/modprobe.d/a.conf:2 02:00.0\n" },
		{ "twins", "/etc/modprobe.d/a.conf", "install vfio-pci /bin/false # 02:00.0\n", "" },
		{ "twins", "/etc/modprobe.d/a.conf", "options vfio-pci disable_vga=1\noptions other ids=1002:5159\n", "" },
		{ "twins", "/etc/modprobe.d/a.conf", "alias pci:v00001002d00005159sv* vfio-pci\n",
		  "alias keeps /etc/modprobe.d/a.conf:1 01:00.0 02:00.0\n" },
		{ "twins", "/etc/modprobe.d/a.conf", "alias pci:v00001002d00005159sv* radeon\n", "" },
		/* only where driverctl is */
		{ "twins", "/etc/driverctl.d/pci-0000:01:00.0", "vfio-pci\n", "" },
		/* to its own driver, or away */
		{ "twins", "/etc/udev/rules.d/a.rules", "KERNEL==\"0000:01:00.0\", ATTR{driver_override}=\"radeon\"\n",
		  "udev notes /etc/udev/rules.d/a.rules:1 01:00.0\n" },
		{ "twins", "/etc/udev/rules.d/a.rules", "KERNEL==\"0000:01:00.0\", ATTR{driver_override}=\"\"\n",
		  "udev notes /etc/udev/rules.d/a.rules:1 01:00.0\n" },
		{ "twins", "/etc/udev/rules.d/a.rules", "KERNEL==\"0000:09:00.0\", ATTR{driver_override}=\"vfio-pci\"\n", "" },
		{ "twins", "/etc/initramfs-tools/scripts/init-top/x", "modprobe vfio-pci\n",
		  "?script binds /etc/initramfs-tools/scripts/init-top/x:1\n" },
		{ "twins", "/etc/modules", "vfio-pci\n", "" },
		/* parameters: of the running kernel, and of the next boot */
		{ "twins", "/proc/cmdline", "BOOT_IMAGE=/x module_blacklist=radeon,x\n", "param keeps running:0 01:00.0 02:00.0 no more\n" },
		{ "twins", "/proc/cmdline", "BOOT_IMAGE=/x radeon.modeset=0\n", "param keeps running:0 01:00.0 02:00.0 no more\n" },
		{ "twins", "/proc/cmdline", "BOOT_IMAGE=/x radeon.modeset=1 -- nomodeset\n", "" },
		{ "hybrid", "/etc/kernel/cmdline", "root=x nomodeset\n", "param keeps /etc/kernel/cmdline:1 00:02.0 later\n" },
		{ "hybrid", "/etc/kernel/cmdline", "root=x vfio-pci.ids=10de:2204\nvfio-pci.ids=8086:4680\n",
		  "param binds /etc/kernel/cmdline:1 01:00.0 later\n" },
		{ "hybrid", "/etc/default/grub", "GRUB_CMDLINE_LINUX=vfio-pci.ids=10de:2204\n", "" },
		{ "hybrid", "/etc/kernel/cmdline", "root=x pcie_acs_override=downstream\n", "param notes /etc/kernel/cmdline:1 00:02.0 01:00.0 later\n" },
		{ "twins", "/proc/cmdline", "BOOT_IMAGE=/x pcie_acs_override=downstream\n", "param notes running:0 01:00.0 02:00.0 03:00.0 no more\n" },
		/* a management controller's display is no card */
		{ "server", "/etc/modprobe.d/a.conf", "blacklist ast\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;

		tree_expand(&t, cases[i].tree);
		tree_put(&t, cases[i].path, cases[i].text);
		assert_pins(&t.root, cases[i].text, cases[i].pins);
	}
}

/* The way of twins: modprobe runs a script, which names one of them. */
static void twin_script(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	tree_put(&t, "/etc/modprobe.d/a.conf", "install vfio-pci \"/usr/local/bin/override.sh\"; /bin/modprobe -i vfio-pci\n");
	tree_put(&t, "/usr/local/bin/override.sh", "#!/bin/sh\n# not 0000:02:00.0\nDEVS=\"0000:01:00.0 0000:01:00.1\"\n"
						   "for d in $DEVS; do echo vfio-pci >/sys/bus/pci/devices/$d/driver_override; done\n");
	assert_pins(&t.root, "twin_script", "?install binds /etc/modprobe.d/a.conf:1 01:00.0 01:00.1\n");
}

/* Programs that make an initramfs: what they put there about a card, and rules that they copy. */
static void hooks(void **state)
{
	static const struct {
		const char *path, *text, *pin;
	} cases[] = {
		{ "/etc/initramfs-tools/hooks/a", "#!/bin/sh\ncopy_file rule /etc/udev/rules.d/90-gpu.rules\n", "?hook notes /etc/initramfs-tools/hooks/a:2 01:00.0\n" },
		{ "/etc/initramfs-tools/hooks/a", "#!/bin/sh\ncp /etc/udev/rules.d/*.rules $DESTDIR\n", "?hook notes /etc/initramfs-tools/hooks/a:2 01:00.0\n" },
		{ "/etc/initramfs-tools/hooks/a", "# cp /etc/udev/rules.d/90-gpu.rules /x\n", "" },
		{ "/etc/initramfs-tools/hooks/a", "copy_file rule /etc/udev/rules.d/91-other.rules\n", "" },
		{ "/etc/initramfs-tools/hooks/a", "manual_add_modules vfio-pci\n", "" },
		{ "/etc/initramfs-tools/hooks/a", "echo options vfio-pci ids=1002:5159 >$DESTDIR/etc/modprobe.d/a.conf\n",
		  "?hook binds /etc/initramfs-tools/hooks/a:1 01:00.0 02:00.0\n" },
		{ "/usr/share/initramfs-tools/hooks/a", "cp /etc/udev/rules.d/90-gpu.rules $DESTDIR\necho vfio-pci 0000:01:00.0\n", "" },
	};
	static const char rule[] = "udev binds /etc/udev/rules.d/90-gpu.rules:1 01:00.0\n";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		char expected[256];

		tree_expand(&t, "twins");
		tree_put(&t, "/etc/udev/rules.d/90-gpu.rules", "KERNEL==\"0000:01:00.0\", ATTR{driver_override}=\"vfio-pci\"\n");
		tree_put(&t, cases[i].path, cases[i].text);
		snprintf(expected, sizeof(expected), "%s%s", rule, cases[i].pin);
		assert_pins(&t.root, cases[i].text, expected);
	}
}

static void judge_text(const struct root *r, const char *conf, struct text *t)
{
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_pins_ struct pins l = { 0 };
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_settings_ struct settings set = { 0 };
	const struct bdf slot = { .bus = 1 };
	struct err e;

	assert_int_equal(settings_parse(conf, "gpupt.conf", &set, &e), 0);
	assert_int_equal(setup_load(r, &s, &e), 0);
	assert_int_equal(pins_find(&s, &l), 0);
	pins_judge(&s, &set, &l, &slot, &f);
	for (size_t i = 0; i < f.n; i++)
		text_addf(t, "%s %s %s\n", severity_name(f.v[i].severity), finding_name(f.v[i].code), f.v[i].subject);
}

/* Kept away is a card that is away by such a line, that no VM has, and that is not meant to stay. Ours are not said. */
static void kept_away(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_text_ struct text a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, e = { 0 }, stub = { 0 };

	tree_expand(&t, "twins");
	tree_link(&t, "/sys/bus/pci/devices/0000:01:00.0/driver", "../../../../bus/pci/drivers/vfio-pci");
	judge_text(&t.root, "", &a);
	assert_string_equal(text_str(&a), "");
	tree_put(&t, "/etc/modprobe.d/a.conf", "options vfio-pci ids=1002:5159\n");
	judge_text(&t.root, "", &b);
	assert_string_equal(text_str(&b), "warn pinned 0000:01:00.0\nwarn kept-away 0000:01:00.0\n");
	judge_text(&t.root, "[gpu 01:00]\nafter-stop = keep\n", &c);
	assert_string_equal(text_str(&c), "warn pinned 0000:01:00.0\n");
	tree_link(&t, "/sys/bus/pci/devices/0000:01:00.0/driver", "../../../../bus/pci/drivers/pci-stub");
	tree_link(&t, "/sys/bus/pci/drivers/pci-stub/module", "../../../../module/pci_stub");
	judge_text(&t.root, "", &stub);
	assert_string_equal(text_str(&stub), "warn pinned 0000:01:00.0\nwarn kept-away 0000:01:00.0\n");
	tree_put(&t, "/run/qemu-server/pci-id-reservations", "0000:01:00.0 105 time:9999999999\n");
	judge_text(&t.root, "", &d);
	assert_string_equal(text_str(&d), "warn pinned 0000:01:00.0\n");
	tree_put(&t, "/run/qemu-server/pci-id-reservations", "");
	assert_int_equal(root_unlink(&t.root, "/etc/modprobe.d/a.conf"), 0);
	tree_put(&t, "/etc/modprobe.d/gpupt.conf", "options vfio-pci ids=1002:5159\n");
	judge_text(&t.root, "", &e);
	assert_string_equal(text_str(&e), "");
}

static void iommu(void **state)
{
	static const struct {
		const char *firmware, *params[4];
		enum tri intel_default, on;
	} cases[] = {
		{ "DMAR", { NULL }, TRI_NO, TRI_NO },
		{ "DMAR", { NULL }, TRI_YES, TRI_YES },
		{ "DMAR", { NULL }, TRI_UNKNOWN, TRI_UNKNOWN },
		{ "DMAR", { "quiet", "intel_iommu=on" }, TRI_NO, TRI_YES },
		{ "DMAR", { "intel-iommu=on,sm_on" }, TRI_NO, TRI_YES },
		{ "DMAR", { "intel_iommu=sm_on" }, TRI_NO, TRI_NO },
		{ "DMAR", { "intel_iommu=off", "intel_iommu=on" }, TRI_NO, TRI_YES },
		{ "DMAR", { "intel_iommu=on", "intel_iommu=off" }, TRI_YES, TRI_NO },
		{ "DMAR", { "intel_iommu=on", "iommu=pt,off" }, TRI_YES, TRI_NO },
		{ "DMAR", { "iommu=pt" }, TRI_YES, TRI_YES },
		{ "DMAR", { "--", "intel_iommu=on" }, TRI_NO, TRI_NO },
		{ "DMAR", { "amd_iommu=off" }, TRI_YES, TRI_YES },
		{ "DMAR", { "intel_iommu" }, TRI_NO, TRI_NO },
		{ "IVRS", { NULL }, TRI_UNKNOWN, TRI_YES },
		{ "IVRS", { "amd_iommu=off" }, TRI_UNKNOWN, TRI_NO },
		{ "IVRS", { "intel_iommu=off" }, TRI_UNKNOWN, TRI_YES },
		{ "IVRS", { "iommu=off" }, TRI_UNKNOWN, TRI_NO },
		{ "", { "intel_iommu=on" }, TRI_UNKNOWN, TRI_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iommu u = { .intel_default = cases[i].intel_default };
		size_t n = 0;

		snprintf(u.firmware, sizeof(u.firmware), "%s", cases[i].firmware);
		while (n < ARRAY_SIZE(cases[i].params) && cases[i].params[n])
			n++;
		if (iommu_would_be_on(&u, cases[i].params, n) != cases[i].on)
			fail_msg("case %zu: %s", i, cases[i].params[0] ? cases[i].params[0] : "none");
	}
}

/* The release decides for Proxmox VE's kernels without their configuration. */
static void intel_default(void **state)
{
	static const struct {
		const char *release, *config;
		enum tri expected;
	} cases[] = {
		{ "6.8.12-9-pve", NULL, TRI_YES },
		{ "6.5.13-6-pve", NULL, TRI_NO },
		{ "7.0.1-1-pve", NULL, TRI_YES },
		{ "6.12.1-amd64", NULL, TRI_UNKNOWN },
		{ "6.12.1-amd64", "A=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\nB=y\n", TRI_YES },
		{ "6.1.0-56-amd64", "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\nCONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n", TRI_YES },
		{ "6.8.12-9-pve", "A=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n", TRI_NO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		char path[PATH_MAX];
		struct iommu u;
		struct err e;

		tree_new(&t);
		tree_put(&t, "/sys/firmware/acpi/tables/DMAR", "");
		tree_put(&t, "/proc/sys/kernel/osrelease", cases[i].release);
		if (cases[i].config)
			tree_put(&t, path_f(path, "/boot/config-%s", cases[i].release), cases[i].config);
		assert_int_equal(iommu_load(&t.root, &u, &e), 0);
		assert_int_equal(u.intel_default, cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign), cmocka_unit_test(none),  cmocka_unit_test(lines),
		cmocka_unit_test(twin_script), cmocka_unit_test(hooks), cmocka_unit_test(kept_away), cmocka_unit_test(iommu), cmocka_unit_test(intel_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
