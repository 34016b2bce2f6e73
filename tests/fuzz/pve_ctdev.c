/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's configuration: what it gives has paths that are absolute and targets that stay in the container. */
#include <sys/sysmacros.h>

#include "pve/ctdev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inspect(const struct config *cfg, const struct ctdev *d)
{
	struct ctdev copy;

	if (d->line >= cfg->n_lines || strcmp(cfg->lines[d->line].key, d->key) != 0 || cfg->lines[d->line].section != CONFIG_CURRENT)
		abort();
	if ((d->kind == CTDEV_ALLOW) != !d->target || (d->kind != CTDEV_ALLOW && !d->path) || (d->path && *d->path != '/'))
		abort();
	if (d->target && (*d->target != '/' || strstr(d->target, "/../") || strlen(d->target) < 2))
		abort();
	if (ctdev_is_wildcard(d) && !ctdev_allows(d, makedev(d->major, d->minor)) && d->type != 'b')
		abort();
	if (ctdev_copy(d, &copy) == 0)
		ctdev_done(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_ctdev_list_ struct ctdev_list l = { 0 };

	if (config_parse((const char *)data, size, GUEST_CT, &cfg) < 0)
		return 0;
	cfg.vmid = 200;
	if (ctdev_all(&cfg, &l) < 0)
		return 0;
	for (size_t i = 0; i < l.n; i++)
		inspect(&cfg, &l.v[i]);
	return 0;
}
