/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <string.h>

#include "base/err.h"

static _printf_(2, 0) void err_vset(struct err *e, const char *fmt, va_list ap)
{
	/* the sentence may quote e->text itself */
	struct err next;

	vsnprintf(next.text, sizeof(next.text), fmt, ap);
	*e = next;
}

int err_set(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return r;
	va_start(ap, fmt);
	err_vset(e, fmt, ap);
	va_end(ap);
	return r;
}

int err_errno(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!e)
		return r;
	va_start(ap, fmt);
	err_vset(e, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(r < 0 ? -r : r));
	return r;
}
