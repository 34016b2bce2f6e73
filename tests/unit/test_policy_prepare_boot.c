/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a preparation does at boot: the rule and the script for reserved cards, and what is said if it has not come into force. */
#include "flow/observe.h"
#include "flow/prepare.h"
#include "flow/setup.h"
#include "host/udev_rule.h"
#include "policy/prepare_judge.h"
#include "policy/prepare_parts.h"
#include "tree.h"

#define CONF	 "/etc/gpupt/gpupt.conf"
#define RESERVED "[gpu 01:00]\nmode = reserved\n"

static void look(const struct root *r, struct prepare *p)
{
	struct err e = { "" };

	*p = (struct prepare){ .root = r, .record.fd = -1 };
	if (prepare_look(p, &e) < 0)
		fail_msg("%s", e.text);
}

static const char *file_of(const struct prepare *p, const char *path)
{
	for (size_t i = 0; i < p->plan.n; i++)
		if (p->plan.steps[i].kind == &step_file && str_starts(p->plan.steps[i].target, path))
			return p->plan.steps[i].after;
	fail_msg("there is no step for %s", path);
	return "";
}

static void rule_is_for_one(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_prepare_ struct prepare p = { 0 };
	_cleanup_udev_rules_ struct udev_rules rules = { 0 };
	unsigned int applies = 0;

	tree_expand(&t, "twins");
	tree_put(&t, CONF, RESERVED);
	look(&t.root, &p);
	assert_int_equal(udev_rules_parse(file_of(&p, PREPARE_UDEV), PREPARE_UDEV, &rules), 0);
	assert_int_equal(rules.n, 2);
	for (size_t i = 0; i < p.setup.n; i++)
		for (size_t j = 0; j < rules.n; j++) {
			const struct pci_fn *fn = &p.setup.v[i].fn;
			bool meant = fn->bdf.bus == 1 && fn->bdf.fn == j;
			struct pci_fn other = *fn;

			assert_string_equal(udev_rule_override(&rules.v[j]), "vfio-pci");
			assert_int_equal(udev_rule_applies(&rules.v[j], fn), meant ? TRI_YES : TRI_NO);
			/* another card at its address */
			other.id.subdevice ^= 1;
			assert_int_equal(udev_rule_applies(&rules.v[j], &other), TRI_NO);
			applies += meant;
		}
	assert_int_equal(applies, 2);
}

#define DEVICES "/sys/bus/pci/devices/"

static void put_device(const struct tree *t, const char *subdevice)
{
	tree_put(t, DEVICES "0000:01:00.0/vendor", "0x1002\n");
	tree_put(t, DEVICES "0000:01:00.0/device", "0x5159\n");
	tree_put(t, DEVICES "0000:01:00.0/subsystem_vendor", "0x1af4\n");
	tree_put(t, DEVICES "0000:01:00.0/subsystem_device", subdevice);
	tree_put(t, DEVICES "0000:01:00.0/driver_override", "(null)\n");
	tree_put(t, DEVICES "0000:01:00.0/driver/unbind", "");
}

/* The script as it is, but for where it looks, by the shell that an initramfs has the likes of. */
static int run_script(const struct tree *t, const char *script, const char *argument)
{
	_cleanup_text_ struct text here = { 0 };
	char path[PATH_MAX], sh[] = "dash", e[] = "-e", *argv[] = { sh, e, path, (char *)(uintptr_t)argument, NULL };
	char env[PATH_MAX], *envp[] = { env, NULL };
	const char *p = script, *at;
	int status = -1;
	pid_t pid;

	for (; (at = strpbrk(p, "/")); p = at + 1) {
		bool is_path = str_starts(at, "/sys/") || str_starts(at, "/etc/udev/") || str_starts(at, "/usr/share/");

		text_add_n(&here, p, (size_t)(at - p));
		text_addf(&here, "%s/", is_path ? t->dir : "");
	}
	text_add(&here, p);
	tree_put(t, "/script", text_str(&here));
	tree_put(t, "/bin/modprobe", "#!/bin/sh\necho \"$*\" >\"${0%/*}/../modprobe\"\n");
	path_f(path, "%s/bin/modprobe", t->dir);
	assert_int_equal(chmod(path, 0755), 0);
	path_f(path, "%s/script", t->dir);
	path_f(env, "PATH=%s/bin:/usr/bin:/bin", t->dir);
	assert_int_equal(posix_spawnp(&pid, sh, NULL, NULL, argv, envp), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void assert_attr(const struct tree *t, const char *path, const char *expected)
{
	char line[64];

	assert_int_equal(root_read_line(&t->root, path, line, sizeof(line)), 0);
	assert_string_equal(line, expected);
}

static void script_sets_overrides(void **state)
{
	_cleanup_tree_ struct tree t, match, mismatch, gone;
	_cleanup_prepare_ struct prepare p = { 0 };
	const char *script;

	tree_expand(&t, "twins");
	tree_put(&t, CONF, RESERVED);
	look(&t.root, &p);
	script = file_of(&p, PREPARE_INIT_SCRIPT);
	tree_new(&match);
	put_device(&match, "0x1100\n");
	assert_int_equal(run_script(&match, script, "prereqs"), 0);
	assert_attr(&match, DEVICES "0000:01:00.0/driver_override", "(null)");
	assert_int_equal(run_script(&match, script, NULL), 0);
	assert_attr(&match, DEVICES "0000:01:00.0/driver_override", "vfio-pci");
	assert_attr(&match, DEVICES "0000:01:00.0/driver/unbind", "0000:01:00.0");
	assert_attr(&match, "/modprobe", "-q vfio-pci");
	tree_new(&mismatch);
	put_device(&mismatch, "0x1101\n");
	assert_int_equal(run_script(&mismatch, script, NULL), 0);
	assert_attr(&mismatch, DEVICES "0000:01:00.0/driver_override", "(null)");
	assert_attr(&mismatch, DEVICES "0000:01:00.0/driver/unbind", "");
	tree_new(&gone);
	assert_int_equal(run_script(&gone, script, NULL), 0);
}

/* An initramfs is made in any case, also when somebody has taken the rule away: copy_file says 2 of a file that is not there. */
static void hook_copies_the_rule(void **state)
{
	_cleanup_tree_ struct tree t, initramfs;
	_cleanup_prepare_ struct prepare p = { 0 };
	const char *hook;

	tree_expand(&t, "twins");
	tree_put(&t, CONF, RESERVED);
	look(&t.root, &p);
	hook = file_of(&p, PREPARE_INIT_HOOK);
	tree_new(&initramfs);
	tree_put(&initramfs, "/usr/share/initramfs-tools/hook-functions",
		 "manual_add_modules() { :; }\ncopy_file() {\n[ -e \"$2\" ] || return 2\n[ ! -e \"${0%/*}/copied\" ] || return 1\n"
		 "echo \"${2##*/}\" >\"${0%/*}/copied\"\n}\n");
	assert_int_equal(run_script(&initramfs, hook, NULL), 0);
	assert_false(root_exists(&initramfs.root, "/copied"));
	tree_put(&initramfs, PREPARE_UDEV, "");
	assert_int_equal(run_script(&initramfs, hook, NULL), 0);
	assert_attr(&initramfs, "/copied", "10-gpupt.rules");
	assert_int_equal(run_script(&initramfs, hook, NULL), 0);
}

/* --- after it --- */

#define HEADER "gpupt-record 1\nnote boot then\nnote last-boot %s\n"
#define HERE   "2f2d7a0e-8c5b-4e0a-9a6e-5d5b0c7f4c11"
#define PARAM  "param /etc/kernel/cmdline%20intel_iommu=on ~ intel_iommu=on why\n"
#define RULE   "file " PREPARE_UDEV " ~ rule why\n"
#define LOADS  "file " PREPARE_MODULES_LOAD " ~ %23x%0avfio%0avfio_pci%0a why\n"
#define DROPIN "file " PREPARE_GRUB " ~ %23x%0aGRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on%20iommu=pt%20$GRUB_CMDLINE_LINUX_DEFAULT\"%0a why\n"

static void assert_found(const struct tree *t, bool edits, const char *what, const char *expected)
{
	_cleanup_setup_ struct setup setup = { 0 };
	_cleanup_settings_ struct settings settings = { 0 };
	_cleanup_findings_ struct findings found = { 0 };
	_cleanup_text_ struct text text = { 0 };
	struct err e = { "" };

	assert_int_equal(setup_load(&t->root, &setup, &e), 0);
	assert_int_equal(settings_load(&t->root, &settings, &e), 0);
	if (prepare_check(&t->root, &setup, &settings, &found, &e) < 0)
		fail_msg("%s", e.text);
	/* records of these tests name files that are not there: what was changed is in one of its own */
	for (size_t i = 0; i < found.n; i++)
		if (edits == (found.v[i].code == FINDING_EDITED))
			text_addf(&text, "%s %s: %s\n", finding_name(found.v[i].code), found.v[i].subject, found.v[i].message);
	if (strcmp(text_str(&text), expected) != 0)
		fail_msg("%s: it is\n%sand not\n%s", what, text_str(&text), expected);
}

static void assert_judged(const struct tree *t, const char *what, const char *expected)
{
	assert_found(t, false, what, expected);
}

/* Steps made, a line each. */
static void put_record(const struct tree *t, const char *last_boot, const char *steps)
{
	_cleanup_text_ struct text record = { 0 };

	text_addf(&record, HEADER, last_boot);
	for (unsigned int i = 1; *steps; i++) {
		size_t n = strcspn(steps, "\n");

		text_addf(&record, "begin %u %.*s\ndone %u\n", i, (int)n, steps, i);
		steps += n + 1;
	}
	tree_put(t, PREPARE_RECORD, text_str(&record));
}

static void pending_or_not_in_force(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "wrong-loader");
	tree_put(&t, "/etc/kernel/cmdline", "root=x intel_iommu=on\n");
	assert_judged(&t, "nothing was prepared", "");
	put_record(&t, HERE, PARAM LOADS);
	assert_judged(&t, "before the reboot",
		      "reboot-pending host: the running kernel was started without intel_iommu=on; that comes with a reboot\n");
	put_record(&t, "earlier", PARAM LOADS);
	assert_judged(&t, "behind it",
		      "not-in-force host: the running kernel was started without intel_iommu=on: /etc/kernel/cmdline has it, and what the boot "
		      "loader has made of that does not, or another entry was started\n"
		      "not-in-force host: the module vfio is not loaded\n");
	assert_int_equal(root_mkdir_p(&t.root, "/sys/module/vfio", 0755), 0);
	tree_put(&t, "/proc/cmdline", "initrd=\\EFI\\x root=x intel_iommu=\"on\"\n");
	assert_judged(&t, "in force", "");
}

/* It was written for the loader of then. */
static void wrong_file(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "wrong-loader");
	put_record(&t, "earlier", DROPIN);
	tree_put(&t, "/proc/cmdline", "initrd=\\EFI\\x root=x iommu=pt\n");
	assert_judged(&t, "the other loader's file",
		      "not-in-force host: the running kernel was started without intel_iommu=on: it stands in " PREPARE_GRUB
		      ", and this machine is started by systemd-boot by proxmox-boot-tool, which reads /etc/kernel/cmdline\n");
}

static void by_grub_but_lost(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "wrong-loader");
	put_record(&t, "earlier", DROPIN);
	tree_put(&t, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.5.13-6-pve root=x iommu=pt\n");
	tree_put(&t, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	assert_judged(&t, "the file is gone",
		      "not-in-force host: the running kernel was started without intel_iommu=on: somebody has taken it out of " PREPARE_GRUB "\n");
	tree_put(&t, PREPARE_GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on $GRUB_CMDLINE_LINUX_DEFAULT\"\n");
	assert_judged(&t, "update-grub was not run",
		      "not-in-force host: the running kernel was started without intel_iommu=on: " PREPARE_GRUB
		      " has it, and what the boot loader has made of that does not, or another entry was started\n");
	tree_put(&t, "/etc/default/grub.d/zzz.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	assert_judged(&t, "a file behind ours",
		      "not-in-force host: the running kernel was started without intel_iommu=on: /etc/default/grub.d/zzz.cfg sets the parameters "
		      "anew behind " PREPARE_GRUB "\n");
}

static void reserved_elsewhere(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	tree_put(&t, CONF, RESERVED);
	put_record(&t, HERE, RULE);
	assert_judged(&t, "in gpupt.conf alone",
		      "not-prepared 0000:01:00.0: 0000:01:00.0 is to be reserved for VMs (mode = reserved), and the host is not prepared for that: "
		      "it comes up as any other card\n");
	tree_put(&t, PREPARE_UDEV, "SUBSYSTEM==\"pci\", KERNEL==\"0000:01:00.*\", ATTR{driver_override}=\"vfio-pci\"\n");
	assert_judged(&t, "before the reboot",
		      "reboot-pending 0000:01:00.0: 0000:01:00.0 is reserved for VMs and is on radeon; that comes with a reboot\n"
		      "reboot-pending 0000:01:00.1: 0000:01:00.1 is reserved for VMs and is on snd_hda_intel; that comes with a reboot\n");
	put_record(&t, "earlier", RULE);
	tree_link(&t, DEVICES "0000:01:00.1/driver", "../../../../bus/pci/drivers/vfio-pci");
	assert_judged(&t, "behind it",
		      "not-in-force 0000:01:00.0: 0000:01:00.0 is reserved for VMs and is on radeon: its native driver came first\n");
	tree_put(&t, PREPARE_UNFINISHED, "1\n");
	tree_put(&t, CONF, "");
	assert_judged(&t, "cut off", "cut-off host: a preparation of this host, or its revert, was begun and not finished\n");
}

/* What the module itself says counts. */
static void options_not_set(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	put_record(&t, "earlier", "file " PREPARE_MODPROBE " ~ options%20kvm%20ignore_msrs=1%20report_ignored_msrs=0%0a"
				  "options%20vfio-pci%20disable_idle_d3=1%0a why\n");
	tree_put(&t, "/sys/module/kvm/parameters/ignore_msrs", "N\n");
	tree_put(&t, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
	assert_judged(&t, "one is off, one is not asked for, one is of a module that is not loaded",
		      "not-in-force host: ignore_msrs is not set for the module kvm\n");
	tree_put(&t, "/sys/module/kvm/parameters/ignore_msrs", "Y\n");
	assert_judged(&t, "it is on", "");
}

/* Of what was made more than once the last counts. */
static void edited_since(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "wrong-loader");
	put_record(&t, HERE, PARAM "file " PREPARE_MODPROBE " ~ a%0a why\n" "file " PREPARE_MODPROBE " a%0a b%0a why\n" RULE
			     "file " PREPARE_INIT_HOOK "%20mode=0755,owner=0:0 ~ hook why\nfile /etc/gpupt/gpupt.conf ~ x why\n");
	tree_put(&t, "/etc/kernel/cmdline", "root=x intel_iommu=on\n");
	tree_put(&t, PREPARE_MODPROBE, "b\n");
	tree_put(&t, PREPARE_UDEV, "rule");
	tree_put(&t, PREPARE_INIT_HOOK, "hook");
	assert_found(&t, true, "all as it was made, but for gpupt.conf", "");
	tree_put(&t, "/etc/kernel/cmdline", "root=x\n");
	tree_put(&t, PREPARE_MODPROBE, "a\n");
	tree_put(&t, PREPARE_INIT_HOOK, "hook\nmore");
	assert_int_equal(root_unlink(&t.root, PREPARE_UDEV), 0);
	assert_found(&t, true, "changed, removed, taken out",
		     "edited host: somebody has taken intel_iommu=on out of /etc/kernel/cmdline, where 'prepare' had written it\n"
		     "edited host: somebody has changed " PREPARE_MODPROBE ", which 'prepare' had made\n"
		     "edited host: somebody has removed " PREPARE_UDEV ", which 'prepare' had made\n"
		     "edited host: somebody has changed " PREPARE_INIT_HOOK ", which 'prepare' had made\n");
}

/* What a kernel without the module refuses to write. */
static void reset_method_not_set(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	put_record(&t, "earlier", "file " PREPARE_RESET_RULES " ~ KERNEL==\"0000:01:00.0\" why\n");
	tree_put(&t, DEVICES "0000:01:00.0/reset_method", "bus\n");
	tree_put(&t, DEVICES "0000:02:00.0/reset_method", "bus\n");
	assert_judged(&t, "the kernel's own, of one card",
		      "not-in-force 0000:01:00.0: 0000:01:00.0 is not reset by the module vendor-reset: its reset_method is 'bus'\n");
	tree_put(&t, DEVICES "0000:01:00.0/reset_method", "device_specific\n");
	assert_judged(&t, "as the rule has it", "");
}

static void service_that_runs(void **state)
{
	const char *procs = "/sys/fs/cgroup/system.slice/nvidia-persistenced.service/cgroup.procs";
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	put_record(&t, "earlier", "file /etc/systemd/system/nvidia-persistenced.service.d/gpupt.conf ~ %23x why\n");
	tree_put(&t, procs, "");
	tree_put(&t, "/sys/fs/cgroup/system.slice/nvidia-powerd.service/cgroup.procs", "812\n");
	assert_judged(&t, "the one with a condition does not", "");
	tree_put(&t, procs, "811\n");
	assert_judged(&t, "it does", "not-in-force host: nvidia-persistenced.service runs, and NVIDIA's driver has no card\n");
	tree_link(&t, DEVICES "0000:01:00.0/driver", "../../../../bus/pci/drivers/nvidia");
	assert_judged(&t, "it does, for a card", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_is_for_one), cmocka_unit_test(script_sets_overrides), cmocka_unit_test(pending_or_not_in_force),
		cmocka_unit_test(wrong_file), cmocka_unit_test(by_grub_but_lost),	   cmocka_unit_test(reserved_elsewhere), cmocka_unit_test(options_not_set),
		cmocka_unit_test(hook_copies_the_rule), cmocka_unit_test(edited_since),
		cmocka_unit_test(reset_method_not_set), cmocka_unit_test(service_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
