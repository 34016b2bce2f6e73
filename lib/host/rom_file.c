/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "host/rom_file.h"

char *rom_file_path(char path[static PATH_MAX], struct pci_id id)
{
	path_f(path, ROM_DIR "/vbios_%04x_%04x", id.vendor, id.device);
	if (id.subvendor || id.subdevice)
		snprintf(path + strlen(path), 32, "_%04x_%04x", id.subvendor, id.subdevice);
	snprintf(path + strlen(path), 8, ".bin");
	return path;
}

char *rom_file_value(const void *data, size_t len, char value[static ROM_VALUE_LEN])
{
	snprintf(value, ROM_VALUE_LEN, "size=%zu,fnv1a=%016" PRIx64, len, hash_add(HASH_START, data, len));
	return value;
}

bool rom_value_is_good(const char *value)
{
	return value && str_starts(value, "size=");
}

#define OTHER "other ("

char *rom_value_why(const char *value, char *buf, size_t size)
{
	size_t n = strlen(value), from = str_starts(value, OTHER) ? strlen(OTHER) : 0;

	snprintf(buf, size, "%.*s", (int)(n - from - (from != 0)), value + from);
	return buf;
}

static int other(const char *why, char **ret)
{
	return asprintf(ret, OTHER "%s)", why) < 0 ? -ENOMEM : 0;
}

int rom_file_read(const struct root *r, const char *path, struct pci_id id, char **ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	char value[ROM_VALUE_LEN];
	struct err why = { "" };
	struct rom rom;
	struct stat st;
	size_t len = 0;
	int k = root_lstat(r, path, &st);

	if (k == 0)
		k = root_read(r, path, ROM_MAX, &data, &len);
	else if (k == -ENOENT || k == -ENOTDIR) {
		*ret = NULL;
		return 0;
	}
	/* a link into nothing, a directory, a pipe, far too much: all of them somebody's, and in the way */
	if (k == -ENOENT || k == -EISDIR || k == -EINVAL || k == -EFBIG)
		return other(k == -EFBIG ? "far too long for a ROM" : "no file", ret);
	if (k < 0)
		return err_errno(e, k, "cannot read %s", path);
	k = rom_check((const uint8_t *)data, len, id, &rom, &why);
	if (k < 0)
		return other(why.text, ret);
	*ret = strdup(rom_file_value(data, len, value));
	return *ret ? 0 : -ENOMEM;
}
