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
	struct ct_settings *ct;
	struct host_settings *host;
	char section[64];
	char shown[2][81]; /* two pieces of the file for one sentence */
	unsigned int next_shown;
};

/* What an error quotes, cut and fit for a terminal. */
const char *parser_shown(struct parser *p, const char *s);
/* -EINVAL with the sentence: what is accepted in a value's place, or which keys there are. */
int parser_refuse(struct parser *p, const char *key, const char *value, const char *accepted);
int parser_unknown_key(struct parser *p, const char *key, const char *known);
/* What every number of seconds may be: 1 to 600. 0 or -EINVAL, without a sentence. */
int parser_parse_seconds(const char *value, unsigned int *ret);
/* Values that several sections have. 0 or -EINVAL with the sentence. */
int parser_seconds(struct parser *p, const char *key, const char *value, unsigned int *ret);
int parser_bool(struct parser *p, const char *key, const char *value, bool *ret);
int parser_containers(struct parser *p, const char *key, const char *value, enum containers *ret);
/* [vm NAME], [ct NAME]. 0, -EINVAL with the sentence, -ENOMEM. */
int parser_open_vm(struct parser *p, const char *name);
int parser_open_ct(struct parser *p, const char *name);
/* One key of [defaults] or [gpu …], of [host], of [vm …], of [ct …]. 0, -EINVAL with its sentence, -ENOMEM. */
int parser_set_gpu_key(struct parser *p, struct gpu_settings *g, const char *key, const char *value);
int parser_set_host_key(struct parser *p, struct host_settings *h, const char *key, const char *value);
int parser_set_vm_key(struct parser *p, struct vm_settings *v, const char *key, const char *value);
int parser_set_ct_key(struct parser *p, struct ct_settings *c, const char *key, const char *value);

#endif
