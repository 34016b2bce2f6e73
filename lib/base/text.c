/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "base/text.h"

static bool text_room(struct text *t, size_t n)
{
	size_t size = t->size ? t->size : 64;
	char *s;

	if (t->r < 0)
		return false;
	if (t->s && t->size - t->len > n)
		return true;
	while (size - t->len <= n)
		size *= 2;
	s = realloc(t->s, size);
	if (!s) {
		t->r = -ENOMEM;
		return false;
	}
	t->s = s;
	t->size = size;
	return true;
}

void text_add_n(struct text *t, const char *s, size_t n)
{
	if (!text_room(t, n))
		return;
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && text_room(t, (size_t)n)) {
		vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void text_join(struct text *t, const char *sep, const char *s)
{
	if (t->len > 0)
		text_add(t, sep);
	text_add(t, s);
}

const char *text_str(const struct text *t)
{
	return t->s ? t->s : "";
}

char *text_take(struct text *t)
{
	text_add_n(t, "", 0);
	if (t->r < 0)
		return NULL;
	t->len = t->size = 0;
	return TAKE_PTR(t->s);
}

void text_done(struct text *t)
{
	free(t->s);
	*t = (struct text){ 0 };
}

int strv_add(struct strv *l, const char *s)
{
	_cleanup_free_ char *copy = strdup(s);
	char **v;

	if (!copy)
		return -ENOMEM;
	v = realloc(l->v, (l->n + 2) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = TAKE_PTR(copy);
	v[l->n] = NULL;
	return 0;
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare_strings);
}

void strv_done(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv){ 0 };
}

char *str_trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

char *str_line(char **p)
{
	char *line = *p, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	*p = end;
	return line;
}

int parse_uint(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*s || (*s == '0' && s[1]))
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return -ERANGE;
	}
	if (n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

int parse_hex(const char *s, unsigned int digits, uint32_t *ret)
{
	size_t n = strlen(s);

	if (n == 0 || n > digits || n > 8 || strspn(s, "0123456789abcdefABCDEF") != n)
		return -EINVAL;
	*ret = (uint32_t)strtoul(s, NULL, 16);
	return 0;
}

int parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "1", "on", "yes", "true" };
	static const char *const no[] = { "0", "off", "no", "false" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(s, yes[i]) == 0) {
			*ret = true;
			return 0;
		}
		if (strcasecmp(s, no[i]) == 0) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_vmid(const char *s, unsigned int *ret)
{
	uint64_t n;

	if (parse_uint(s, 999999999, &n) < 0 || n < 100)
		return -EINVAL;
	*ret = (unsigned int)n;
	return 0;
}

char *str_printable(char *s)
{
	for (char *p = s; *p; p++)
		if (iscntrl((unsigned char)*p) || (unsigned char)*p >= 0x7f)
			*p = '?';
	return s;
}
