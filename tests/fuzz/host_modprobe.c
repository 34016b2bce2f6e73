/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe's lines and the lists of modules: names are single words, places are within the file and in its order. */
#include "host/modload.h"
#include "host/modprobe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conf_place *at, const char *module, unsigned int before, unsigned int lines)
{
	if (!*module || strpbrk(module, " \n") || at->line <= before || at->last < at->line || at->last > lines)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_modprobe_ struct modprobe m = { 0 };
	_cleanup_modload_ struct modload l = { 0 };
	unsigned int lines = 1, before = 0;

	if (!text || modprobe_parse(text, "f", &m) < 0 || modload_parse(text, "f", size & 1, &l) < 0)
		return 0;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	for (size_t i = 0; i < m.n; i++) {
		check(&m.v[i].at, m.v[i].module, before, lines);
		before = m.v[i].at.last;
		modprobe_softdep_pre(&m.v[i], "vfio_pci");
		if (modprobe_is_nothing(&m.v[i]) && m.v[i].kind != MODPROBE_INSTALL)
			abort();
	}
	before = 0;
	for (size_t i = 0; i < l.n; i++) {
		check(&l.v[i].at, l.v[i].module, before, lines);
		before = l.v[i].at.last;
	}
	return 0;
}
