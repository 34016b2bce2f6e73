/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper/wrap.h"

#define WIDTH_MIN 20

void wrap_words(const char *s, size_t width, struct text *ret)
{
	size_t column = 0;

	while (*s) {
		size_t n = strcspn(s, " ");

		if (column > 0 && column + 1 + n > width) {
			text_add(ret, "\n");
			column = 0;
		} else if (column > 0) {
			text_add(ret, " ");
			column++;
		}
		text_add_n(ret, s, n);
		column += n;
		s += n;
		s += strspn(s, " ");
	}
}

void wrap_widths(const size_t *natural, size_t n, size_t left, size_t *ret)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += natural[i];
	for (size_t i = 0; i < n; i++) {
		ret[i] = sum <= left ? natural[i] : natural[i] * left / sum;
		if (ret[i] < WIDTH_MIN)
			ret[i] = WIDTH_MIN;
	}
}
