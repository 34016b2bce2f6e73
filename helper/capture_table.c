/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a capture takes: this table, and what Proxmox VE's files and the processes that hold cards add to it. Nothing else is opened.
 * Never read: sriov_numvfs and uevent, which wait for the device's lock, and vpd, which has serial numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>

#include "helper/capture.h"
#include "host/nvidia_files.h"
#include "host/pci.h"
#include "host/vfct.h"

enum what {
	COPY,	 /* the file */
	HEAD,	 /* its first bytes */
	GREP,	 /* the file, if its mask leaves anything of it */
	STUB,	 /* an empty file or a directory: that it is there is what counts */
	LINK,	 /* the link itself, wherever it leads */
	AS_IS,	 /* the file, by this very path: /proc/self and /proc/net are other directories for every process */
};

#define KIB (1024)
#define MIB (1024 * 1024)
#define PCI "/sys/bus/pci/devices/>*"

/*
 * In a path '*' and '[…]' stand for names; a component that begins with '>' may be a link, which is then captured, and what follows
 * is looked for where it leads. A '%' at a component's end stands for the release of the kernel. "names" are looked for in that directory.
 */
static const struct row {
	enum what what;
	const char *dir, *names;
	size_t max;
	mask_fn *mask;
} rows[] = {
	{ COPY, PCI, "vendor device subsystem_vendor subsystem_device class revision irq modalias boot_vga power_state power/control "
		     "power/runtime_status d3cold_allowed reset_method sriov_totalvfs numa_node driver_override", 4 * KIB },
	{ COPY, PCI, "resource", 16 * KIB },
	{ LINK, PCI, "driver iommu_group physfn virtfn[0-9]* subsystem" },
	{ STUB, PCI, "reset rom remove rescan pci_bus/* mdev_supported_types nvidia" },
	/* the numbers of nodes: where lib/host/nodes.c looks */
	{ COPY, PCI, "drm/*/dev drm/*/*/drm_dp_aux*/dev drm/*/*/i2c-*/i2c-dev/*/dev drm_dp_aux_dev/*/dev virtio*/drm/*/dev accel/*/dev "
		     "graphics/*/dev virtio*/graphics/*/dev sound/*/*/dev i2c-*/i2c-dev/*/dev vfio-dev/*/dev", 64 },
	{ STUB, "/sys/bus/pci", "drivers_probe" },
	{ COPY, "/sys/bus/pci", "drivers_autoprobe", 64 },
	{ STUB, "/sys/bus/pci/drivers/*", "bind unbind new_id remove_id" },
	{ LINK, "/sys/bus/pci/drivers/*", "module [0-9a-f]*:[0-9a-f]*:*" },
	{ LINK, "/sys/module/*/drivers", "pci:*" },
	{ STUB, "/sys/module", "*" },
	{ STUB, "/sys/kernel", "iommu_groups" },
	{ COPY, "/sys/kernel/iommu_groups/*", "type name", 256 },
	{ LINK, "/sys/kernel/iommu_groups/*/devices", "*" },
	{ STUB, "/sys/class", "iommu iommu/*" },
	{ STUB, "/sys/firmware", "efi acpi/tables" },
	/* the tables have serial numbers in them */
	{ STUB, "/sys/firmware/acpi/tables", "DMAR IVRS IORT VFCT" },
	{ COPY, "/sys/firmware/efi/efivars", "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", 64 },
	{ COPY, "/sys/firmware/efi/efivars", "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", 4 * KIB },
	{ COPY, "/sys/class/vtconsole/>*", "name bind", 256 },
	{ COPY, "/sys/class/graphics/>fb[0-9]*", "name", 256 },
	{ LINK, "/sys/bus/platform/devices/>*-framebuffer*", "driver" },
	{ COPY, "/sys/class/vfio/>*", "dev", 64 },
	{ COPY, "/sys/class/kfd/>kfd", "dev", 64 },

	/* what the host runs on: kinds and numbers */
	{ COPY, "/sys/class/block/>*", "dev partition dm/name", 256 },
	{ LINK, "/sys/class/block/>*/holders", "*" },
	{ STUB, "/sys/class/block/>*", "holders" },
	{ COPY, "/run/udev/data", "b[0-9]*:[0-9]*", 64 * KIB, mask_udev },
	{ STUB, "/sys/fs/btrfs/*/devices", "*" },
	{ LINK, "/sys/class/net/>*", "master upper_*" },
	{ AS_IS, "/proc/self", "mountinfo", 16 * MIB, mask_mountinfo },
	{ AS_IS, "/proc/net", "route", 16 * MIB, mask_route },
	{ AS_IS, "/proc/net", "ipv6_route", 16 * MIB, mask_route6 },
	{ AS_IS, "/proc/net", "unix", 64 * MIB, mask_sockets },
	{ COPY, "/proc", "swaps fb devices", 1 * MIB },
	{ COPY, "/proc", "iomem", 4 * MIB },
	{ COPY, "/proc", "cmdline", 64 * KIB, mask_cmdline },
	{ COPY, "/proc/sys/kernel", "osrelease", 256 },
	{ COPY, "/proc/driver/nvidia/gpus/*", "information", 64 * KIB, mask_nvidia },
	{ COPY, "/>lib/modules/%", "modules.alias", 32 * MIB, mask_aliases },
	{ COPY, "/>lib/modules/%", "modules.dep modules.builtin", 32 * MIB, mask_kmods },
	{ COPY, "/etc/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/run/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/usr/local/lib/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/>lib/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/usr/lib/modprobe.d", "*.conf", 1 * MIB, mask_modprobe },
	{ COPY, "/etc", "os-release", 16 * KIB },

	/* what loads at boot, and which drivers others chose. An empty file in /etc hides one in /usr/lib, so that those stay. */
	{ COPY, "/etc", "modules modules-load.d/*.conf initramfs-tools/modules", 1 * MIB, mask_modules },
	{ COPY, "/run/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ COPY, "/usr/local/lib/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ COPY, "/>lib/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ COPY, "/usr/lib/modules-load.d", "*.conf", 1 * MIB, mask_modules },
	{ GREP, "/etc/initramfs-tools/scripts", "* */*", 1 * MIB, mask_initscript },
	{ STUB, "/etc/udev/rules.d", "05-driverctl.rules" },
	{ STUB, "/>lib/udev/rules.d", "05-driverctl.rules" },
	{ STUB, "/usr/lib/udev/rules.d", "05-driverctl.rules" },
	{ COPY, "/etc/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ COPY, "/run/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ COPY, "/usr/local/lib/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ GREP, "/>lib/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ GREP, "/usr/lib/udev/rules.d", "*.rules", 1 * MIB, mask_rules },
	{ STUB, "/>lib/udev/rules.d", NVIDIA_RULE_NAMES },
	{ STUB, "/usr/lib/udev/rules.d", NVIDIA_RULE_NAMES },
	/* NVIDIA's: that they are there is what counts, and a link that masks one */
	{ LINK, "/etc/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/etc/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/run/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/usr/local/lib/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/usr/lib/systemd/system", NVIDIA_UNIT_NAMES },
	{ STUB, "/>lib/systemd/system", NVIDIA_UNIT_NAMES },
	{ COPY, "/etc/driverctl.d", "pci-*", 4 * KIB, mask_driverctl },
	{ COPY, "/etc/default", "grub grub.d/*.cfg", 1 * MIB, mask_grub },
	{ LINK, "/>bin", "sh" },
	{ COPY, "/etc/kernel", "cmdline", 1 * MIB, mask_first_line },
	{ COPY, "/etc/kernel", "proxmox-boot-uuids", 1 * MIB, mask_esps },
	{ COPY, "/boot", "config-%", 4 * MIB, mask_kconfig },

	/* Proxmox VE's, as far as no names are to be changed, and our own */
	{ COPY, "/etc/pve/mapping", "pci.cfg", 1 * MIB, mask_mapping },
	{ COPY, "/etc/pve", "storage.cfg", 1 * MIB, mask_storage },
	{ COPY, "/etc/pve/ha", "resources.cfg", 1 * MIB, mask_ha },
	{ COPY, "/run/qemu-server", "pci-id-reservations", 1 * MIB },
	{ COPY, "/run/qemu-server", "[0-9]*.pid", 64 },
	{ STUB, "/run/qemu-server", "[0-9]*.reboot" },
	{ STUB, "/", "run/qemu-server dev/vfio" },
	/* ROMs are their makers' */
	{ STUB, "/", "usr/share/kvm usr/share/kvm/vbios_*.bin" },
	{ STUB, "/var/lib/lxc/[0-9]*", "reboot" },
	{ COPY, "/run/gpupt/*", "*", 1 * MIB, mask_boot_id },
	{ COPY, "/var/lib/gpupt/*", "*", 1 * MIB, mask_boot_id },
	{ COPY, "/etc/gpupt", "gpupt.conf", 1 * MIB, mask_settings },
	{ COPY, "/etc/gpupt", "known-cards", 1 * MIB, mask_known },
	{ COPY, DATADIR "/gpupt", "known-cards", 1 * MIB, mask_known },
	{ COPY, "/usr/share/gpupt", "snippet", 64 * KIB },
	{ LINK, "/dev/dri/by-path", "*" },
	{ LINK, "/dev/snd/by-path", "*" },
};

struct walk {
	struct capture *c;
	const struct row *row;
	const char *release; /* of the running kernel, for '%' */
};

static void take_file(struct capture *c, const char *path, const struct row *row)
{
	if (row->what == GREP)
		capture_if_any(c, path, row->max, row->mask);
	else
		capture_file(c, path, row->max, row->what == HEAD, row->mask);
}

/* The last component: what is done with it. */
static void act(const struct walk *w, const char *path)
{
	const struct row *row = w->row;
	const char *name;
	_cleanup_close_ int dir = root_open_parent(w->c->root, path, 0, &name);
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	n = S_ISLNK(st.st_mode) ? readlinkat(dir, name, target, sizeof(target) - 1) : -1;
	if (row->what == STUB) {
		capture_stub(w->c, path);
	} else if (row->what == LINK && n >= 0) {
		target[n] = '\0';
		capture_link(w->c, path, target);
	} else if (row->what != LINK && S_ISLNK(st.st_mode)) {
		if (capture_resolve(w->c, path, target))
			take_file(w->c, target, row);
	} else if (row->what != LINK && S_ISREG(st.st_mode)) {
		take_file(w->c, path, row);
	}
}

static bool is_link(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);
	struct stat st;

	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static void walk(const struct walk *w, const char *path, const char *pattern);

/* One name in the place of the pattern's first component. */
static void walk_name(const struct walk *w, const char *path, const char *name, const char *behind, bool follow)
{
	char next[PATH_MAX], real[PATH_MAX];

	if (!*path_f(next, "%s/%s", path, name))
		return;
	if (!*behind) {
		act(w, next);
		return;
	}
	if (follow) {
		if (!capture_resolve(w->c, next, real))
			return;
		capture_dir(w->c, real);
		walk(w, real, behind);
	} else if (!is_link(w->c->root, next)) {
		walk(w, next, behind);
	}
}

static void walk(const struct walk *w, const char *path, const char *pattern)
{
	bool follow = *pattern == '>';
	const char *component = pattern + follow;
	size_t n = strcspn(component, "/");
	const char *behind = component + n + (component[n] == '/');
	_cleanup_closedir_ DIR *d = NULL;
	char part[256];

	if (n == 0 || n >= sizeof(part))
		return;
	snprintf(part, sizeof(part), "%.*s", (int)n, component);
	if (part[n - 1] == '%')
		snprintf(part + n - 1, sizeof(part) - (n - 1), "%s", w->release);
	if (!strpbrk(part, "*[")) {
		walk_name(w, path, part, behind, follow);
		return;
	}
	if (root_opendir(w->c->root, *path ? path : "/", &d) < 0)
		return;
	for (struct dirent *ent; (ent = readdir(d));)
		if (ent->d_name[0] != '.' && fnmatch(part, ent->d_name, 0) == 0)
			walk_name(w, path, ent->d_name, behind, follow);
}

static void walk_row(struct capture *c, const struct row *row, const char *release)
{
	struct walk w = { .c = c, .row = row, .release = release };
	const char *names = row->names;
	char pattern[512];

	while (*names) {
		size_t n = strcspn(names, " ");

		snprintf(pattern, sizeof(pattern), "%s%s%.*s", row->dir, row->dir[1] ? "/" : "", (int)n, names);
		names += n + strspn(names + n, " ");
		if (row->what != AS_IS)
			walk(&w, "", pattern + 1);
		else if (root_exists(c->root, pattern))
			capture_file(c, pattern, row->max, false, row->mask);
	}
}

/* Config space: up to where serial numbers can be (extended capabilities), and not of a card in D3cold, which it would wake. */
static void config_space(struct capture *c, struct bdf b)
{
	char path[PATH_MAX], real[PATH_MAX], state[16];

	if (root_read_line(c->root, pci_path(path, b, "power_state"), state, sizeof(state)) == 0 && str_eq(state, "D3cold"))
		return;
	if (capture_resolve(c, pci_path(path, b, ""), real) && root_exists(c->root, path_f(path, "%s/config", real)))
		capture_file(c, path, 256, true, NULL);
}

void capture_table(struct capture *c)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	char release[128];

	if (root_read_line(c->root, "/proc/sys/kernel/osrelease", release, sizeof(release)) < 0 || strchr(release, '/'))
		release[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		walk_row(c, &rows[i], release);
	if (pci_dir_functions(c->root, "/sys/bus/pci/devices", &all) == -ENOMEM)
		c->r = -ENOMEM;
	for (size_t i = 0; i < all.n; i++)
		config_space(c, all.v[i]);
}
