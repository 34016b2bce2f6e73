/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of the files that say which modules are loaded, and which driver a function gets: each line with its place. */
#include <errno.h>

#include "host/driverctl.h"
#include "host/inithook.h"
#include "host/modload.h"
#include "host/modprobe.h"
#include "tree.h"

static void assert_text(struct text *t, const char *expected)
{
	assert_string_equal(text_str(t), expected);
	text_done(t);
	*t = (struct text){ 0 };
}

static void modprobe_text(const struct modprobe *m, struct text *t)
{
	static const char *const kinds[] = { "alias", "blacklist", "options", "install", "remove", "softdep", "weakdep" };

	for (size_t i = 0; i < m->n; i++)
		text_addf(t, "%s:%u-%u %s %s [%s]\n", m->v[i].at.file, m->v[i].at.line, m->v[i].at.last, kinds[m->v[i].kind], m->v[i].module,
			  m->v[i].rest);
}

static void modprobe_lines(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "", "" },
		{ "blacklist nouveau\n  blacklist\tsnd-hda-intel  \n#blacklist radeon\n",
		  "f:1-1 blacklist nouveau []\nf:2-2 blacklist snd_hda_intel []\n" },
		{ "blacklist\nblacklist \nblacklisted x\nblacklist a b\n", "f:4-4 blacklist a []\n" },
		{ "options vfio-pci ids=10de:2484,10de:228b disable_vga=1\n",
		  "f:1-1 options vfio_pci [ids=10de:2484,10de:228b disable_vga=1]\n" },
		/* continued, and counted */
		{ "options vfio-pci \\\n ids=10de:2484 \\\n disable_vga=1\nblacklist x",
		  "f:1-3 options vfio_pci [ids=10de:2484  disable_vga=1]\nf:4-4 blacklist x []\n" },
		{ "# a comment \\\nblacklist inside\nblacklist x\n", "f:3-3 blacklist x []\n" },
		{ "black\\list x\n", "f:1-1 blacklist x []\n" },
		{ "install nouveau /bin/false\nremove a b c\n", "f:1-1 install nouveau [/bin/false]\nf:2-2 remove a [b c]\n" },
		{ "softdep snd-hda-intel pre: vfio-pci\nweakdep a b\n",
		  "f:1-1 softdep snd_hda_intel [pre: vfio-pci]\nf:2-2 weakdep a [b]\n" },
		{ "alias pci:v000010DEd[0-9]*sv-* off\n", "f:1-1 alias pci:v000010DEd[0-9]*sv_* [off]\n" },
		{ "options\noptions x\ninstall x\nsoftdep x\nalias x\ninclude /etc/x\nfoo bar\n", "" },
		{ "\\", "" },
		{ "blacklist x\\", "f:1-1 blacklist x []\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_modprobe_ struct modprobe m = { 0 };
		struct text t = { 0 };

		assert_int_equal(modprobe_parse(cases[i].text, "f", &m), 0);
		modprobe_text(&m, &t);
		assert_text(&t, cases[i].lines);
	}
}

static void modprobe_words(void **state)
{
	_cleanup_modprobe_ struct modprobe m = { 0 };

	assert_int_equal(modprobe_parse("softdep a pre: b vfio-pci post: c\nsoftdep a post: vfio-pci pre: d\nsoftdep a pre:vfio-pci\n"
					"install a /bin/false\ninstall a /bin/false; x\ninstall a  /usr/bin/true \nremove a /bin/false\n"
					"install a /bin/true \t# no\ninstall a /bin/true#no\ninstall a # no\n",
					"f", &m),
			 0);
	assert_true(modprobe_softdep_pre(&m.v[0], "vfio_pci") && modprobe_softdep_pre(&m.v[0], "b"));
	assert_false(modprobe_softdep_pre(&m.v[0], "c") || modprobe_softdep_pre(&m.v[0], "vfio"));
	assert_true(modprobe_softdep_pre(&m.v[1], "d"));
	assert_false(modprobe_softdep_pre(&m.v[1], "vfio_pci") || modprobe_softdep_pre(&m.v[2], "vfio_pci"));
	assert_true(modprobe_is_nothing(&m.v[3]) && modprobe_is_nothing(&m.v[5]));
	assert_false(modprobe_is_nothing(&m.v[4]) || modprobe_is_nothing(&m.v[6]));
	assert_true(modprobe_is_nothing(&m.v[7]));
	assert_false(modprobe_is_nothing(&m.v[8]));
	assert_null(modprobe_blacklisted(&m, "a"));
}

/* By name, whatever the directory; the first directory that has the name wins; links to /dev/null mask. */
static void modprobe_layers(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_modprobe_ struct modprobe m = { 0 };
	struct text l = { 0 };

	tree_new(&t);
	tree_put(&t, "/lib/modprobe.d/b.conf", "blacklist lib_b\n");
	tree_put(&t, "/usr/lib/modprobe.d/a.conf", "blacklist usr_a\n");
	tree_put(&t, "/usr/lib/modprobe.d/c.conf", "blacklist usr_c\n");
	tree_put(&t, "/usr/local/lib/modprobe.d/d.conf", "blacklist local_d\n");
	tree_put(&t, "/run/modprobe.d/b.conf", "blacklist run_b\n");
	tree_put(&t, "/etc/modprobe.d/a.conf", "blacklist etc_a\n");
	tree_put(&t, "/etc/modprobe.d/z.conf.dpkg-old", "blacklist old\n");
	tree_put(&t, "/etc/modprobe.d/.hidden.conf", "blacklist hidden\n");
	tree_link(&t, "/etc/modprobe.d/c.conf", "/dev/null");
	assert_int_equal(root_mkdir_p(&t.root, "/etc/modprobe.d/dir.conf", 0755), 0);
	assert_int_equal(modprobe_load(&t.root, &m), 0);
	modprobe_text(&m, &l);
	assert_text(&l, "/etc/modprobe.d/a.conf:1-1 blacklist etc_a []\n/run/modprobe.d/b.conf:1-1 blacklist run_b []\n"
			"/usr/local/lib/modprobe.d/d.conf:1-1 blacklist local_d []\n");
	assert_int_equal(m.unread.n, 0);
	assert_string_equal(modprobe_blacklisted(&m, "run_b")->at.file, "/run/modprobe.d/b.conf");
	/* what nobody can read as text is named */
	modprobe_done(&m);
	assert_int_equal(root_write_file(&t.root, "/etc/modprobe.d/e.conf", "blacklist \0x\n", 13, 0644), 0);
	assert_int_equal(modprobe_load(&t.root, &m), 0);
	assert_int_equal(m.unread.n, 1);
	assert_string_equal(m.unread.v[0], "/etc/modprobe.d/e.conf");
}

static void modload_text(const struct modload *l, struct text *t)
{
	for (size_t i = 0; i < l->n; i++)
		text_addf(t, "%s:%u %s [%s]%s\n", l->v[i].at.file, l->v[i].at.line, l->v[i].module, l->v[i].args,
			  l->v[i].initramfs ? " early" : "");
}

static void modload_files(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_modload_ struct modload l = { 0 };
	struct text s = { 0 };

	tree_new(&t);
	tree_put(&t, "/etc/modules", "# comment\nvfio\n\n ; another\n  vfio-pci  \n");
	tree_link(&t, "/etc/modules-load.d/modules.conf", "../modules");
	tree_put(&t, "/etc/modules-load.d/a.conf", "kvm");
	tree_put(&t, "/usr/lib/modules-load.d/a.conf", "hidden\n");
	tree_put(&t, "/etc/initramfs-tools/modules", "#x\nvfio-pci ids=10de:2484 disable_vga=1\n;y\n");
	assert_int_equal(modload_load(&t.root, &l), 0);
	modload_text(&l, &s);
	assert_text(&s, "/etc/modules-load.d/a.conf:1 kvm []\n/etc/modules:2 vfio []\n/etc/modules:5 vfio_pci []\n"
			"/etc/initramfs-tools/modules:2 vfio_pci [ids=10de:2484 disable_vga=1] early\n"
			"/etc/initramfs-tools/modules:3 ;y [] early\n");
	modload_done(&l);
	/* without the link */
	assert_int_equal(root_unlink(&t.root, "/etc/modules-load.d/modules.conf"), 0);
	assert_int_equal(modload_load(&t.root, &l), 0);
	assert_int_equal(l.n, 5);
}

static void driverctl_files(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_driverctl_ struct driverctl d = { 0 };
	char driver[PCI_NAME_LEN];
	struct bdf b;

	tree_new(&t);
	tree_put(&t, "/etc/driverctl.d/pci-0000:02:00.0", "vfio-pci\n");
	tree_put(&t, "/etc/driverctl.d/pci-0000:01:00.1", "none");
	tree_put(&t, "/etc/driverctl.d/pci-0000:01:00.0", "");
	tree_put(&t, "/etc/driverctl.d/vmbus-x", "uio\n");
	assert_int_equal(driverctl_load(&t.root, &d), 0);
	assert_int_equal(d.n, 2);
	assert_false(d.installed);
	assert_string_equal(d.v[0].driver, "none");
	assert_int_equal(d.v[0].bdf.bus, 1);
	assert_string_equal(d.v[1].driver, "vfio-pci");
	assert_string_equal(d.v[1].at.file, "/etc/driverctl.d/pci-0000:02:00.0");
	driverctl_done(&d);
	tree_put(&t, "/lib/udev/rules.d/05-driverctl.rules", "");
	assert_int_equal(driverctl_load(&t.root, &d), 0);
	assert_true(d.installed);
	assert_int_equal(driverctl_name_parse("pci-01:00.0", &b), -EINVAL);
	assert_int_equal(driverctl_parse("a b", driver), -EINVAL);
	assert_int_equal(driverctl_parse("../x", driver), -EINVAL);
	assert_int_equal(driverctl_parse("\n", driver), -EINVAL);
	assert_int_equal(driverctl_parse("0123456789012345678901234567890", driver), 0);
	assert_int_equal(driverctl_parse("01234567890123456789012345678901", driver), -EINVAL);
}

static void scripts(void **state)
{
	static const char text[] = "#!/bin/sh\n# vfio-pci for 0000:09:00.0\nDEVS=\"0000:01:00.0 01:00.1\"\n"
				   "for d in $DEVS; do echo vfio-pci > /sys/bus/pci/devices/$d/driver_override; done\n"
				   "echo 10de 2484 > /sys/bus/pci/drivers/vfio-pci/new_id\nmodprobe -i vfio-pci ids=1002:73bf\n"
				   "sleep 0.5; date 12:30:45.123; x=/sys/devices/pci0000:00/0000:00:01.0/config\n";
	_cleanup_tree_ struct tree t;
	_cleanup_initscripts_ struct initscripts l = { 0 };
	struct text s = { 0 };
	char name[BDF_LEN];

	tree_new(&t);
	tree_put(&t, "/etc/initramfs-tools/scripts/init-top/vfio.sh", text);
	tree_put(&t, "/etc/initramfs-tools/scripts/init-top/other", "echo 0000:01:00.0\n");
	tree_put(&t, "/etc/initramfs-tools/scripts/init-top/backup~", text);
	tree_put(&t, "/etc/initramfs-tools/scripts/init-top/deep/er", text);
	tree_put(&t, "/etc/initramfs-tools/scripts/top", "# driver_override\nmodprobe vfio-pci\n");
	assert_int_equal(initscripts_load(&t.root, &l), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0].at.file, "/etc/initramfs-tools/scripts/top");
	assert_int_equal(l.v[0].at.line, 2);
	assert_int_equal(l.v[0].bdfs.n + l.v[0].n_ids, 0);
	assert_string_equal(l.v[1].at.file, "/etc/initramfs-tools/scripts/init-top/vfio.sh");
	assert_int_equal(l.v[1].at.line, 4);
	for (size_t i = 0; i < l.v[1].bdfs.n; i++)
		text_join(&s, " ", bdf_format(l.v[1].bdfs.v[i], name));
	for (size_t i = 0; i < l.v[1].n_ids; i++)
		text_addf(&s, " %04x:%04x", l.v[1].ids[i].vendor, l.v[1].ids[i].device);
	assert_text(&s, "0000:01:00.0 0000:01:00.1 0000:00:01.0 10de:2484 1002:73bf");
}

/* Which files a line of a shell's may copy. */
static void hooks(void **state)
{
	static const struct {
		const char *line;
		bool gpu, other;
	} cases[] = {
		{ "copy_file rule /etc/udev/rules.d/90-gpu.rules", true, false },
		{ "cp -a '/etc/udev/rules.d/90-gpu.rules' $DESTDIR/etc/udev/rules.d/10-other.rules", true, false },
		{ "for r in /etc/udev/rules.d/90-*.rules; do", true, false },
		{ "for r in /etc/udev/rules.d/*.rules; do", true, true },
		{ "cp \"/etc/udev/rules.d/90-$name.rules\" /x", true, false },
		{ "cp /etc/udev/rules.d/{90-gpu,x}.rules /x", true, true },
		{ "cd /etc/udev/rules.d && cp 90-gpu.rules /x", true, true },
		{ "cp -a /etc/udev/rules.d/ /x", true, true },
		{ "mkdir -p ${DESTDIR}/etc/udev/rules.d", false, false },
		{ "cp /x \"$DESTDIR/etc/udev/rules.d/90-gpu.rules\"", false, false },
		{ "  # cp /etc/udev/rules.d/90-gpu.rules", false, false },
		{ "cp /etc/udev/rules.d.old/90-gpu.rules /x", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_inithooks_ struct inithooks l = { 0 };

		assert_int_equal(inithook_parse(cases[i].line, "f", &l), 0);
		if (inithooks_take(&l, "/etc/udev/rules.d/90-gpu.rules") != cases[i].gpu ||
		    inithooks_take(&l, "/etc/udev/rules.d/10-other.rules") != cases[i].other)
			fail_msg("'%s'", cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modprobe_lines), cmocka_unit_test(modprobe_words),  cmocka_unit_test(modprobe_layers),
		cmocka_unit_test(modload_files),  cmocka_unit_test(driverctl_files), cmocka_unit_test(scripts),
		cmocka_unit_test(hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
