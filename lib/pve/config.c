/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "pve/config.h"
#include "pve/property.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

/* What the header above a line says. */
struct heading {
	enum config_section section;
	const char *name;
};

char *config_path(char buf[static PATH_MAX], enum guest_kind kind, unsigned int vmid)
{
	return path_f(buf, "/etc/pve/%s/%u.conf", kind == GUEST_CT ? "lxc" : "qemu-server", vmid);
}

/* [a-z][a-z0-9_-]+ in any case, the name of a snapshot. */
static bool snapshot_name(const char *s)
{
	return isalpha((unsigned char)s[0]) && s[1] && s[strspn(s, LOWER UPPER DIGIT "_-")] == '\0';
}

/* Is s a section header? Then the name is cut out of it. */
static bool parse_header(enum guest_kind kind, char *s, struct heading *ret)
{
	char *end = s + strcspn(s, "]");
	char *name = s + 1;

	if (*s != '[' || *end != ']' || *str_trim(end + 1))
		return false;
	*end = '\0';
	if (strcasecmp(name, kind == GUEST_CT ? "pve:pending" : "PENDING") == 0) {
		*ret = (struct heading){ CONFIG_PENDING, name };
		return true;
	}
	if (snapshot_name(name)) {
		*ret = (struct heading){ CONFIG_SNAPSHOT, name };
		return true;
	}
	if (kind == GUEST_CT) {
		*end = ']';
		return false;
	}
	*ret = (struct heading){ strncasecmp(name, "special:", 8) == 0 ? CONFIG_SPECIAL : CONFIG_UNKNOWN,
				 name };
	return true;
}

/* "lxc.something: value" or "lxc.something = value"; the value may be missing. */
static bool parse_lxc(char *s, struct config_line *l)
{
	char *end, *sep;

	if (!str_starts(s, "lxc."))
		return false;
	end = s + 4 + strspn(s + 4, LOWER DIGIT "_-.");
	sep = *end == ':' ? end : end + strspn(end, " \t\r\f\v");
	if (end == s + 4 || (*sep != ':' && *sep != '=') || (*sep == ':' && sep != end))
		return false;
	*end = '\0';
	l->type = CONFIG_LXC;
	l->key = s;
	l->value = str_trim(sep + 1);
	return true;
}

/* "key: value"; containers have no '-' in a key. Something must follow the colon, be it a blank. */
static bool parse_key(enum guest_kind kind, char *s, struct config_line *l)
{
	char *end = s;

	if (*s < 'a' || *s > 'z')
		return false;
	end += strspn(s, kind == GUEST_CT ? LOWER "_" : LOWER "_-");
	end += strspn(end, DIGIT);
	if (*end != ':' || !end[1])
		return false;
	*end = '\0';
	l->type = CONFIG_KEY;
	l->key = s;
	l->value = str_trim(end + 1);
	return true;
}

/* Fills l from its line s, which is cut into key and value. */
static void parse_line(enum guest_kind kind, char *s, struct heading *head, struct config_line *l)
{
	bool known;

	if (s[strspn(s, " \t\r\f\v")] == '\0') {
		l->type = CONFIG_BLANK;
	} else if (parse_header(kind, s, head)) {
		l->type = CONFIG_HEADER;
		l->value = head->name;
	} else if (head->section == CONFIG_UNKNOWN) {
		l->type = CONFIG_BAD;
	} else if (*s == '#') {
		l->type = CONFIG_COMMENT;
		l->value = s + 1;
	} else {
		known = (kind == GUEST_CT && parse_lxc(s, l)) || parse_key(kind, s, l);
		if (!known)
			l->type = CONFIG_BAD;
	}
	l->section = head->section;
	l->snapshot = head->name;
}

static size_t count_lines(const char *s, size_t len)
{
	size_t n = 0;

	for (const char *end = s + len; s < end; n++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		s = nl ? nl + 1 : end;
	}
	return n;
}

static void parse_lines(struct config *cfg)
{
	struct heading head = { CONFIG_CURRENT, NULL };
	size_t at = 0;

	for (size_t i = 0; i < cfg->n_lines; i++) {
		const char *nl = memchr(cfg->raw + at, '\n', cfg->raw_len - at);
		size_t len = nl ? (size_t)(nl - cfg->raw) - at : cfg->raw_len - at;
		struct config_line *l = &cfg->lines[i];

		l->raw = cfg->raw + at;
		l->raw_len = len + (nl ? 1 : 0);
		cfg->cooked[at + len] = '\0';
		parse_line(cfg->kind, cfg->cooked + at, &head, l);
		at += l->raw_len;
	}
}

int config_parse(const char *data, size_t len, enum guest_kind kind, struct config *ret)
{
	_cleanup_config_ struct config cfg = { .kind = kind, .raw_len = len };

	if (len > CONFIG_MAX)
		return -EFBIG;
	if (len > 0 && memchr(data, '\0', len))
		return -EBADMSG;
	cfg.n_lines = count_lines(data, len);
	cfg.raw = calloc(1, len + 1);
	cfg.cooked = calloc(1, len + 1);
	cfg.lines = calloc(cfg.n_lines + 1, sizeof(*cfg.lines));
	if (!cfg.raw || !cfg.cooked || !cfg.lines)
		return -ENOMEM;
	if (len > 0) {
		memcpy(cfg.raw, data, len);
		memcpy(cfg.cooked, data, len);
	}
	parse_lines(&cfg);
	*ret = cfg;
	cfg = (struct config){ 0 };
	return 0;
}

int config_load(const struct root *r, enum guest_kind kind, unsigned int vmid, struct config *ret,
		struct err *e)
{
	char path[PATH_MAX];

	return config_load_file(r, config_path(path, kind, vmid), kind, vmid, ret, e);
}

int config_load_file(const struct root *r, const char *path, enum guest_kind kind, unsigned int vmid, struct config *ret,
		     struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	int k = root_read(r, path, CONFIG_MAX, &data, &len);

	if (k == -ENOENT)
		return err_set(e, k, "Configuration file '%s' does not exist", path);
	if (k == -EFBIG)
		return err_set(e, k, "Configuration file '%s' is longer than %d bytes, which no guest's is",
			       path, CONFIG_MAX);
	if (k == 0)
		k = config_parse(data, len, kind, ret);
	if (k == -EBADMSG)
		return err_set(e, k, "Configuration file '%s' contains a NUL byte", path);
	if (k < 0)
		return err_errno(e, k, "cannot read configuration file '%s'", path);
	ret->vmid = vmid;
	return 0;
}

void config_done(struct config *cfg)
{
	free(cfg->raw);
	free(cfg->cooked);
	free(cfg->lines);
	*cfg = (struct config){ 0 };
}

const struct config_line *config_next(const struct config *cfg, const char *prefix,
				      const struct config_line *prev)
{
	size_t n = strlen(prefix);

	for (size_t i = prev ? (size_t)(prev - cfg->lines) + 1 : 0; i < cfg->n_lines; i++) {
		const struct config_line *l = &cfg->lines[i];

		/* no header leads back to the current section */
		if (l->section != CONFIG_CURRENT)
			return NULL;
		if (l->key && strncmp(l->key, prefix, n) == 0)
			return l;
	}
	return NULL;
}

const char *config_get(const struct config *cfg, const char *key)
{
	const char *value = NULL;

	config_foreach(l, cfg, key) if (str_eq(l->key, key)) value = l->value;
	return value;
}

bool config_get_bool(const struct config *cfg, const char *key, bool dflt)
{
	const char *value = config_get(cfg, key);
	bool b;

	return value && parse_bool(value, &b) == 0 ? b : dflt;
}

/* A '!' has it go by force: parse_pending_delete() in PVE/AbstractConfig.pm. */
bool config_is_to_go(const struct config *cfg, const char *key)
{
	char forced[64];

	snprintf(forced, sizeof(forced), "!%s", key);
	for (size_t i = 0; i < cfg->n_lines; i++) {
		const struct config_line *l = &cfg->lines[i];

		if (l->section == CONFIG_PENDING && l->value && str_eq(l->key, "delete") &&
		    (property_list_has(l->value, key) || property_list_has(l->value, forced)))
			return true;
	}
	return false;
}

/* Appends s, its %XX as bytes (decode_text() in PVE/ParseUtils.pm); what would be a NUL stays. */
static void add_decoded(struct text *t, const char *s)
{
	while (*s) {
		size_t plain = strcspn(s, "%");
		char hex[3] = { 0 };
		uint32_t byte;

		text_add_n(t, s, plain);
		s += plain;
		if (!*s)
			break;
		memcpy(hex, s + 1, strnlen(s + 1, 2));
		if (strlen(hex) == 2 && parse_hex(hex, 2, &byte) == 0 && byte != 0) {
			char c = (char)byte;

			text_add_n(t, &c, 1);
			s += 3;
		} else {
			text_add_n(t, s++, 1);
		}
	}
}

void config_description(const struct config *cfg, struct text *ret)
{
	size_t start = ret->len;

	for (size_t i = 0; i < cfg->n_lines && cfg->lines[i].section == CONFIG_CURRENT; i++) {
		const struct config_line *l = &cfg->lines[i];

		if (l->type == CONFIG_COMMENT) {
			add_decoded(ret, l->value);
			text_add(ret, "\n");
		} else if (str_eq(l->key, "description")) {
			add_decoded(ret, l->value);
		}
	}
	while (ret->len > start && isspace((unsigned char)ret->s[ret->len - 1]))
		ret->s[--ret->len] = '\0';
}

void config_write(const struct config *cfg, struct text *ret)
{
	for (size_t i = 0; i < cfg->n_lines; i++)
		text_add_n(ret, cfg->lines[i].raw, cfg->lines[i].raw_len);
}
