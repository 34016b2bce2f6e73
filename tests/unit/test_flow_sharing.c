/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who shares a card: by number, by address, by memory, by sight; and what the twin has to do with it. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "flow/sharing.h"
#include "host_hang.h"

#define LXC "/etc/pve/nodes/pve/lxc/"

static const char *const hows[] = { [SHARING_NUMBER] = "number", [SHARING_BY_PATH] = "by-path", [SHARING_MEMORY] = "memory" };

static void card_load(const struct tree *t, const char *slot, struct pci_list *ret)
{
	struct bdf b;

	assert_int_equal(bdf_parse(slot, &b), 0);
	assert_int_equal(pci_slot_outline(&t->root, b, ret, NULL), 0);
}

static void holders_load(const struct tree *t, const struct pci_list *card, struct holder_list *ret)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };

	for (size_t i = 0; i < card->n; i++)
		assert_int_equal(nodes_add(&t->root, &card->v[i], &nodes), 0);
	assert_int_equal(holders_find(&t->root, &nodes, NULL, ret, NULL), 0);
}

static void format(const struct sharers *s, struct text *t)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t u = 0; u < s->v[i].n; u++) {
			const struct sharer_use *use = &s->v[i].uses[u];
			char role[PATH_ROLE_LEN];

			assert_string_equal(path_role(use->node, role), use->role);
			text_addf(t, "%u %s %s %s.%u %s", s->v[i].vmid, use->ref.key, use->path ? use->path : "-", use->node, use->bdf.fn,
				  hows[use->how]);
			if (use->dev)
				text_addf(t, " %u:%u", major(use->dev), minor(use->dev));
			text_addf(t, "%s%s%s\n", use->present ? " there" : "", use->wildcard ? " wild" : "", use->shared ? " shared" : "");
		}
	}
	for (size_t i = 0; i < s->unsure.n; i++)
		text_addf(t, "%u unsure\n", s->unsure.v[i]);
}

/* The sharers of the card in that slot are these. */
static void sharers_are(const struct tree *t, const char *slot, const char *want)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_holder_list_ struct holder_list holders = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_text_ struct text have = { 0 };
	struct err e = { "" };

	card_load(t, slot, &card);
	holders_load(t, &card, &holders);
	assert_int_equal(sharing_load(&t->root, &card, &holders, &s, &e), 0);
	format(&s, &have);
	if (strcmp(text_str(&have), want) != 0)
		fail_msg("%s\n have:\n%s want:\n%s", slot, text_str(&have), want);
}

static void remember(const struct tree *t, const char *slot)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	struct err e = { "" };

	card_load(t, slot, &card);
	assert_int_equal(sharing_load(&t->root, &card, NULL, &s, &e), 0);
	assert_int_equal(sharing_remember(&t->root, &card, &s, &e), 0);
}

/* Removes what is at path, and all below it. */
static void gone(const struct tree *t, const char *path)
{
	char real[PATH_MAX];

	snprintf(real, sizeof(real), "%s%s", t->dir, path);
	assert_int_equal(nftw(real, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Takes a path off the list of numbers. */
static void unlist(const struct tree *t, const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text left = { 0 };
	char *p, *line;

	assert_int_equal(root_read(&t->root, NODE_MANIFEST, 65536, &text, NULL), 0);
	for (p = text; (line = str_line(&p));)
		if (!strstr(line, path) || strcmp(strstr(line, path), path) != 0 || strchr(line, '/') != strstr(line, path))
			text_addf(&left, "%s\n", line);
	tree_put(t, NODE_MANIFEST, text_str(&left));
}

static void list(const struct tree *t, const char *line)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text all = { 0 };

	assert_int_equal(root_read(&t->root, NODE_MANIFEST, 65536, &text, NULL), 0);
	text_addf(&all, "%s%s\n", text, line);
	tree_put(t, NODE_MANIFEST, text_str(&all));
	tree_put(t, strchr(line, '/'), "");
}

/* The first card of containers.tree goes to a VM: no driver, no nodes, no links to them. */
static void card_leaves(const struct tree *t)
{
	static const char *const nodes[] = { "/dev/dri/card0", "/dev/dri/renderD128", "/dev/i2c-0", "/dev/snd/controlC0", "/dev/snd/pcmC0D0p" };

	gone(t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm");
	gone(t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/i2c-0");
	gone(t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.1/sound");
	tree_link(t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver", "../../../../bus/pci/drivers/vfio-pci");
	gone(t, "/sys/bus/pci/drivers/radeon/0000:01:00.0");
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		gone(t, nodes[i]);
		unlist(t, nodes[i]);
	}
	gone(t, "/dev/dri/by-path/pci-0000:01:00.0-card");
	gone(t, "/dev/dri/by-path/pci-0000:01:00.0-render");
}

#define FIRST_EXACT                                                                                          \
	"201 dev0 /dev/dri/renderD128 dri/renderD128.0 number 226:128 there\n"                               \
	"201 dev1 /dev/dri/card0 dri/card0.0 number 226:0 there\n"                                           \
	"202 lxc.mount.entry /dev/dri/renderD128 dri/renderD128.0 number 226:128 there\n"                    \
	"202 lxc.mount.entry /dev/dri/card0 dri/card0.0 number 226:0 there\n"
#define TWIN                                                                                                 \
	"200 dev0 /dev/dri/renderD129 dri/renderD129.0 number 226:129 there\n"                               \
	"203 lxc.mount.entry /dev/dri/card1 dri/card1.0 number 226:1 there wild\n"                           \
	"203 lxc.mount.entry /dev/dri/renderD129 dri/renderD129.0 number 226:129 there wild\n"               \
	"203 lxc.cgroup2.devices.allow /dev/dri/card1 dri/card1.0 number 226:1 there wild\n"                 \
	"203 lxc.cgroup2.devices.allow /dev/dri/renderD129 dri/renderD129.0 number 226:129 there wild\n"     \
	"204 lxc.cgroup2.devices.allow /dev/dri/renderD129 dri/renderD129.0 number 226:129 there wild\n"     \
	"204 lxc.mount.entry /dev/dri/renderD129 dri/renderD129.0 number 226:129 there\n"                    \
	"208 dev0 /dev/dri/renderD129 dri/renderD129.0 number 226:129 there\n"                               \
	"209 dev0 /dev/snd/controlC1 snd/controlC1.1 number 116:5 there\n"

static void expand(struct tree *t)
{
	tree_expand(t, "containers");
}

static void each_its_own(void **state)
{
	_cleanup_tree_ struct tree t;

	expand(&t);
	sharers_are(&t, "01:00",
		    FIRST_EXACT
		    "203 lxc.mount.entry /dev/dri/card0 dri/card0.0 number 226:0 there wild\n"
		    "203 lxc.mount.entry /dev/dri/renderD128 dri/renderD128.0 number 226:128 there wild\n"
		    "203 lxc.cgroup2.devices.allow /dev/dri/card0 dri/card0.0 number 226:0 there wild\n"
		    "203 lxc.cgroup2.devices.allow /dev/dri/renderD128 dri/renderD128.0 number 226:128 there wild\n"
		    "206 lxc.cgroup2.devices.allow - dri/renderD128.0 number 226:128 there\n"
		    "207 dev0 /dev/dri/by-path/pci-0000:01:00.0-render dri/renderD128.0 number 226:128 there\n"
		    "207 dev3 /dev/gpu/media dri/renderD128.0 number 226:128 there\n"
		    "210 lxc.cgroup2.devices.allow - dri/card0.0 number 226:0 there wild\n");
	sharers_are(&t, "02:00", TWIN);
	sharers_are(&t, "03:00", "");
}

static void what_is_known_of_a_container(void **state)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_holder_list_ struct holder_list holders = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_text_ struct text keys = { 0 };
	_cleanup_tree_ struct tree t;
	const struct sharer *sh;

	expand(&t);
	tree_put(&t, LXC "202.conf", "template: 1\nlock: migrate\nlxc.mount.entry: /dev/dri/card0 a none bind\ndev7: /dev/dri/card0,gid=9\n"
				     "lxc.mount.entry = /dev/dri/renderD128 b none bind,optional\n[x]\n");
	card_load(&t, "01:00", &card);
	holders_load(&t, &card, &holders);
	assert_int_equal(sharing_load(&t.root, &card, NULL, &s, NULL), 0);
	assert_null(sharers_get(&s, 210)); /* nobody said what is held open */
	assert_null(sharers_get(&s, 200));
	sh = sharers_get(&s, 201);
	assert_true(sh->running && sh->flags.onboot && !sh->flags.template && sh->ha && sh->ha_state == HA_STARTED);
	assert_int_equal(sh->init.pid, 2010);
	assert_int_equal(sh->init.start, 2110);
	assert_true(sharer_sees(sh));
	assert_int_equal(sh->uses[0].ref.kind, CTDEV_NODE);
	assert_int_equal(sh->uses[0].ref.mode, 0666);
	assert_int_equal(sh->uses[0].ref.uid, 1000);
	assert_string_equal(sh->uses[0].line, "dev0: mode=0666,path=/dev/dri/renderD128,uid=1000");
	assert_string_equal(sh->uses[0].value, "mode=0666,path=/dev/dri/renderD128,uid=1000");
	assert_true(sharer_has(sh, &holders.v[0]));
	assert_string_equal(holders.v[0].comm, "ffmpeg");
	assert_false(sharer_has(sharers_get(&s, 203), &holders.v[0]));
	sh = sharers_get(&s, 202);
	assert_true(!sh->running && sh->flags.template && !sh->ha && sh->init.pid == 0);
	assert_string_equal(sh->flags.lock, "migrate");
	assert_int_equal(sh->n, 3);
	assert_int_equal(sh->uses[2].ref.line, 4);
	assert_string_equal(sh->uses[2].line, "lxc.mount.entry = /dev/dri/renderD128 b none bind,optional");
	assert_string_equal(sh->uses[2].ref.target, "/b");
	sharer_keys(sh, NULL, &keys);
	assert_string_equal(text_str(&keys), "lxc.mount.entry, dev7");
}

/* The card is away: what was seen is known, what was not is not; the twin's are the twin's. */
static void away(void **state)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_tree_ struct tree t;
	struct stat st;

	expand(&t);
	card_leaves(&t);
	sharers_are(&t, "01:00", "207 dev0 /dev/dri/by-path/pci-0000:01:00.0-render renderD.0 by-path\n");
	assert_true(root_stat(&t.root, "/var/lib/gpupt", &st) < 0); /* looking writes nothing */
	tree_done(&t);
	expand(&t);
	remember(&t, "01:00");
	remember(&t, "02:00");
	card_leaves(&t);
	sharers_are(&t, "01:00",
		    "201 dev0 /dev/dri/renderD128 renderD.0 memory 226:128\n"
		    "201 dev1 /dev/dri/card0 card.0 memory 226:0\n"
		    "202 lxc.mount.entry /dev/dri/renderD128 renderD.0 memory 226:128\n"
		    "202 lxc.mount.entry /dev/dri/card0 card.0 memory 226:0\n"
		    "206 lxc.cgroup2.devices.allow - renderD.0 memory 226:128\n"
		    "207 dev0 /dev/dri/by-path/pci-0000:01:00.0-render renderD.0 by-path 226:128\n"
		    "207 dev3 /dev/gpu/media renderD.0 memory 226:128\n");
	sharers_are(&t, "02:00", TWIN);
	/* remembering again adds nothing and takes nothing away */
	remember(&t, "01:00");
	card_load(&t, "01:00", &card);
	assert_int_equal(sharing_load(&t.root, &card, NULL, &s, NULL), 0);
	assert_int_equal(s.n, 4);
	assert_false(sharer_sees(&s.v[0]));
}

/* Something is at a path again while the card is away. */
static void taken(void **state)
{
	_cleanup_tree_ struct tree t;

	expand(&t);
	remember(&t, "01:00");
	card_leaves(&t);
	/* a node without a driver is a placeholder */
	list(&t, "c 226:0 /dev/dri/card0");
	gone(&t, LXC "202.conf");
	gone(&t, LXC "207.conf");
	sharers_are(&t, "01:00",
		    "201 dev0 /dev/dri/renderD128 renderD.0 memory 226:128\n"
		    "201 dev1 /dev/dri/card0 card.0 memory 226:0 there\n"
		    "206 lxc.cgroup2.devices.allow - renderD.0 memory 226:128\n");
	/* a name and a number that the twin has got meanwhile are the twin's */
	list(&t, "c 226:128 /dev/dri/renderD128");
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0/drm/renderD128/dev", "226:128\n");
	sharers_are(&t, "01:00", "201 dev1 /dev/dri/card0 card.0 memory 226:0 there\n");
	sharers_are(&t, "02:00",
		    "200 dev0 /dev/dri/renderD129 dri/renderD129.0 number 226:129 there\n"
		    "201 dev0 /dev/dri/renderD128 dri/renderD128.0 number 226:128 there\n"
		    "203 lxc.mount.entry /dev/dri/card1 dri/card1.0 number 226:1 there wild\n"
		    "203 lxc.mount.entry /dev/dri/renderD128 dri/renderD128.0 number 226:128 there wild\n"
		    "203 lxc.mount.entry /dev/dri/renderD129 dri/renderD129.0 number 226:129 there wild\n"
		    "203 lxc.cgroup2.devices.allow /dev/dri/card1 dri/card1.0 number 226:1 there wild\n"
		    "203 lxc.cgroup2.devices.allow /dev/dri/renderD128 dri/renderD128.0 number 226:128 there wild\n"
		    "203 lxc.cgroup2.devices.allow /dev/dri/renderD129 dri/renderD129.0 number 226:129 there wild\n"
		    "204 lxc.cgroup2.devices.allow /dev/dri/renderD129 dri/renderD129.0 number 226:129 there wild\n"
		    "204 lxc.mount.entry /dev/dri/renderD129 dri/renderD129.0 number 226:129 there\n"
		    "206 lxc.cgroup2.devices.allow - dri/renderD128.0 number 226:128 there\n"
		    "208 dev0 /dev/dri/renderD129 dri/renderD129.0 number 226:129 there\n"
		    "209 dev0 /dev/snd/controlC1 snd/controlC1.1 number 116:5 there\n");
}

/* Another card in the slot is not the one that is remembered. */
static void exchanged(void **state)
{
	_cleanup_tree_ struct tree t;

	expand(&t);
	remember(&t, "01:00");
	card_leaves(&t);
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/device", "0x5157\n");
	/* a name with the address is the name of what is there now, whose number nobody knows */
	sharers_are(&t, "01:00", "207 dev0 /dev/dri/by-path/pci-0000:01:00.0-render renderD.0 by-path\n");
}

/* The card came back with another number: the old path is still its path, and its node is found by its role. */
static void renumbered(void **state)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_tree_ struct tree t;

	expand(&t);
	remember(&t, "01:00");
	card_leaves(&t);
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/renderD130/dev", "226:130\n");
	list(&t, "c 226:130 /dev/dri/renderD130");
	card_load(&t, "01:00", &card);
	for (size_t i = 0; i < card.n; i++)
		assert_int_equal(nodes_add(&t.root, &card.v[i], &nodes), 0);
	assert_int_equal(sharing_load(&t.root, &card, NULL, &s, NULL), 0);
	assert_int_equal(s.v[0].vmid, 201);
	assert_int_equal(s.v[0].uses[0].how, SHARING_MEMORY);
}

/* Nodes of all cards of a driver. */
static void shared(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "amd-four");
	tree_put(&t, LXC "200.conf", "dev0: /dev/kfd\n");
	tree_put(&t, LXC "201.conf", "dev0: /dev/kfd\ndev1: /dev/dri/renderD128\n");
	tree_put(&t, LXC "202.conf", "lxc.cgroup2.devices.allow: c 235:0 rwm\n");
	sharers_are(&t, "0b:00",
		    "200 dev0 /dev/kfd kfd.0 number 235:0 there shared\n"
		    "201 dev0 /dev/kfd kfd.0 number 235:0 there shared\n"
		    "201 dev1 /dev/dri/renderD128 dri/renderD128.0 number 226:128 there\n"
		    "202 lxc.cgroup2.devices.allow - kfd.0 number 235:0 there shared\n");
	/* another card of that driver: kfd alone says nothing */
	tree_link(&t, "/sys/bus/pci/drivers/amdgpu/0000:0c:00.0", "../../../../devices/pci0000:00/0000:0c:00.0");
	sharers_are(&t, "0b:00",
		    "201 dev0 /dev/kfd kfd.0 number 235:0 there shared\n"
		    "201 dev1 /dev/dri/renderD128 dri/renderD128.0 number 226:128 there\n");
}

static void nvidia(void **state)
{
	_cleanup_tree_ struct tree t;
	const char *const conf = "lxc.cgroup2.devices.allow: c 195:* rwm\n"
				 "lxc.mount.entry: /dev/nvidia0 dev/nvidia0 none bind,optional,create=file\n"
				 "lxc.mount.entry: /dev/nvidiactl dev/nvidiactl none bind,optional,create=file\n"
				 "lxc.mount.entry: /dev/nvidia1 dev/nvidia1 none bind,optional,create=file\n";

	tree_expand(&t, "hybrid");
	list(&t, "c 195:0 /dev/nvidia0");
	list(&t, "c 195:255 /dev/nvidiactl");
	list(&t, "c 195:1 /dev/nvidia1");
	tree_put(&t, LXC "200.conf", conf);
	tree_put(&t, LXC "201.conf", "dev0: /dev/nvidiactl\n");
	sharers_are(&t, "01:00",
		    "200 lxc.mount.entry /dev/nvidia0 nvidia0.0 number 195:0 there\n"
		    "200 lxc.mount.entry /dev/nvidiactl nvidiactl.0 number 195:255 there shared\n"
		    "201 dev0 /dev/nvidiactl nvidiactl.0 number 195:255 there shared\n");
	remember(&t, "01:00");
	/* NVIDIA's files stay when their driver has left, and have nothing behind them */
	gone(&t, "/proc/driver/nvidia");
	tree_link(&t, "/sys/bus/pci/devices/0000:01:00.0/driver", "../../../../bus/pci/drivers/vfio-pci");
	sharers_are(&t, "01:00",
		    "200 lxc.mount.entry /dev/nvidia0 nvidia.0 memory 195:0 there\n"
		    "200 lxc.mount.entry /dev/nvidiactl nvidiactl.0 memory 195:255 there\n"
		    "201 dev0 /dev/nvidiactl nvidiactl.0 memory 195:255 there\n");
	/* another card's driver has taken the number */
	tree_put(&t, "/proc/driver/nvidia/gpus/0000:00:02.0/information", "Device Minor: \t 0\n");
	tree_link(&t, "/sys/bus/pci/devices/0000:00:02.0/driver", "../../../bus/pci/drivers/nvidia");
	sharers_are(&t, "01:00", "");
}

/* Several cards' nodes in a shared memory: it is not said whose, but that it is one of them. */
static void shared_memory(void **state)
{
	_cleanup_tree_ struct tree t;
	struct path_memory m;

	tree_expand(&t, "hybrid");
	list(&t, "c 195:0 /dev/nvidia0");
	list(&t, "c 195:255 /dev/nvidiactl");
	tree_put(&t, LXC "200.conf", "dev0: /dev/nvidiactl\ndev1: /dev/nvidia0\n");
	tree_put(&t, LXC "201.conf", "dev0: /dev/nvidiactl\n");
	tree_link(&t, "/sys/bus/pci/drivers/nvidia/0000:0c:00.0", "../../../../devices/pci0000:00/0000:0c:00.0");
	remember(&t, "01:00");
	assert_int_equal(path_find(&t.root, "/dev/nvidiactl", &m), 0);
	assert_true(m.common);
	gone(&t, "/proc/driver/nvidia");
	tree_link(&t, "/sys/bus/pci/devices/0000:01:00.0/driver", "../../../../bus/pci/drivers/vfio-pci");
	sharers_are(&t, "01:00",
		    "200 dev0 /dev/nvidiactl nvidiactl.0 memory 195:255 there shared\n"
		    "200 dev1 /dev/nvidia0 nvidia.0 memory 195:0 there\n");
}

/* Directories, and what becomes of them in the container. */
static void directories(void **state)
{
	static const struct {
		const char *conf, *node, *want;
	} cases[] = {
		{ "lxc.mount.entry: /dev/dri mnt/gpu none bind", "/mnt/gpu/card0",
		  "300 lxc.mount.entry /mnt/gpu/card0 dri/card0.0 number 226:0 there wild\n" },
		{ "lxc.mount.entry: / host none rbind", "/host/dev/dri/card0",
		  "300 lxc.mount.entry /host/dev/dri/card0 dri/card0.0 number 226:0 there wild\n" },
		{ "lxc.mount.entry: /dev dev none rbind", "/dev/dri/card0",
		  "300 lxc.mount.entry /dev/dri/card0 dri/card0.0 number 226:0 there wild\n" },
		{ "lxc.cgroup2.devices.allow: a", "/dev/x/card0",
		  "300 lxc.cgroup2.devices.allow /dev/x/card0 dri/card0.0 number 226:0 there wild\n" },
		{ "lxc.cgroup2.devices.allow: c *:0 rwm", "/dev/card0",
		  "300 lxc.cgroup2.devices.allow /dev/card0 dri/card0.0 number 226:0 there wild\n" },
		/* it is in the container, but not by these */
		{ "lxc.cgroup2.devices.allow: c 195:* rwm", "/dev/card0", "" },
		{ "lxc.cgroup2.devices.allow: c 226:* m", "/dev/card0", "" },
		{ "lxc.cgroup2.devices.allow: b 226:* rwm", "/dev/card0", "" },
		{ "lxc.mount.entry: /dev/snd dev/snd none bind", "/dev/dri/card0", "" },
		{ "lxc.mount.entry: /dev/dri dev/dri none bind", "/dev/drive/card0", "" },
		/* data: nobody looks for nodes there */
		{ "lxc.mount.entry: /tank mnt/tank none bind", "/mnt/tank/card0", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		char line[PATH_MAX];

		expand(&t);
		gone(&t, "/etc/pve/nodes/pve/lxc");
		assert_int_equal(root_mkdir_p(&t.root, "/tank", 0755), 0);
		tree_put(&t, LXC "300.conf", cases[i].conf);
		tree_put(&t, "/proc/net/unix", "0: 2 0 10000 1 1 12 @/var/lib/lxc/300/command\n");
		tree_put(&t, "/sys/fs/cgroup/lxc/300/ns/cgroup.procs", "2010\n");
		gone(&t, "/proc/2010/root/dev");
		tree_put(&t, NODE_MANIFEST, "");
		snprintf(line, sizeof(line), "c 226:0 /proc/2010/root%s", cases[i].node);
		list(&t, line);
		sharers_are(&t, "01:00", cases[i].want);
	}
}

/* What cannot be looked into is said; what its other lines say counts all the same. */
static void unsure(void **state)
{
	_cleanup_tree_ struct tree t;
	int fd;

	expand(&t);
	gone(&t, LXC);
	tree_put(&t, LXC "203.conf", "lxc.cgroup2.devices.allow: c 226:* rwm\ndev0: /dev/dri/card0\n");
	tree_put(&t, LXC "204.conf", "lxc.cgroup2.devices.allow: c 226:* rwm\n");
	tree_put(&t, LXC "210.conf", "lxc.cgroup2.devices.allow: c 195:* rwm\n");
	gone(&t, "/sys/fs/cgroup/lxc/210");
	fd = hang_at_dir(&t, "/proc/2030/root/dev");
	if (fd < 0)
		skip();
	sharers_are(&t, "01:00", "203 dev0 /dev/dri/card0 dri/card0.0 number 226:0 there\n203 unsure\n210 unsure\n");
	hang_over(fd);
}

/* Files that nobody can use are nobody's, a list of HA resources that cannot be read is an error. */
static void bad_files(void **state)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_tree_ struct tree t;
	struct sharers s;
	struct err e = { "" };

	expand(&t);
	gone(&t, LXC);
	assert_int_equal(root_mkdir_p(&t.root, LXC "200.conf", 0755), 0);
	tree_put(&t, LXC "201.conf", "dev0: /dev/dri/card0\n");
	assert_int_equal(root_write_file(&t.root, LXC "201.conf", "dev0: /dev/dri/card0\n\0", 22, 0644), 0);
	tree_link(&t, LXC "202.conf", "203.conf");
	tree_put(&t, LXC "203.conf", "dev0: /dev/dri/card0\n");
	sharers_are(&t, "01:00", "203 dev0 /dev/dri/card0 dri/card0.0 number 226:0 there\n");
	card_load(&t, "01:00", &card);
	gone(&t, "/etc/pve/ha/resources.cfg");
	assert_int_equal(root_mkdir_p(&t.root, "/etc/pve/ha/resources.cfg", 0755), 0);
	assert_int_equal(sharing_load(&t.root, &card, NULL, &s, &e), -EISDIR);
	assert_true(e.text[0]);
}

static void without_proxmox(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	gone(&t, "/etc/pve");
	sharers_are(&t, "01:00", "");
}

/* Of what lies outside /dev nothing is left to be looked at. */
static void only_dev(void **state)
{
	_cleanup_container_list_ struct container_list l = { 0 };
	_cleanup_text_ struct text have = { 0 };
	_cleanup_tree_ struct tree t;
	struct err e;

	tree_expand(&t, "containers");
	tree_put(&t, LXC "201.conf", "dev0: /dev/dri/renderD128\n"
				     "lxc.mount.entry: /mnt/nfs/data mnt none bind,create=dir\n"
				     "lxc.cgroup2.devices.allow: c 226:* rwm\n"
				     "lxc.mount.entry: /dev/dri dev/dri none bind,create=dir\n"
				     "lxc.mount.entry: /devices dev/x none bind,create=dir\n");
	assert_int_equal(container_list_load(&t.root, &l, &e), 0);
	container_list_keep_dev(&l);
	for (size_t i = 0; i < l.n; i++)
		for (size_t d = 0; d < l.v[i].devices.n && l.v[i].cfg.vmid == 201; d++)
			text_addf(&have, "%s ", l.v[i].devices.v[d].path ? l.v[i].devices.v[d].path : "-");
	assert_string_equal(text_str(&have), "/dev/dri/renderD128 - /dev/dri ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_its_own), cmocka_unit_test(what_is_known_of_a_container),
		cmocka_unit_test(away),		cmocka_unit_test(taken),
		cmocka_unit_test(exchanged),	cmocka_unit_test(renumbered),
		cmocka_unit_test(shared),	cmocka_unit_test(nvidia),
		cmocka_unit_test(shared_memory), cmocka_unit_test(directories),
		cmocka_unit_test(unsure),	cmocka_unit_test(bad_files),
		cmocka_unit_test(without_proxmox), cmocka_unit_test(only_dev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
