/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <ini.h>

#include "policy/settings_parser.h"

/* inih silently cuts a line at 200 bytes (INI_MAX_LINE), so longer ones are refused before it sees them. */
#define LINE_MAX_LEN 198

static int open_gpu(struct parser *p, const char *name)
{
	struct gpu_settings *g;
	struct bdf b;

	if (bdf_parse(name, &b) < 0)
		return err_set(p->e, -EINVAL, "%s line %d: [gpu %s] names no card: use an address such as 0000:01:00.0",
			       p->name, p->line, parser_shown(p, name));
	for (size_t i = 0; i < p->s.n_gpus; i++)
		if (bdf_same_slot(p->s.gpus[i].bdf, b))
			return err_set(p->e, -EINVAL, "%s line %d: a second section for the card at %s", p->name, p->line, parser_shown(p, name));
	g = reallocarray(p->s.gpus, p->s.n_gpus + 1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	p->s.gpus = g;
	/* [defaults] stands first, which open_section() sees to */
	p->gpu = &g[p->s.n_gpus++];
	*p->gpu = p->s.defaults;
	p->gpu->bdf = b;
	return 0;
}

static int open_section(struct parser *p, const char *section)
{
	snprintf(p->section, sizeof(p->section), "%s", section);
	p->gpu = NULL;
	p->vm = NULL;
	p->ct = NULL;
	p->host = NULL;
	if (strcmp(section, "host") == 0) {
		p->host = &p->s.host;
		return 0;
	}
	if (strcmp(section, "defaults") == 0) {
		if (p->s.n_gpus > 0)
			return err_set(p->e, -EINVAL, "%s line %d: [defaults] must stand before every [gpu …]", p->name, p->line);
		p->gpu = &p->s.defaults;
		return 0;
	}
	if (str_starts(section, "gpu "))
		return open_gpu(p, section + 4);
	if (str_starts(section, "vm "))
		return parser_open_vm(p, section + 3);
	if (str_starts(section, "ct "))
		return parser_open_ct(p, section + 3);
	return err_set(p->e, -EINVAL, "%s line %d: there is no section [%s]: known are [host], [defaults], [gpu ADDRESS], [vm VMID] and [ct VMID]",
		       p->name, p->line, parser_shown(p, section));
}

static int take(struct parser *p, const char *section, const char *key, const char *value)
{
	_cleanup_text_ struct text seen = { 0 };
	int k = 0;

	if ((!p->gpu && !p->vm && !p->ct && !p->host) || strcmp(p->section, section) != 0)
		k = open_section(p, section);
	if (k < 0)
		return k;
	text_addf(&seen, "%s\n%s", section, key);
	if (strv_has(&p->seen, text_str(&seen)))
		return err_set(p->e, -EINVAL, "%s line %d: '%s' a second time in [%s]", p->name, p->line, parser_shown(p, key),
			       parser_shown(p, section));
	if (strv_add(&p->seen, text_str(&seen)) < 0)
		return -ENOMEM;
	if (p->host)
		return parser_set_host_key(p, p->host, key, value);
	if (p->gpu)
		return parser_set_gpu_key(p, p->gpu, key, value);
	return p->vm ? parser_set_vm_key(p, p->vm, key, value) : parser_set_ct_key(p, p->ct, key, value);
}

/* inih's handler: 0 stops nothing, so the first error is kept and the rest ignored. */
static int handle(void *ctx, const char *section, const char *key, const char *value)
{
	struct parser *p = ctx;

	if (p->r == 0)
		p->r = take(p, section, key, value);
	return p->r == 0;
}

/* fgets() over the text, counting lines and refusing those that inih would cut. */
static char *next_line(char *buf, int size, void *ctx)
{
	struct parser *p = ctx;
	size_t n = strcspn(p->next, "\n");
	const char *header;

	if (!*p->next || p->r < 0)
		return NULL;
	p->line++;
	if (n > LINE_MAX_LEN) {
		p->r = err_set(p->e, -EINVAL, "%s line %d: longer than %d bytes", p->name, p->line, LINE_MAX_LEN);
		return NULL;
	}
	snprintf(buf, (size_t)size, "%.*s", (int)n, p->next);
	p->next += n + (p->next[n] == '\n');
	/* inih tells nobody of a section without keys, and a misspelt one is worth an error */
	header = p->line == 1 && str_starts(buf, "\xef\xbb\xbf") ? buf + 3 : buf;
	header += strspn(header, " \t\v\f\r");
	if (*header == '[' && strchr(header, ']')) {
		char section[LINE_MAX_LEN + 1];

		snprintf(section, sizeof(section), "%.*s", (int)strcspn(header + 1, "]"), header + 1);
		p->r = open_section(p, section);
	}
	return p->r < 0 ? NULL : buf;
}

void settings_default(struct settings *ret)
{
	*ret = (struct settings){
		.defaults = {
			.mode = MODE_SHARED,
			.after_stop = AFTER_STOP_HOST,
			.processes = PROCESSES_REFUSE,
			.vms = VMS_REFUSE,
			.containers = CONTAINERS_HOT,
			.backup = BACKUP_HANDOVER,
			.reset = "auto",
			.reset_at_start = true,
			.reset_at_stop = true,
			.driver_timeout = 10,
			.stop_timeout = 8,
			.shutdown_timeout = 60,
		},
	};
}

int settings_parse(const char *text, const char *name, struct settings *ret, struct err *e)
{
	struct parser p = { .name = name, .next = text, .e = e };
	int bad;

	settings_default(&p.s);
	bad = ini_parse_stream(next_line, &p, handle, &p);
	strv_done(&p.seen);
	/* the first error counts: inih goes on behind a line that it does not understand, the reader stops behind ours */
	if (bad != 0 && (p.r == 0 || bad < p.line))
		p.r = err_set(e, -EINVAL, "%s line %d: neither '[section]' nor 'key = value'", name, bad);
	if (p.r < 0) {
		settings_done(&p.s);
		return p.r;
	}
	*ret = p.s;
	return 0;
}

/* Is header, "[vm 101", in the line, and not the beginning of another VM's? */
static bool line_has(const char *line, size_t len, const char *header)
{
	size_t n = strlen(header);

	for (const char *p; (p = memmem(line, len, header, n)); line = p + n) {
		len -= (size_t)(p + n - line);
		if (len == 0 || p[n] < '0' || p[n] > '9')
			return true;
	}
	return false;
}

bool settings_may_have_vm(const char *text, size_t len, unsigned int vmid)
{
	char header[24];

	snprintf(header, sizeof(header), "[vm %u", vmid);
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len, blanks = 0;

		while (blanks < n && (text[blanks] == ' ' || text[blanks] == '\t'))
			blanks++;
		if (blanks < n && text[blanks] != '#' && text[blanks] != ';' && line_has(text, n, header))
			return true;
		n += end != NULL;
		text += n;
		len -= n;
	}
	return false;
}

void settings_done(struct settings *s)
{
	for (size_t i = 0; i < s->n_vms; i++)
		free(s->vms[i].next);
	free(s->vms);
	free(s->cts);
	free(s->gpus);
	*s = (struct settings){ 0 };
}

const struct gpu_settings *settings_gpu(const struct settings *s, struct bdf b)
{
	for (size_t i = 0; i < s->n_gpus; i++)
		if (bdf_same_slot(s->gpus[i].bdf, b))
			return &s->gpus[i];
	return &s->defaults;
}
