/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file step: a whole text file, replaced atomically; absent is a value, too. Its target is the path, with mode and owner behind it
 * where a file that has to be made gets others than 0644 and ours: "/etc/initramfs-tools/hooks/gpupt mode=0755,owner=0:0". One that is
 * there keeps its own.
 */
#include <errno.h>

#include "plan/file.h"
#include "plan/textfile.h"

#define OWNER_MAX (UINT32_MAX - 1) /* the last number means none */

/* "mode=0755,owner=0:0" and nothing else. */
static int own_parse(const char *s, struct root_own *ret)
{
	char mode[5], uid[11], gid[11];
	uint64_t u, g;
	int end = 0;

	if (sscanf(s, "mode=%4[0-7],owner=%10[0-9]:%10[0-9]%n", mode, uid, gid, &end) != 3 || s[end])
		return -EINVAL;
	if (strlen(mode) != 4 || mode[0] != '0' || parse_uint(uid, OWNER_MAX, &u) < 0 || parse_uint(gid, OWNER_MAX, &g) < 0)
		return -EINVAL;
	*ret = (struct root_own){ (mode_t)strtoul(mode, NULL, 8), (uid_t)u, (gid_t)g };
	return 0;
}

void file_target(const char *path, mode_t mode, uid_t uid, gid_t gid, struct text *ret)
{
	text_add(ret, path);
	if (mode != 0644 || uid != 0 || gid != 0 || strstr(path, " mode=") || strstr(path, " owner="))
		text_addf(ret, " mode=%04o,owner=%u:%u", mode & 0777U, uid, gid);
}

int file_target_parse(const char *target, char ret_path[static PATH_MAX], struct root_own *ret, struct err *e)
{
	struct root_own own = { 0644, (uid_t)-1, (gid_t)-1 };
	const char *rest;
	int k;

	/* a word that may be meant for one has to be one: a mode that is not understood must not become part of a path */
	if (strstr(target, " mode=") || strstr(target, " owner=")) {
		k = textfile_split(target, true, ret_path, &rest);
		if (k == 0)
			k = own_parse(rest, &own);
	} else {
		size_t n = strlen(target);

		k = target[0] != '/' || n < 2 || target[n - 1] == '/' || n >= PATH_MAX ? -EINVAL : 0;
		if (k == 0)
			memcpy(ret_path, target, n + 1);
	}
	if (k < 0)
		return err_set(e, k, "'%s' is not a file's path, with or without mode=0NNN,owner=UID:GID", target);
	*ret = own;
	return 0;
}

static int file_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct root_own own;
	int k = file_target_parse(s->target, path, &own, e);

	if (k == 0)
		k = textfile_read(en->root, path, &text, e);
	if (k < 0 && k != -ENOENT)
		return k;
	*ret = TAKE_PTR(text);
	return 0;
}

static int file_remove(const struct root *r, const char *path, struct err *e)
{
	int k = root_unlink(r, path);

	if (k == 0)
		k = root_sync_name(r, path);
	return k < 0 ? err_errno(e, k, "cannot remove %s", path) : 0;
}

static int file_set(const struct engine *en, const struct step *s, struct err *e)
{
	char path[PATH_MAX];
	struct root_own own;
	int k = file_target_parse(s->target, path, &own, e);

	if (k < 0)
		return k;
	/* in a copy of a tree that a plain user has, all files are his */
	if (!root_is_real(en->root) && geteuid() != 0)
		own.uid = own.gid = (uid_t)-1;
	return s->after ? textfile_write(en->root, path, s->after, &own, e) : file_remove(en->root, path, e);
}

static void file_tidy(const struct engine *en, const struct step *s)
{
	char path[PATH_MAX];
	struct root_own own;

	if (file_target_parse(s->target, path, &own, NULL) == 0)
		root_drop_temporary(en->root, path);
}

const struct step_kind step_file = {
	.name = "file",
	.survives_reboot = true,
	.get = file_get,
	.set = file_set,
	.tidy = file_tidy,
};
