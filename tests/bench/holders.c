/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holders NODE: which processes of this machine hold the node, by lib/host/holders.c: what `lsof NODE` is asked. */
#include "host/holders.h"

int main(int argc, char **argv)
{
	struct holder_list l = { 0 };
	struct node node = { .name = "node" };
	const struct node_list nodes = { .v = &node, .n = 1 };
	struct root root;
	struct err e = { "no NODE was given" };

	if (argc != 2 || root_open_dir(&root, "/", &e) < 0 || node_rdev(&root, argv[1], &node.dev) < 0 ||
	    holders_find(&root, &nodes, NULL, &l, &e) < 0) {
		fprintf(stderr, "holders: %s\n", e.text);
		return 2;
	}
	printf("%zu processes\n", l.n);
	holder_list_done(&l);
	root_close(&root);
	return 0;
}
