/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/exec.h"
#include "host/nodes.h"
#include "tests/fake/ct.h"
#include "tests/fake/nvidia.h"

#define MINORS	 8
#define DAEMON	 "nvidia-persistenced.service"

static const char *const cards[] = { NV, NV_TWIN };

static bool on_nvidia(const struct fake *f, const char *bdf)
{
	char path[PATH_MAX], driver[64] = "";

	root_readlink_base(&f->root, path_f(path, "/sys/bus/pci/devices/%s/driver", bdf), driver, sizeof(driver));
	return str_eq(driver, "nvidia");
}

void fake_smi(struct fake *f, const char *how)
{
	fake_hide(f, "nvidia/smi", how);
}

void fake_nvidia_modprobe(struct fake *f, const char *how)
{
	fake_hide(f, "nvidia/modprobe", how);
}

void fake_nvidia_nodes_stay(struct fake *f)
{
	fake_hide(f, "nvidia/nodes-stay", "1");
}

/* Whoever asks for it: the daemon does it if it runs, and the driver by itself if not. */
void fake_persist(struct fake *f, const char *bdf, bool on)
{
	bool daemon = str_eq(fake_hidden(f, "units/" DAEMON), "active");
	char path[PATH_MAX];

	fake_hide(f, path_f(path, "nvidia/persistence/%s", bdf), !on ? "off" : daemon ? "daemon" : "driver");
}

const char *fake_persistence(const struct fake *f, const char *bdf)
{
	char path[PATH_MAX];

	return fake_hidden(f, path_f(path, "nvidia/persistence/%s", bdf));
}

bool fake_persists(const struct fake *f, const char *bdf)
{
	const char *by = fake_persistence(f, bdf);

	return *by && !str_eq(by, "off");
}

/* Which number the driver has for the card now, or MINORS. */
static unsigned int minor_of(const struct fake *f, const char *bdf)
{
	unsigned int n = 0;
	char path[PATH_MAX];

	while (n < MINORS && !str_eq(fake_hidden(f, path_f(path, "nvidia/minor-%u", n)), bdf))
		n++;
	return n;
}

/* The node of the minor, as devtmpfs does not make it. */
static void node_set(struct fake *f, unsigned int n, bool there)
{
	char number[24], path[PATH_MAX];

	snprintf(number, sizeof(number), "195:%u", n);
	fake_node_set(f, number, path_f(path, "/dev/nvidia%u", n), there);
}

bool fake_nvidia_node(const struct fake *f, const char *bdf)
{
	char path[PATH_MAX];
	dev_t dev;

	return node_rdev(&f->root, path_f(path, "/dev/nvidia%u", minor_of(f, bdf)), &dev) == 0;
}

void fake_nvidia_node_lost(struct fake *f, const char *bdf)
{
	node_set(f, minor_of(f, bdf), false);
}

void fake_nvidia_attach(struct fake *f, const char *bdf)
{
	unsigned int n = 0;
	char path[PATH_MAX];

	while (n < MINORS && *fake_hidden(f, path_f(path, "nvidia/minor-%u", n)))
		n++;
	fake_hide(f, path_f(path, "nvidia/minor-%u", n), bdf);
	fake_putf(f, path_f(path, "/proc/driver/nvidia/gpus/%s/information", bdf),
		  "Model: \t\t NVIDIA GeForce RTX 3090\nDevice Minor: \t %u\nGPU Excluded:\t No\n", n);
	fake_persist(f, bdf, false);
}

void fake_nvidia_detach(struct fake *f, const char *bdf)
{
	unsigned int n = minor_of(f, bdf);
	char path[PATH_MAX];

	if (!fake_is_hidden(f, "nvidia/nodes-stay"))
		node_set(f, n, false);
	fake_hide(f, path_f(path, "nvidia/minor-%u", n), "");
	fake_remove(f, path_f(path, "/proc/driver/nvidia/gpus/%s", bdf));
	fake_persist(f, bdf, false);
}

static void add_card(struct fake *f, const char *port, const char *fn0, const char *fn1, int group)
{
	fake_add(f, &(struct fake_fn){ .bdf = port, .id = "1b36:000c/0000:0000", .class = 0x060400, .native = "pcieport",
				       .group = group - 10 });
	fake_add(f, &(struct fake_fn){ .bdf = fn0, .above = port, .id = NV_ID, .class = 0x030000, .native = "nvidia",
				       .group = group, .can_reset = "flr" });
	fake_add(f, &(struct fake_fn){ .bdf = fn1, .above = port, .id = "10de:1aef/1458:403b", .class = 0x040300,
				       .native = "snd_hda_intel", .group = group });
	node_set(f, minor_of(f, fn0), true);
}

struct fake *fake_nvidia_machine(void)
{
	struct fake *f = fake_machine();

	fake_smi(f, "works");
	fake_nvidia_modprobe(f, "works");
	add_card(f, "0000:00:06.0", NV, NV1, 21);
	add_card(f, "0000:00:07.0", NV_TWIN, NV_TWIN1, 22);
	fake_put(f, "/etc/pve/qemu-server/106.conf", "machine: q35\nmemory: 2048\nhostpci0: 0000:06:00,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/107.conf", "machine: q35\nmemory: 2048\nhostpci0: 0000:07:00,pcie=1\n");
	return f;
}

static void daemon_runs(struct fake *f, int pid, const char *bdf)
{
	char dev[32], name[32];

	snprintf(dev, sizeof(dev), "195:%u", bdf ? minor_of(f, bdf) : 255);
	snprintf(name, sizeof(name), bdf ? "/dev/nvidia%u" : "/dev/nvidiactl", bdf ? minor_of(f, bdf) : 0);
	fake_holder(f, pid, "nvidia-persiste", "/system.slice/" DAEMON, dev, name);
}

void fake_persistenced(struct fake *f, int pid, const char *bdf)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %s", pid, bdf ? bdf : "");
	fake_hide(f, "nvidia/daemon", text);
	fake_unit(f, DAEMON, "active");
	daemon_runs(f, pid, bdf);
}

void fake_nvidia_daemon(struct fake *f, bool up)
{
	const char *daemon = fake_hidden(f, "nvidia/daemon");
	char bdf[BDF_LEN] = "";
	int pid;

	if (sscanf(daemon, "%d %12s", &pid, bdf) >= 1) {
		fake_holder_gone(f, pid);
		if (up)
			daemon_runs(f, pid, *bdf ? bdf : NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++)
		if (on_nvidia(f, cards[i]) && !str_eq(fake_persistence(f, cards[i]), "driver"))
			fake_persist(f, cards[i], up);
}

void fake_nvidia_describe(const struct fake *f, const char *bdf, struct text *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++)
		if (str_eq(cards[i], bdf))
			text_addf(t, " persistence=%s node=%s", fake_persists(f, bdf) ? "on" : "off",
				  fake_nvidia_node(f, bdf) ? "there" : "missing");
}

static int end(struct exec_result *ret, int status, const char *output)
{
	*ret = (struct exec_result){ .status = status, .output = strdup(output) };
	return 0;
}

/* -i BDF --query-gpu=persistence_mode --format=csv,noheader, or -i BDF -pm 0|1, and nothing else. */
static int smi(struct fake *f, const char *how, char *const argv[], struct exec_result *ret)
{
	const char *bdf = argv[1] && str_eq(argv[1], "-i") ? argv[2] : NULL;
	bool asks, sets;

	if (!bdf || !argv[3] || !argv[4] || argv[5])
		return end(ret, 2, "Invalid combination of input arguments.\n");
	asks = str_eq(argv[3], "--query-gpu=persistence_mode") && str_eq(argv[4], "--format=csv,noheader");
	sets = str_eq(argv[3], "-pm") && (str_eq(argv[4], "0") || str_eq(argv[4], "1"));
	if (!asks && !sets)
		return end(ret, 2, "Invalid combination of input arguments.\n");
	if (str_eq(how, "fails"))
		return end(ret, 9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n\n");
	if (!on_nvidia(f, bdf))
		return end(ret, 6, "No devices were found\n");
	if (asks)
		return end(ret, 0, str_eq(how, "mumbles") ? "[N/A]\n" : fake_persists(f, bdf) ? "Enabled\n" : "Disabled\n");
	if (str_eq(how, "cannot set"))
		return end(ret, 4, "Unable to set persistence mode: Insufficient Permissions\n");
	if (!str_eq(how, "sets nothing"))
		fake_persist(f, bdf, str_eq(argv[4], "1"));
	return end(ret, 0, "All done.\n");
}

/* -c MINOR makes the node, whether there is such a card or not. */
static int nvidia_modprobe(struct fake *f, const char *how, char *const argv[], struct exec_result *ret)
{
	uint64_t n;

	if (!argv[1] || !str_eq(argv[1], "-c") || !argv[2] || argv[3] || parse_uint(argv[2], 255, &n) < 0)
		return end(ret, 1, "Invalid commandline, please run `nvidia-modprobe --help` for usage information.\n");
	if (str_eq(how, "fails"))
		return end(ret, 1, "ERROR: modprobe failed\n");
	node_set(f, (unsigned int)n, true);
	return end(ret, 0, "");
}

int fake_nvidia_exec(struct fake *f, char *const argv[], struct exec_result *ret)
{
	bool is_smi = str_eq(argv[0], "nvidia-smi");
	const char *how = fake_hidden(f, is_smi ? "nvidia/smi" : "nvidia/modprobe");

	if ((!is_smi && !str_eq(argv[0], "nvidia-modprobe")) || !*how || str_eq(how, "absent"))
		return -ENOENT;
	if (str_eq(how, "hangs"))
		return -ETIMEDOUT;
	return is_smi ? smi(f, how, argv, ret) : nvidia_modprobe(f, how, argv, ret);
}
