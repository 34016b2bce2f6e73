/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/exec.h"
#include "host/nodes.h"
#include "plan/nvidia.h"

#define SMI_MS	10000 /* a card that nobody has open is initialised for the answer, which takes a second or more */
#define NODE_MS 3000

static unsigned int smi_ms(const struct engine *en)
{
	return en->job_timeout_ms < SMI_MS ? en->job_timeout_ms : SMI_MS;
}

/* A program that was ended at its deadline leaves nothing in flight: that is not what a step means by -ETIMEDOUT. */
static int ended(int k)
{
	return k == -ETIMEDOUT ? -ETIME : k;
}

int nvidia_persistence_parse(const char *text, bool *ret)
{
	static const struct {
		const char *word;
		bool on;
	} words[] = { { NVIDIA_ENABLED, true }, { NVIDIA_DISABLED, false } };
	size_t n = strcspn(text, "\n");

	if (text[n] && text[n + 1])
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].word) != n || strncmp(text, words[i].word, n) != 0)
			continue;
		*ret = words[i].on;
		return 0;
	}
	return -EBADMSG;
}

int nvidia_persistence_get(const struct engine *en, struct bdf b, bool *ret, struct err *e)
{
	char name[BDF_LEN];
	char *argv[] = { (char[]){ "nvidia-smi" }, (char[]){ "-i" }, bdf_format(b, name), (char[]){ "--query-gpu=persistence_mode" },
			 (char[]){ "--format=csv,noheader" }, NULL };
	_cleanup_exec_ struct exec_result res = { 0 };
	int k = ended(exec_run(en->root, argv, smi_ms(en), &res, e));

	if (k == 0)
		k = exec_verdict(argv[0], &res, e);
	if (k < 0)
		return k;
	if (res.output && nvidia_persistence_parse(res.output, ret) == 0)
		return 0;
	return err_set(e, -EBADMSG, "nvidia-smi says '%.60s' of the persistence mode of %s",
		       res.output ? str_printable(str_trim(res.output)) : "", name);
}

int nvidia_persistence_set(const struct engine *en, struct bdf b, bool on, struct err *e)
{
	char name[BDF_LEN];
	char *argv[] = { (char[]){ "nvidia-smi" }, (char[]){ "-i" }, bdf_format(b, name), (char[]){ "-pm" },
			 on ? (char[]){ "1" } : (char[]){ "0" }, NULL };

	return ended(exec_check(en->root, argv, smi_ms(en), e));
}

static bool node_is_there(const struct root *r, const struct node *n)
{
	char path[PATH_MAX];
	dev_t dev;

	return node_rdev(r, path_f(path, "/dev/%s", n->name), &dev) == 0 && dev == n->dev;
}

int nvidia_node_make(const struct engine *en, struct bdf b, struct err *e)
{
	char name[BDF_LEN], number[16];
	char *argv[] = { (char[]){ "nvidia-modprobe" }, (char[]){ "-c" }, number, NULL };
	struct err said = { "" };
	struct node node;
	uint64_t deadline;

	bdf_format(b, name);
	if (nodes_nvidia_card(en->root, b, &node) < 0) {
		err_set(e, 0, "%s is on " NVIDIA_DRIVER ", which does not say what its node is: it may be missing below /dev", name);
		return 1;
	}
	snprintf(number, sizeof(number), "%u", minor(node.dev));
	exec_check(en->root, argv, NODE_MS, &said);
	/* on some hosts a udev rule makes it, behind the bind */
	for (deadline = now_ms() + NODE_MS; !node_is_there(en->root, &node); sleep_ms(20)) {
		if (now_ms() < deadline)
			continue;
		err_set(e, 0, "/dev/%s, the node of %s, is not there%s%s", node.name, name, said.text[0] ? ": " : "", said.text);
		return 1;
	}
	return 0;
}
