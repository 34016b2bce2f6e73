/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device nodes of PCI functions, by number. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "helper/capture.h"
#include "host/pci.h"

/* /sys/dev/char/MAJOR:MINOR is there as long as a driver stands behind the number. */
static void number_link(struct capture *c, dev_t dev)
{
	char path[PATH_MAX], real[PATH_MAX];

	path_f(path, "/sys/dev/char/%u:%u", major(dev), minor(dev));
	if (capture_resolve(c, path, real))
		capture_dir(c, real);
}

void capture_cards(struct capture *c)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	char path[PATH_MAX];
	int k = pci_dir_functions(c->root, "/sys/bus/pci/devices", &all);

	if (k == 0)
		k = pci_outline_list(c->root, &all, &fns, NULL);
	for (size_t i = 0; k == 0 && i < fns.n; i++)
		k = nodes_add(c->root, &fns.v[i], &c->nodes);
	if (k == -ENOMEM)
		c->r = k;
	for (size_t i = 0; i < c->nodes.n; i++) {
		const struct node *n = &c->nodes.v[i];

		if (root_exists(c->root, path_f(path, "/dev/%s", n->name)))
			capture_node(c, path, n->dev);
		number_link(c, n->dev);
	}
}
