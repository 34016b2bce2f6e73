/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of gpupt.conf's parser: what its two files share. Nobody else includes this. */
#ifndef GPUPT_SETTINGS_PARSER_H
#define GPUPT_SETTINGS_PARSER_H

#include "policy/settings.h"

struct parser {
	struct settings s;
	const char *name;
	struct strv seen; /* "section\nkey": inih gives a repeated key and a continuation line in the same way */
	struct err *e;
	int r;
	const char *next; /* what is left of the text */
	int line;
	struct gpu_settings *gpu; /* of the present section */
	struct vm_settings *vm;
	char section[64];
	char shown[2][81]; /* two pieces of the file for one sentence */
	unsigned int next_shown;
};

/* What an error quotes, cut and fit for a terminal. */
const char *parser_shown(struct parser *p, const char *s);
/* One key of [defaults] or [gpu …], of [vm …]. 0, -EINVAL with its sentence, -ENOMEM. */
int parser_set_gpu_key(struct parser *p, struct gpu_settings *g, const char *key, const char *value);
int parser_set_vm_key(struct parser *p, struct vm_settings *v, const char *key, const char *value);

#endif
