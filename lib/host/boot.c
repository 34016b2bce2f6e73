/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/boot.h"
#include "base/slow.h"

#define CMDLINE_MAX 65536 /* COMMAND_LINE_SIZE is 2048 on x86, at most 64 KiB elsewhere */
/* isspace() of the kernel, at which next_arg() splits */
#define SPACE	    " \t\n\v\f\r"
#define EFIVARS	    "/sys/firmware/efi/efivars/"

/*
 * UEFI Specification 2.10, 3.3: one byte behind the four of attributes that efivarfs puts in front. The
 * firmware is asked at each read, and efivarfs_file_read() in fs/efivarfs/file.c makes whoever reads often
 * wait for seconds.
 */
static enum tri secure_boot(const struct root *r)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	if (slow_read(r, EFIVARS "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", 16, &data, &len) < 0 ||
	    len != 5)
		return TRI_UNKNOWN;
	return data[4] == 1 ? TRI_YES : TRI_NO;
}

int boot_cmdline_parse(const char *text, struct strv *ret)
{
	_cleanup_strv_ struct strv l = { 0 };

	for (;;) {
		_cleanup_text_ struct text token = { 0 };
		bool quoted = false, any = false;

		text += strspn(text, SPACE);
		if (!*text)
			break;
		for (; *text && (quoted || !strchr(SPACE, *text)); text++) {
			if (*text == '"')
				quoted = !quoted;
			else
				text_add_n(&token, text, 1);
			any = true;
		}
		if (token.r < 0 || (any && strv_add(&l, text_str(&token)) < 0))
			return -ENOMEM;
	}
	*ret = l;
	l = (struct strv){ 0 };
	return 0;
}

int boot_load(const struct root *r, struct boot *ret)
{
	_cleanup_boot_ struct boot b = { .secure_boot = TRI_UNKNOWN };
	_cleanup_free_ char *cmdline = NULL;

	if (root_read_line(r, "/proc/sys/kernel/osrelease", b.release, sizeof(b.release)) < 0)
		b.release[0] = '\0';
	if (proc_boot_id(r, b.id) < 0)
		b.id[0] = '\0';
	if (root_read(r, "/proc/cmdline", CMDLINE_MAX, &cmdline, NULL) == 0 &&
	    boot_cmdline_parse(cmdline, &b.cmdline) < 0)
		return -ENOMEM;
	b.efi = root_exists(r, "/sys/firmware/efi");
	b.image = !root_is_live(r) && root_exists(r, "/etc") && !root_exists(r, "/sys/bus/pci");
	b.secure_boot = b.efi ? secure_boot(r) : TRI_NO;
	*ret = b;
	b = (struct boot){ 0 };
	return 0;
}

void boot_done(struct boot *b)
{
	strv_done(&b->cmdline);
	*b = (struct boot){ 0 };
}

/* parameqn() in kernel/params.c */
static bool same_name(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	return true;
}

const char *boot_param(const struct boot *b, const char *name)
{
	const char *value = NULL;

	strv_foreach (token, &b->cmdline) {
		size_t n = strcspn(token, "=");

		/* what follows is for init (parse_args() in kernel/params.c) */
		if (strcmp(token, "--") == 0)
			break;
		if (n == strlen(name) && same_name(token, name, n))
			value = token[n] ? token + n + 1 : "";
	}
	return value;
}

bool boot_release_at_least(const struct boot *b, unsigned int major, unsigned int minor)
{
	unsigned int x, y;

	if (sscanf(b->release, "%3u.%5u", &x, &y) != 2)
		return false;
	return x > major || (x == major && y >= minor);
}
