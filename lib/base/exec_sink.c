/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exec_child.h"
#include "base/exec_sink.h"

static int take_line(struct exec_sink *s)
{
	if (s->t.r < 0)
		return s->t.r;
	s->whole = true;
	return s->fn(s->ctx, text_str(&s->t));
}

static void begin_line(struct exec_sink *s)
{
	if (s->whole)
		s->t.len = 0;
	s->whole = false;
}

int exec_sink_take(struct exec_sink *s, const char *p, size_t n)
{
	int k = 0;

	if (!s->fn) {
		if (s->t.len + n <= EXEC_OUTPUT_MAX)
			text_add_n(&s->t, p, n);
		return 0;
	}
	while (k == 0 && n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n, room;

		begin_line(s);
		room = EXEC_LINE_MAX - s->t.len;
		text_add_n(&s->t, p, len < room ? len : room);
		if (end)
			k = take_line(s);
		len += !!end;
		p += len;
		n -= len;
	}
	return k;
}

int exec_sink_end(struct exec_sink *s)
{
	return s->fn && !s->whole && s->t.len ? take_line(s) : 0;
}

void exec_sink_done(struct exec_sink *s)
{
	text_done(&s->t);
}
