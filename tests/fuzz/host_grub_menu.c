/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GRUB's menu and its environment block, of which the text behind the first NUL is one: what boots next is an entry. */
#include "host/grub_menu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size), *env = NULL;
	size_t n = text ? strlen(text) : 0;
	_cleanup_grub_menu_ struct grub_menu m = { 0 };
	const struct grub_item *next;

	if (n < size)
		env = strndup((const char *)data + n + 1, size - n - 1);
	if (!text || grub_menu_parse(text, &m) < 0 || (env && grub_env_parse(env, &m) < 0))
		return 0;
	for (size_t i = 0; i < m.n; i++) {
		const struct grub_item *v = &m.v[i];

		if (!v->title || !v->id || v->parent >= (int)i || !v->release[0] != !v->params)
			abort();
		if (v->parent >= 0 && !m.v[v->parent].submenu)
			abort();
		for (size_t k = 0; k < i; k++)
			if (m.v[k].parent == v->parent && m.v[k].pos >= v->pos)
				abort();
	}
	next = grub_menu_next(&m);
	if (next && (next->submenu || next < m.v || next >= m.v + m.n))
		abort();
	return 0;
}
