/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>

#include "tests/fake/fake.h"

#define DEVICES "/sys/bus/pci/devices"

static void attr(struct fake *f, const char *bdf, const char *name, const char *value)
{
	char path[PATH_MAX];

	fake_putf(f, path_f(path, DEVICES "/%s/%s", bdf, name), "%s\n", value);
}

/* The directory that really holds a function: below its bridge's. */
static void place(struct fake *f, const struct fake_fn *fn)
{
	char path[PATH_MAX], target[PATH_MAX];

	if (fn->above)
		path_f(target, "../../../devices/pci0000:00/%s/%s", fn->above, fn->bdf);
	else
		path_f(target, "../../../devices/pci0000:00/%s", fn->bdf);
	fake_mkdir(f, path_f(path, "/sys/%s", target + strlen("../../../")));
	fake_link(f, path_f(path, DEVICES "/%s", fn->bdf), target);
}

static void add_group(struct fake *f, const struct fake_fn *fn)
{
	char path[PATH_MAX], target[PATH_MAX];

	if (fn->group < 0)
		return;
	path_f(path, "/sys/kernel/iommu_groups/%d/devices/%s", fn->group, fn->bdf);
	fake_link(f, path, path_f(target, "../../../../bus/pci/devices/%s", fn->bdf));
	path_f(path, DEVICES "/%s/iommu_group", fn->bdf);
	fake_link(f, path, path_f(target, "/sys/kernel/iommu_groups/%d", fn->group));
}

/* What matters of config space: that it answers, and its ids. No capabilities: status bit 4 is clear. */
static void add_config(struct fake *f, const char *bdf, const unsigned int id[4], unsigned int class)
{
	uint8_t config[256] = { id[0] & 0xff, id[0] >> 8, id[1] & 0xff, id[1] >> 8 };
	char path[PATH_MAX];

	config[9] = class & 0xff;
	config[10] = class >> 8 & 0xff;
	config[11] = class >> 16 & 0xff;
	config[0x2c] = id[2] & 0xff;
	config[0x2d] = id[2] >> 8 & 0xff;
	config[0x2e] = id[3] & 0xff;
	config[0x2f] = id[3] >> 8 & 0xff;
	fake_put_bytes(f, path_f(path, DEVICES "/%s/config", bdf), config, sizeof(config));
}

static void add_id(struct fake *f, const char *bdf, const char *text, unsigned int class)
{
	static const char *const names[] = { "vendor", "device", "subsystem_vendor", "subsystem_device" };
	unsigned int id[4];
	char path[PATH_MAX];

	if (sscanf(text, "%x:%x/%x:%x", &id[0], &id[1], &id[2], &id[3]) != 4)
		fake_die("'%s' is no identity", text);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fake_putf(f, path_f(path, DEVICES "/%s/%s", bdf, names[i]), "0x%04x\n", id[i]);
	fake_putf(f, path_f(path, DEVICES "/%s/class", bdf), "0x%06x\n", class);
	fake_putf(f, path_f(path, DEVICES "/%s/modalias", bdf),
		  "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", id[0], id[1], id[2], id[3], class >> 16,
		  class >> 8 & 0xff, class & 0xff);
	add_config(f, bdf, id, class);
}

void fake_add(struct fake *f, const struct fake_fn *fn)
{
	char path[PATH_MAX];

	place(f, fn);
	add_id(f, fn->bdf, fn->id, fn->class);
	attr(f, fn->bdf, "revision", "0x00");
	attr(f, fn->bdf, "driver_override", "(null)");
	attr(f, fn->bdf, "power/control", "on");
	attr(f, fn->bdf, "d3cold_allowed", "1");
	attr(f, fn->bdf, "power_state", "D0");
	attr(f, fn->bdf, "resource", "0x0000000000000000 0x0000000000000000 0x0000000000000000");
	if (fn->class >> 16 == 3)
		attr(f, fn->bdf, "boot_vga", fn->boot_vga ? "1" : "0");
	if (fn->class >> 8 == 0x0604)
		fake_mkdir(f, path_f(path, DEVICES "/%s/pci_bus", fn->bdf));
	if (fn->can_reset) {
		attr(f, fn->bdf, "reset", "");
		attr(f, fn->bdf, "reset_method", fn->says_reset ? fn->says_reset : fn->can_reset);
		fake_hide(f, path_f(path, "reset/%s", fn->bdf), fn->can_reset);
	}
	if (fn->fb)
		fake_hide(f, path_f(path, "fb/%s", fn->bdf), "1");
	add_group(f, fn);
	if (fn->native) {
		fake_hide(f, path_f(path, "native/%s", fn->bdf), fn->native);
		fake_load_module(f, fn->native);
		fake_attach(f, fn->bdf, fn->native);
	}
}

static void add_card(struct fake *f, const char *port, const char *fn0, const char *fn1, int group)
{
	fake_add(f, &(struct fake_fn){ .bdf = port, .id = "1b36:000c/0000:0000", .class = 0x060400, .native = "pcieport",
				       .group = group - 10 });
	fake_add(f, &(struct fake_fn){ .bdf = fn0, .above = port, .id = AMD_ID, .class = 0x030000, .native = "radeon",
				       .group = group, .can_reset = "bus" });
	fake_add(f, &(struct fake_fn){ .bdf = fn1, .above = port, .id = HDA_ID, .class = 0x040300,
				       .native = "snd_hda_intel", .group = group });
}

static void add_aliases(struct fake *f)
{
	fake_put(f, "/proc/sys/kernel/osrelease", "6.8.12-4-pve\n");
	fake_put(f, "/lib/modules/6.8.12-4-pve/modules.alias",
		 "# Aliases extracted from modules themselves.\n"
		 "alias pci:v00001002d00005159sv*sd*bc*sc*i* radeon\n"
		 "alias pci:v*d*sv*sd*bc04sc03i00* snd_hda_intel\n"
		 "alias pci:v00001234d00001111sv*sd*bc*sc*i* bochs\n"
		 "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n");
}

struct fake *fake_machine(void)
{
	struct fake *f = fake_new();

	fake_put(f, "/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
	fake_put(f, "/proc/iomem", "00001000-0009ffff : System RAM\n");
	fake_put(f, "/proc/devices", "Character devices:\n226 drm\n\nBlock devices:\n");
	add_aliases(f);
	fake_mkdir(f, "/sys/class/iommu/dmar0");
	fake_put(f, "/sys/firmware/acpi/tables/DMAR", "DMAR");
	fake_put(f, "/sys/class/vtconsole/vtcon0/name", "(S) dummy device\n");
	fake_put(f, "/sys/class/vtconsole/vtcon0/bind", "0\n");
	fake_mkdir(f, "/sys/class/graphics");
	fake_mkdir(f, "/run/lock/qemu-server");
	fake_mkdir(f, "/run/qemu-server");
	fake_link(f, "/var/lock", "/run/lock");
	fake_link(f, "/etc/pve/local", "nodes/host");
	fake_load_module(f, "vfio-pci");
	fake_load_module(f, "vfio_iommu_type1");
	fake_add(f, &(struct fake_fn){ .bdf = BOOT, .id = "1234:1111/1af4:1100", .class = 0x030000, .native = "bochs-drm",
				       .group = 3, .can_reset = "pm", .fb = true, .boot_vga = true });
	add_card(f, "0000:00:01.0", CARD, CARD1, 15);
	add_card(f, "0000:00:02.0", TWIN, TWIN1, 16);
	fake_add(f, &(struct fake_fn){ .bdf = "0000:00:04.0", .id = "1b36:000c/0000:0000", .class = 0x060400,
				       .native = "pcieport", .group = 7 });
	fake_add(f, &(struct fake_fn){ .bdf = NIC, .above = "0000:00:04.0", .id = "8086:10d3/8086:0000", .class = 0x020000,
				       .native = "e1000e", .group = 17, .can_reset = "flr bus" });
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nmemory: 2048\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nmemory: 2048\nhostpci0: 0000:02:00,pcie=1\n");
	return f;
}

static void ungroup(const struct fake *cf, const char *bdf, void *ctx)
{
	char path[PATH_MAX];

	fake_remove(cf, path_f(path, DEVICES "/%s/iommu_group", bdf));
}

void fake_no_iommu(struct fake *f)
{
	fake_each(f, ungroup, NULL);
	fake_remove(f, "/sys/class/iommu/dmar0");
	fake_remove(f, "/sys/kernel/iommu_groups");
	fake_remove(f, "/sys/firmware/acpi/tables/DMAR");
}

void fake_dead(struct fake *f, const char *bdf)
{
	char path[PATH_MAX];
	uint8_t ff[256];

	memset(ff, 0xff, sizeof(ff));
	fake_put_bytes(f, path_f(path, DEVICES "/%s/config", bdf), ff, sizeof(ff));
}

void fake_vanish(struct fake *f, const char *bdf)
{
	char path[PATH_MAX], real[PATH_MAX], *resolved;

	fake_detach(f, bdf);
	path_f(path, DEVICES "/%s", bdf);
	resolved = realpath(fake_path(f, real, path), NULL);
	fake_remove(f, path);
	if (resolved)
		fake_remove(f, resolved + strlen(f->dir) + strlen("/root"));
	free(resolved);
	for (int group = 0; group < 64; group++)
		fake_remove(f, path_f(path, "/sys/kernel/iommu_groups/%d/devices/%s", group, bdf));
}

void fake_identity(struct fake *f, const char *bdf, const char *id)
{
	char path[PATH_MAX];

	add_id(f, bdf, id, (unsigned int)strtoul(fake_get(f, path_f(path, DEVICES "/%s/class", bdf)), NULL, 16));
}

void fake_each(const struct fake *f, void (*fn)(const struct fake *f, const char *bdf, void *ctx), void *ctx)
{
	char path[PATH_MAX];
	struct dirent **v;
	int n = scandir(fake_path(f, path, DEVICES), &v, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (v[i]->d_name[0] != '.')
			fn(f, v[i]->d_name, ctx);
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

static void boot_one(const struct fake *cf, const char *bdf, void *ctx)
{
	struct fake *f = ctx;
	char path[PATH_MAX];
	const char *native = fake_hidden(f, path_f(path, "native/%s", bdf));

	fake_detach(f, bdf);
	attr(f, bdf, "driver_override", "(null)");
	attr(f, bdf, "power/control", "on");
	attr(f, bdf, "d3cold_allowed", "1");
	if (*native)
		fake_attach(f, bdf, native);
}

void fake_reboot(struct fake *f)
{
	fake_remove(f, "/run");
	fake_mkdir(f, "/run/lock/qemu-server");
	fake_mkdir(f, "/run/qemu-server");
	fake_put(f, "/proc/sys/kernel/random/boot_id", "99999999-2222-3333-4444-555555555555\n");
	fake_hide(f, "new_id", "");
	fake_each(f, boot_one, f);
}

const char *fake_dev(const struct fake *f, const char *bdf, const char *kind)
{
	static const char *const depths[] = { "*", "*/*" };
	char pattern[PATH_MAX], top[PATH_MAX];
	const char *dev = "";

	for (size_t i = 0; i < ARRAY_SIZE(depths) && !*dev; i++) {
		glob_t g;

		fake_path(f, top, "");
		path_f(pattern, "%s" DEVICES "/%s/%s/%s/dev", top, bdf, kind, depths[i]);
		if (glob(pattern, 0, NULL, &g) == 0) {
			dev = fake_get(f, g.gl_pathv[0] + strlen(top));
			globfree(&g);
		}
	}
	return dev;
}

void fake_holder(struct fake *f, int pid, const char *comm, const char *cgroup, const char *dev, const char *name)
{
	char path[PATH_MAX], full[PATH_MAX];
	FILE *list;

	fake_putf(f, path_f(path, "/proc/%d/comm", pid), "%s\n", comm);
	fake_putf(f, path_f(path, "/proc/%d/cgroup", pid), "0::%s\n", cgroup);
	fake_putf(f, path_f(path, "/proc/%d/cmdline", pid), "%s", comm);
	fake_link(f, path_f(path, "/proc/%d/fd/3", pid), name);
	fake_put(f, path_f(path, "/proc/%d/fdinfo/3", pid), "pos:\t0\nflags:\t02100002\nmnt_id:\t24\n");
	list = fopen(fake_path(f, full, "/gpupt-nodes"), "ae");
	if (!list || fprintf(list, "c %s /proc/%d/fd/3\n", dev, pid) < 0 || fclose(list) != 0)
		fake_die("cannot add to %s", full);
}

void fake_holder_gone(struct fake *f, int pid)
{
	char path[PATH_MAX];

	fake_remove(f, path_f(path, "/proc/%d", pid));
}

void fake_vm_runs(struct fake *f, unsigned int vmid, int pid)
{
	char path[PATH_MAX], args[256];
	int n = snprintf(args, sizeof(args), "/usr/bin/kvm%c-id%c%u%c-name%cvm%u%c", 0, 0, vmid, 0, 0, vmid, 0);

	fake_put_bytes(f, path_f(path, "/proc/%d/cmdline", pid), args, (size_t)n);
	fake_putf(f, path_f(path, "/proc/%d/comm", pid), "kvm\n");
	fake_putf(f, path_f(path, "/run/qemu-server/%u.pid", vmid), "%d\n", pid);
}

void fake_vm_ends(struct fake *f, unsigned int vmid)
{
	char path[PATH_MAX];
	const char *pid;

	path_f(path, "/run/qemu-server/%u.pid", vmid);
	pid = fake_get(f, path);
	fake_remove(f, path);
	fake_remove(f, path_f(path, "/proc/%s", pid));
}

void fake_unit(struct fake *f, const char *unit, const char *state)
{
	char path[PATH_MAX];

	fake_hide(f, path_f(path, "units/%s", unit), state);
}

void fake_quorum(struct fake *f, bool there)
{
	char path[PATH_MAX];

	fake_remove(f, "/etc/pve/local");
	if (there) {
		fake_link(f, "/etc/pve/local", "nodes/host");
		return;
	}
	fake_mkdir(f, "/etc/pve/local");
	if (chmod(fake_path(f, path, "/etc/pve/local"), 0555) < 0)
		fake_die("chmod: %s", strerror(errno));
}
