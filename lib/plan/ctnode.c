/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "host/pci.h"
#include "plan/ctnode.h"

void ctnode_done(struct ctnode *n)
{
	free(n->path);
	free(n->from);
	n->path = n->from = NULL;
}

/* Is it one to three letters of "rwm", each once at most? */
static bool is_access(const char *s, size_t n)
{
	return n > 0 && n <= 3 && strspn(s, "rwm") >= n && (n < 2 || s[0] != s[1]) && (n < 3 || (s[0] != s[2] && s[1] != s[2]));
}

/* Is it among the accesses, which have a '+' between them? */
static bool has_access(const char *all, const char *s, size_t n)
{
	for (const char *p = all; *p; p += strcspn(p, "+"), p += *p == '+')
		if (strcspn(p, "+") == n && strncmp(p, s, n) == 0)
			return true;
	return false;
}

void ctnode_allow(struct ctnode *n, const char *access)
{
	size_t used = strlen(n->allow), len = strlen(access);

	if (!is_access(access, len) || has_access(n->allow, access, len) || used + 1 + len >= sizeof(n->allow))
		return;
	snprintf(n->allow + used, sizeof(n->allow) - used, "%s%s", used ? "+" : "", access);
}

/* A path as one word: '%', blanks and what is no character are %XX. */
static void path_escape(const char *path, struct text *t)
{
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c > ' ' && c != '%' && c != 0x7f)
			text_add_n(t, path, 1);
		else
			text_addf(t, "%%%02X", (unsigned int)c);
	}
}

void ctnode_target(const struct ctnode *n, struct text *t)
{
	char name[BDF_LEN];

	text_addf(t, "lxc/%u %s %s %s %u:%u init=%d,%llu allow=%s %s=", n->vmid, bdf_format(n->bdf, name), n->identity, n->role,
		  major(n->dev), minor(n->dev), (int)n->init.pid, (unsigned long long)n->init.start, n->allow[0] ? n->allow : "-",
		  n->from ? "dir" : "node");
	path_escape(n->path, t);
	if (n->from) {
		text_add(t, " from=");
		path_escape(n->from, t);
	}
}

static int accesses_parse(const char *s, struct ctnode *n)
{
	char one[4];

	if (str_eq(s, "-"))
		return 0;
	for (const char *p = s; *p; p += strcspn(p, "+"), p += *p == '+') {
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(p, "+"), p);
		ctnode_allow(n, one);
	}
	return str_eq(s, n->allow) ? 0 : -EINVAL;
}

/* "226:128" */
static int number_parse(char *s, dev_t *ret)
{
	char *colon = strchr(s, ':');
	uint64_t major_, minor_;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (parse_uint(s, UINT32_MAX, &major_) < 0 || parse_uint(colon + 1, UINT32_MAX, &minor_) < 0)
		return -EINVAL;
	*ret = makedev((unsigned int)major_, (unsigned int)minor_);
	return 0;
}

/* "4711,123456" */
static int init_parse(char *s, struct proc_id *ret)
{
	char *comma = strchr(s, ',');
	uint64_t pid;

	if (!comma)
		return -EINVAL;
	*comma = '\0';
	if (parse_uint(s, INT32_MAX, &pid) < 0 || pid == 0 || parse_uint(comma + 1, UINT64_MAX, &ret->start) < 0)
		return -EINVAL;
	ret->pid = (pid_t)pid;
	return 0;
}

/* What stands behind key in the word; NULL if that is another word. */
static char *value_of(char *word, const char *key)
{
	return word && str_starts(word, key) ? word + strlen(key) : NULL;
}

static int words_parse(char *word[static 10], struct ctnode *n)
{
	char *init = value_of(word[5], "init="), *allow = value_of(word[6], "allow="), *node = value_of(word[7], "node="),
	     *dir = value_of(word[7], "dir="), *from = value_of(word[8], "from="), *vmid = value_of(word[0], "lxc/");
	struct pci_id id;
	int k;

	if (!vmid || !init || !allow || (node ? word[8] != NULL : !dir || !from) || word[9])
		return -EINVAL;
	if (parse_vmid(vmid, &n->vmid) < 0 || bdf_parse_full(word[1], &n->bdf) < 0 || pci_id_parse(word[2], &id) < 0 ||
	    strlen(word[3]) >= sizeof(n->role) || number_parse(word[4], &n->dev) < 0 || init_parse(init, &n->init) < 0 ||
	    accesses_parse(allow, n) < 0)
		return -EINVAL;
	pci_id_format(id, n->identity);
	memcpy(n->role, word[3], strlen(word[3]) + 1);
	k = path_unescape(node ? node : dir, &n->path);
	return k < 0 || node ? k : path_unescape(from, &n->from);
}

int ctnode_parse(const char *target, struct ctnode *ret)
{
	_cleanup_free_ char *line = strdup(target);
	_cleanup_text_ struct text again = { 0 };
	_cleanup_ctnode_ struct ctnode n = { 0 };
	char *save = NULL, *word[10] = { 0 };
	int k;

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(word) && (i == 0 || word[i - 1]); i++)
		word[i] = strtok_r(i ? NULL : line, " ", &save);
	k = words_parse(word, &n);
	if (k < 0)
		return k;
	ctnode_target(&n, &again);
	if (!str_eq(target, text_str(&again)))
		return -EINVAL;
	*ret = n;
	n = (struct ctnode){ 0 };
	return 0;
}

int ctnode_value_parse(const char *value, struct ctnode_value *ret)
{
	struct ctnode_value v = { 0 };
	char again[48];
	unsigned int mode;

	if (str_eq(value, CTNODE_HOST)) {
		*ret = (struct ctnode_value){ .host = true };
		return 0;
	}
	if (!value || sscanf(value, "%10u:%10u %4o", &v.uid, &v.gid, &mode) != 3 || mode > 07777)
		return -EINVAL;
	v.mode = mode;
	snprintf(again, sizeof(again), "%u:%u %04o", v.uid, v.gid, v.mode);
	if (!str_eq(value, again))
		return -EINVAL;
	*ret = v;
	return 0;
}
