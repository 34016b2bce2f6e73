/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a preparation plans for which host, and what it says of what was prepared. */
#include <errno.h>

#include "flow/prepare.h"
#include "policy/prepare_parts.h"
#include "tree.h"

#define CONF "/etc/gpupt/gpupt.conf"
#define HEADER "gpupt-record 1\nnote boot b\n"

/* Each planned step on a line, and the text of files of ours behind it; then what was found. */
static void plan_text(const struct prepare *p, struct text *t)
{
	for (size_t i = 0; i < p->plan.n; i++) {
		const struct step *s = &p->plan.steps[i];

		if (s->kind != &step_dir)
			text_addf(t, "%s %s: %s -> %s\n", s->kind->name, s->target, s->before ? s->before : "~", s->after ? s->after : "~");
	}
	for (size_t i = 0; i < p->found.n; i++)
		text_addf(t, "%s %s %s\n", severity_name(p->found.v[i].severity), finding_name(p->found.v[i].code), p->found.v[i].message);
}

static void look(const struct root *r, bool adopt, struct prepare *p)
{
	struct err e = { "" };

	*p = (struct prepare){ .root = r, .adopt = adopt, .record.fd = -1 };
	if (prepare_look(p, &e) < 0)
		fail_msg("%s", e.text);
}

/* The text that the plan gives a file; "" if it does not touch it. */
static const char *file_of(const struct prepare *p, const char *path)
{
	for (size_t i = 0; i < p->plan.n; i++)
		if (p->plan.steps[i].kind == &step_file && str_starts(p->plan.steps[i].target, path))
			return p->plan.steps[i].after ? p->plan.steps[i].after : "~";
	return "";
}

/* What stands below the comment at its top. */
static const char *body_of(const struct prepare *p, const char *path)
{
	const char *text = file_of(p, path);

	return str_starts(text, PREPARE_HEADER) ? text + strlen(PREPARE_HEADER) : text;
}

struct edit {
	const char *path, *text;
};

static void assert_body(const char *tree, const struct edit *edits, size_t n, const char *path, const char *expected)
{
	_cleanup_tree_ struct tree t;
	_cleanup_prepare_ struct prepare p = { 0 };

	tree_expand(&t, tree);
	for (size_t i = 0; i < n; i++)
		tree_put(&t, edits[i].path, edits[i].text);
	look(&t.root, false, &p);
	if (strcmp(body_of(&p, path), expected) != 0)
		fail_msg("%s with '%s': %s is\n%sand not\n%s", tree, n ? edits[0].text : "", path, body_of(&p, path), expected);
}

static void modules(void **state)
{
	static const struct {
		struct edit edit;
		const char *expected;
	} cases[] = {
		{ { "/etc/modules", "# none\n" }, "vfio\nvfio_iommu_type1\nvfio_pci\n" },
		{ { "/etc/modules", "vfio-pci\nvfio\n" }, "vfio_iommu_type1\n" },
		{ { "/etc/modules-load.d/a.conf", "vfio\nvfio_iommu_type1\nvfio_pci\n" }, "" },
		{ { "/usr/lib/modules-load.d/a.conf", "vfio\n" }, "vfio_iommu_type1\nvfio_pci\n" },
		/* of the initramfs alone, and one of our own from before */
		{ { "/etc/initramfs-tools/modules", "vfio_pci\n" }, "vfio\nvfio_iommu_type1\nvfio_pci\n" },
		/* up to Linux 6.1 */
		{ { "/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n" }, "vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n" },
		{ { "/proc/sys/kernel/osrelease", "6.2.16-3-pve\n" }, "vfio\nvfio_iommu_type1\nvfio_pci\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_body("twins", &cases[i].edit, 1, PREPARE_MODULES_LOAD, cases[i].expected);
}

#define RESERVED "[gpu 01:00]\nmode = reserved\n"
#define TWICE	 "softdep radeon pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n"

static void options_and_softdeps(void **state)
{
	static const struct {
		const char *conf, *theirs, *expected;
	} cases[] = {
		{ "", "", "" },
		{ "[gpu 01:00]\nmode = shared\n", "", "" },
		{ RESERVED, "", TWICE },
		{ "[defaults]\nmode = reserved\n", "", TWICE "softdep bochs pre: vfio-pci\n" },
		{ RESERVED, "softdep radeon pre: drm vfio_pci\n", "softdep snd_hda_intel pre: vfio-pci\n" },
		{ RESERVED, "softdep radeon post: vfio-pci\n", TWICE },
		{ "[host]\nignore-msrs = 1\n", "", "options kvm ignore_msrs=1 report_ignored_msrs=0\n" },
		{ "[host]\nignore-msrs = 0\n", "", "" },
		{ "[host]\nignore-msrs = 1\n", "options kvm ignore_msrs=0\n", "" },
		{ "[host]\nignore-msrs = 1\n", "options kvm-intel ignore_msrs=0\noptions kvm x_ignore_msrs=1\n",
		  "options kvm ignore_msrs=1 report_ignored_msrs=0\n" },
		{ "[host]\nunsafe-interrupts = 1\ndisable-idle-d3 = 1\n", "options vfio_pci disable_vga=1\n",
		  "options vfio_iommu_type1 allow_unsafe_interrupts=1\noptions vfio-pci disable_idle_d3=1\n" },
		{ "[host]\ndisable-idle-d3 = 1\n", "options vfio-pci disable_vga=1 disable_idle_d3=0\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct edit edits[] = { { CONF, cases[i].conf }, { "/etc/modprobe.d/theirs.conf", cases[i].theirs } };

		assert_body("twins", edits, ARRAY_SIZE(edits), PREPARE_MODPROBE, cases[i].expected);
	}
}

/* --- the IOMMU's parameters, on a machine that needs intel_iommu=on and is booted by systemd-boot, or by GRUB --- */

#define BOTH "param /etc/kernel/cmdline intel_iommu=on: ~ -> intel_iommu=on\nparam /etc/kernel/cmdline iommu=pt: ~ -> iommu=pt\n"
#define REFRESH "rebuild boot-tool: ~ -> proxmox-boot-tool refresh\n"
#define OFF "block loader-unknown iommu=off in /etc/kernel/cmdline keeps the IOMMU off, whatever is added\n"

static void assert_plan(const struct tree *t, bool adopt, const char *what, const char *expected)
{
	_cleanup_prepare_ struct prepare p = { 0 };
	_cleanup_text_ struct text text = { 0 };

	tree_put(t, "/etc/modules", "vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n");
	look(&t->root, adopt, &p);
	plan_text(&p, &text);
	if (strcmp(text_str(&text), expected) != 0)
		fail_msg("%s%s: it is\n%sand not\n%s", what, adopt ? " with adopt" : "", text_str(&text), expected);
}

static void bare_parameters(void **state)
{
	static const struct {
		const char *line, *plain, *adopting;
	} cases[] = {
		{ "root=x quiet", BOTH REFRESH, BOTH REFRESH },
		{ "root=x intel_iommu=on", "", "" },
		{ "root=x intel_iommu=on iommu=pt", "", "" },
		{ "root=x iommu=nopt", "param /etc/kernel/cmdline intel_iommu=on: ~ -> intel_iommu=on\n" REFRESH,
		  "param /etc/kernel/cmdline intel_iommu=on: ~ -> intel_iommu=on\n" REFRESH },
		{ "root=x intel_iommu=off", BOTH REFRESH, "param /etc/kernel/cmdline@7,root intel_iommu=off: intel_iommu=off -> ~\n" BOTH REFRESH },
		{ "root=x iommu=off", "param /etc/kernel/cmdline intel_iommu=on: ~ -> intel_iommu=on\n" REFRESH OFF,
		  "param /etc/kernel/cmdline@7,root iommu=off: iommu=off -> ~\n" BOTH REFRESH },
		{ "root=x pcie_acs_override=downstream intel_iommu=on", "",
		  "param /etc/kernel/cmdline@7,root pcie_acs_override=downstream: pcie_acs_override=downstream -> ~\n" REFRESH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int adopt = 0; adopt < 2; adopt++) {
			_cleanup_tree_ struct tree t;

			tree_expand(&t, "wrong-loader");
			tree_put(&t, "/etc/kernel/cmdline", cases[i].line);
			assert_plan(&t, adopt, cases[i].line, adopt ? cases[i].adopting : cases[i].plain);
		}
}

#define GRUB(params) "file " PREPARE_GRUB ": ~ -> " PREPARE_HEADER "GRUB_CMDLINE_LINUX_DEFAULT=\"" params "$GRUB_CMDLINE_LINUX_DEFAULT\"\n\n"

static void by_grub(const struct tree *t, const char *defaults)
{
	tree_put(t, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.5.13-6-pve root=/dev/sda1 quiet\n");
	tree_put(t, "/etc/default/grub", defaults);
	assert_int_equal(root_unlink(&t->root, "/etc/kernel/proxmox-boot-uuids"), 0);
}

static void grubs_parameters(void **state)
{
	static const struct {
		const char *defaults, *plain, *adopting;
	} cases[] = {
		{ "GRUB_CMDLINE_LINUX=\"quiet\"\n", GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n", NULL },
		{ "GRUB_CMDLINE_LINUX=\"quiet iommu=nopt\"\n", GRUB("intel_iommu=on ") "rebuild grub: ~ -> update-grub\n", NULL },
		{ "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on\"\n", "", NULL },
		/* ours stands behind the one, and in front of the other */
		{ "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=off\"\n", GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX@6,quiet intel_iommu=off: intel_iommu=off -> ~\n"
		  GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n" },
		{ "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=off\"\n",
		  GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n"
		  "block loader-unknown intel_iommu=off in /etc/default/grub keeps the IOMMU off, whatever is added\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX_DEFAULT@6,quiet intel_iommu=off: intel_iommu=off -> ~\n"
		  GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n" },
		{ "GRUB_CMDLINE_LINUX=\"quiet iommu=off\"\n",
		  GRUB("intel_iommu=on ") "rebuild grub: ~ -> update-grub\n"
		  "block loader-unknown iommu=off in /etc/default/grub keeps the IOMMU off, whatever is added\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX@6,quiet iommu=off: iommu=off -> ~\n"
		  GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int adopt = 0; adopt < 2; adopt++) {
			_cleanup_tree_ struct tree t;

			tree_expand(&t, "wrong-loader");
			by_grub(&t, cases[i].defaults);
			assert_plan(&t, adopt, cases[i].defaults, adopt && cases[i].adopting ? cases[i].adopting : cases[i].plain);
		}
}

/* Several of one assignment from the last to the first, assignments to one variable, several lines, odd quotes; what cannot go back stays. */
static void grubs_assignments(void **state)
{
#define ACS	"pcie_acs_override=downstream"
#define GONE	" " ACS ": " ACS " -> ~\nrebuild grub: ~ -> update-grub\n"
#define STAYS	"warn not-adopted /etc/default/grub line 1 ('" ACS "') stays: "
	static const struct {
		const char *defaults, *expected;
	} cases[] = {
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on " ACS " pcie_acs_override=multifunction\"\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX@44,pcie_acs_override pcie_acs_override=multifunction: "
		  "pcie_acs_override=multifunction -> ~\n"
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX@15,intel_iommu" GONE },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on\"\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX " ACS "\"\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX#2/2@20,$GRUB_CMDLINE_LINUX" GONE },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on \\\n  " ACS " \\\n x\"\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX@17,intel_iommu" GONE },
		{ "X='" ACS " intel_iommu=on'; GRUB_CMDLINE_LINUX=$X\n", "param /etc/default/grub:X@0" GONE },
		{ "GRUB_CMDLINE_LINUX=" ACS "; GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\n", "param /etc/default/grub:GRUB_CMDLINE_LINUX@0" GONE },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on\t" ACS "\"\n", STAYS "it could not be put back to the byte\n" },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on pcie_acs_override='downstream'\"\n",
		  "param /etc/default/grub:GRUB_CMDLINE_LINUX@15,intel_iommu pcie_acs_override='downstream': pcie_acs_override='downstream' -> ~\n"
		  "rebuild grub: ~ -> update-grub\n" },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on pcie_acs_over\"ride=downstream\n", STAYS "it could not be put back to the byte\n" },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on $(true) " ACS "\"\n", STAYS "it does not stand there as a word of its own\n" },
		{ "GRUB_CMDLINE_LINUX=\"intel_iommu=on -- " ACS "\"\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;

		tree_expand(&t, "wrong-loader");
		by_grub(&t, cases[i].defaults);
		assert_plan(&t, true, cases[i].defaults, cases[i].expected);
	}
}

/* Ours stands in front of what others add, so that a "--" of theirs is behind it; what would undo it all the same is told before. */
static void lost_on_grub(void **state)
{
	static const struct {
		const char *file, *text, *blocks;
	} cases[] = {
		{ "zz-gpupt2.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT splash\"\n", "" },
		{ "aa.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=splash\n", "" },
		{ "zzz.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\n",
		  "block loader-unknown /etc/default/grub.d/zzz.cfg sets GRUB_CMDLINE_LINUX_DEFAULT anew behind all other files: "
		  "intel_iommu=on would not reach the kernel\n" },
		{ "aa.cfg", "GRUB_CMDLINE_LINUX_DEFAULT='quiet -- 3'\n", "" },
		{ "aa.cfg", "GRUB_CMDLINE_LINUX='quiet -- 3'\n",
		  "block loader-unknown '--' in GRUB_CMDLINE_LINUX (/etc/default/grub.d/aa.cfg:1) makes init's what is behind it: "
		  "intel_iommu=on would not reach the kernel\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		char path[PATH_MAX], expected[1024];

		tree_expand(&t, "wrong-loader");
		by_grub(&t, "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
		tree_put(&t, path_f(path, "/etc/default/grub.d/%s", cases[i].file), cases[i].text);
		snprintf(expected, sizeof(expected), "%s%s", GRUB("intel_iommu=on iommu=pt ") "rebuild grub: ~ -> update-grub\n", cases[i].blocks);
		assert_plan(&t, false, cases[i].text, expected);
	}
}

/* The parameters of now, as they stand there. */
static void no_file_yet(void **state)
{
	static const struct {
		const char *now, *made;
	} cases[] = {
		{ "initrd=\\EFI\\x root=x dyndbg=\"file x +p\"", "root=x dyndbg=\"file x +p\" intel_iommu=on iommu=pt" },
		{ "initrd=\\EFI\\x root=x -- 3", "root=x intel_iommu=on iommu=pt -- 3" },
	};
	_cleanup_tree_ struct tree open;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		char expected[256];

		tree_expand(&t, "wrong-loader");
		assert_int_equal(root_unlink(&t.root, "/etc/kernel/cmdline"), 0);
		tree_put(&t, "/proc/cmdline", cases[i].now);
		snprintf(expected, sizeof(expected), "file /etc/kernel/cmdline: ~ -> %s\n\n%s", cases[i].made, REFRESH);
		assert_plan(&t, false, cases[i].now, expected);
	}
	tree_expand(&open, "wrong-loader");
	assert_int_equal(root_unlink(&open.root, "/etc/kernel/cmdline"), 0);
	tree_put(&open, "/proc/cmdline", "initrd=\\EFI\\x root=x a=\"b c");
	assert_plan(&open, false, "quotes that are not closed",
		    "block loader-unknown the running kernel's parameters have quotes that are not closed, and there is no /etc/kernel/cmdline\n");
}

/* No IOMMU of Intel's, one that is on, one that nobody knows how to switch on, and systemd-boot without Proxmox VE's tool. */
static void other_hosts(void **state)
{
	_cleanup_tree_ struct tree amd, on, unknown, plain, bare;

	tree_expand(&amd, "no-iommu");
	assert_plan(&amd, false, "AMD's that is off", "block loader-unknown amd_iommu=off in /etc/default/grub keeps the IOMMU off, whatever is added\n");
	tree_expand(&on, "hybrid");
	assert_plan(&on, false, "one that is on", "");
	tree_expand(&unknown, "wrong-loader");
	tree_put(&unknown, "/proc/cmdline", "root=/dev/sda1\n");
	assert_int_equal(root_unlink(&unknown.root, "/etc/kernel/cmdline"), 0);
	assert_plan(&unknown, true, "an unknown loader",
		    "block loader-unknown the kernel needs intel_iommu=on, and which boot loader started this machine is not known\n");
	tree_expand(&plain, "wrong-loader");
	assert_int_equal(root_unlink(&plain.root, "/etc/kernel/proxmox-boot-uuids"), 0);
	assert_plan(&plain, false, "systemd-boot alone", BOTH
		    "warn loader-unknown /etc/kernel/cmdline is read when a kernel is installed, and at no other time\n");
	tree_expand(&bare, "wrong-loader");
	assert_int_equal(root_unlink(&bare.root, "/etc/kernel/cmdline"), 0);
	assert_plan(&bare, false, "no file yet", "file /etc/kernel/cmdline: ~ -> root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on iommu=pt\n\n" REFRESH);
}

/* What was written stays, though the IOMMU is on now; what somebody has taken out stays out. */
static void written_before(void **state)
{
	static const char record[] = HEADER "begin 1 param /etc/kernel/cmdline%20intel_iommu=on ~ intel_iommu=on why\ndone 1\n"
				     "begin 2 param /etc/kernel/cmdline%20iommu=pt ~ iommu=pt why\ndone 2\n";
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "wrong-loader");
	tree_put(&t, PREPARE_RECORD, record);
	tree_put(&t, "/etc/kernel/cmdline", "root=x intel_iommu=on iommu=pt\n");
	assert_plan(&t, false, "before the reboot", "");
	tree_put(&t, "/sys/kernel/iommu_groups/1/type", "DMA\n");
	tree_put(&t, "/sys/class/iommu/dmar0/x", "");
	assert_plan(&t, false, "behind it", "");
	tree_put(&t, "/etc/kernel/cmdline", "root=x iommu=pt\n");
	/* what somebody says of it holds, so ours would go */
	tree_put(&t, "/etc/kernel/cmdline", "root=x intel_iommu=on iommu=pt iommu=nopt\n");
	assert_plan(&t, false, "not needed any more", "param /etc/kernel/cmdline iommu=pt: iommu=pt -> ~\n" REFRESH);
	tree_put(&t, "/etc/kernel/cmdline", "root=x intel_iommu=on iommu=pt iommu=nopt iommu=pt\n");
	assert_plan(&t, false, "twice", "warn edited somebody has written iommu=pt into /etc/kernel/cmdline once more: both stay\n");
	tree_put(&t, "/etc/kernel/cmdline", "root=x iommu=pt\n");
	assert_plan(&t, false, "one is gone", "warn edited somebody has taken intel_iommu=on out of /etc/kernel/cmdline: it stays out\n");
}

/* --- what packages have put there --- */

static void not_of_packages(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	tree_put(&t, "/usr/lib/modprobe.d/driver.conf", "blacklist radeon\n");
	assert_plan(&t, true, "a package's blacklist",
		    "warn not-adopted /usr/lib/modprobe.d/driver.conf line 1 ('blacklist radeon') stays: it is a package's, and a file of that name "
		    "in /etc would hide it\n");
}

/* A link is not replaced, and what it leads to may be others': it stays, and all else is adopted. */
static void not_through_links(void **state)
{
	static const char why[] = "stays: the file is a link, and what it leads to is not replaced\n";
	_cleanup_text_ struct text expected = { 0 };
	_cleanup_tree_ struct tree t, grub;

	tree_expand(&t, "twins");
	tree_put(&t, "/srv/x.conf", "blacklist radeon\n");
	tree_link(&t, "/etc/modprobe.d/a.conf", "/srv/x.conf");
	tree_put(&t, "/etc/modprobe.d/b.conf", "blacklist radeon\n");
	tree_put(&t, "/srv/override", "vfio-pci\n");
	tree_put(&t, "/lib/udev/rules.d/05-driverctl.rules", "");
	tree_link(&t, "/etc/driverctl.d/pci-0000:01:00.0", "/srv/override");
	text_addf(&expected, "line /etc/modprobe.d/b.conf 1: blacklist radeon -> #gpupt: blacklist radeon\nrebuild initramfs: ~ -> update-initramfs -u -k all\n"
		  "warn not-adopted /etc/modprobe.d/a.conf line 1 ('blacklist radeon') %swarn not-adopted /etc/driverctl.d/pci-0000:01:00.0 "
		  "('vfio-pci') %s", why, why);
	assert_plan(&t, true, "links", text_str(&expected));
	/* nothing is prepared where the link keeps the IOMMU off */
	tree_expand(&grub, "wrong-loader");
	by_grub(&grub, "");
	tree_put(&grub, "/srv/grub", "GRUB_CMDLINE_LINUX=\"intel_iommu=on iommu=off\"\n");
	tree_link(&grub, "/etc/default/grub", "/srv/grub");
	text_done(&expected);
	text_addf(&expected, "block not-adopted /etc/default/grub line 1 ('iommu=off') %s", why);
	assert_plan(&grub, true, "a link to GRUB's defaults", text_str(&expected));
}

/* What else a line of ids does stays in force, and is still somebody else's setting. */
static void other_options_stay(void **state)
{
#define D3 "[host]\ndisable-idle-d3 = 1\n"
#define INITRAMFS "rebuild initramfs: ~ -> update-initramfs -u -k all\n"
	static const struct {
		const char *conf, *path, *line, *expected;
	} cases[] = {
		{ "", "/etc/modprobe.d/a.conf", "options vfio-pci ids=1002:5159 disable_idle_d3=1 x=\"a b\"\n",
		  "line /etc/modprobe.d/a.conf 1: options vfio-pci ids=1002:5159 disable_idle_d3=1 x=\"a b\" -> "
		  "#gpupt: options vfio-pci ids=1002:5159 disable_idle_d3=1 x=\"a b\"\noptions vfio-pci disable_idle_d3=1 x=\"a b\"\n" INITRAMFS },
		{ D3, "/etc/modprobe.d/a.conf", "options vfio_pci disable_idle_d3=1 ids=1002:5159\n",
		  "line /etc/modprobe.d/a.conf 1: options vfio_pci disable_idle_d3=1 ids=1002:5159 -> "
		  "#gpupt: options vfio_pci disable_idle_d3=1 ids=1002:5159\noptions vfio_pci disable_idle_d3=1\n" INITRAMFS },
		{ "", "/etc/modprobe.d/a.conf", "options vfio-pci \\\n ids=1002:5159 \\\n disable_vga=1\n",
		  "line /etc/modprobe.d/a.conf 1: options vfio-pci \\\n ids=1002:5159 \\\n disable_vga=1 -> "
		  "#gpupt: options vfio-pci \\\n#gpupt:  ids=1002:5159 \\\n#gpupt:  disable_vga=1\noptions vfio-pci   disable_vga=1\n" INITRAMFS },
		{ "", "/etc/modprobe.d/a.conf", "options vfio-pci ids=1002:5159 ids=1002:5159\n",
		  "line /etc/modprobe.d/a.conf 1: options vfio-pci ids=1002:5159 ids=1002:5159 -> "
		  "#gpupt: options vfio-pci ids=1002:5159 ids=1002:5159\n" INITRAMFS },
		{ "", "/etc/initramfs-tools/modules", "vfio_pci ids=1002:5159 disable_vga=1\n",
		  "line /etc/initramfs-tools/modules 1: vfio_pci ids=1002:5159 disable_vga=1 -> "
		  "#gpupt: vfio_pci ids=1002:5159 disable_vga=1\nvfio_pci disable_vga=1\n" INITRAMFS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;

		tree_expand(&t, "twins");
		tree_put(&t, CONF, cases[i].conf);
		tree_put(&t, cases[i].path, cases[i].line);
		assert_plan(&t, true, cases[i].line, cases[i].expected);
	}
}

/* Decided once more with what a live host can lack, which a tree does not show: a captured one has no programs. */
static void assert_lacking(const char *conf, bool initramfs_tools, const char *lacking, const char *expected)
{
	_cleanup_findings_ struct findings found = { 0 };
	_cleanup_prepare_ struct prepare p = { 0 };
	_cleanup_text_ struct text text = { 0 };
	_cleanup_plan_ struct plan plan = { 0 };
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "wrong-loader");
	tree_put(&t, CONF, conf);
	look(&t.root, false, &p);
	p.facts.initramfs_tools = initramfs_tools;
	p.facts.lacking = lacking;
	assert_int_equal(prepare_decide(&p.facts, &plan, &found), 0);
	for (size_t i = 0; i < found.n; i++)
		text_addf(&text, "%s %s\n", severity_name(found.v[i].severity), finding_name(found.v[i].code));
	for (size_t i = 0; i < plan.n; i++)
		if (plan.steps[i].kind == &step_rebuild || strstr(plan.steps[i].target, "initramfs"))
			text_addf(&text, "%s\n", plan.steps[i].target);
	assert_string_equal(text_str(&text), expected);
}

static void missing_programs(void **state)
{
	assert_lacking("", true, NULL, "boot-tool\n");
	assert_lacking("", true, "proxmox-boot-tool", "block tool-missing\nboot-tool\n");
	assert_lacking("", false, NULL, "boot-tool\n");
	assert_lacking("[gpu 01:00]\nmode = reserved\n", true, NULL,
		       PREPARE_INIT_HOOK " mode=0755,owner=0:0\n" PREPARE_INIT_SCRIPT " mode=0755,owner=0:0\nudev\ninitramfs\nboot-tool\n");
	assert_lacking("[gpu 01:00]\nmode = reserved\n", false, NULL, "warn tool-missing\nudev\nboot-tool\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_programs),
		cmocka_unit_test(modules),	    cmocka_unit_test(options_and_softdeps), cmocka_unit_test(bare_parameters),
		cmocka_unit_test(grubs_parameters), cmocka_unit_test(lost_on_grub),	    cmocka_unit_test(no_file_yet),
		cmocka_unit_test(other_hosts),	    cmocka_unit_test(written_before),
		cmocka_unit_test(not_of_packages),  cmocka_unit_test(grubs_assignments),    cmocka_unit_test(not_through_links),
		cmocka_unit_test(other_options_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
