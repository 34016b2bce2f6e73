/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "pve/guest.h"
#include "pve/scan.h"

/* The buffer serves all files. */
struct scan {
	int dir;
	char *buf;
	size_t len, size;
};

static void scan_done(struct scan *s)
{
	if (s->dir >= 0)
		close(s->dir);
	free(s->buf);
}
#define _cleanup_scan_ _cleanup_(scan_done)

/* The whole of a guest's file into s->buf. 0 or -errno; -EFBIG over CONFIG_MAX. */
static int scan_read(struct scan *s, unsigned int vmid)
{
	char name[32];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "%u.conf", vmid);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	for (s->len = 0;; s->len += (size_t)n) {
		if (s->len == s->size) {
			size_t size = s->size ? s->size * 2 : 16384;
			char *buf = s->len > CONFIG_MAX ? NULL : realloc(s->buf, size);

			if (!buf)
				return s->len > CONFIG_MAX ? -EFBIG : -ENOMEM;
			s->buf = buf;
			s->size = size;
		}
		n = read(fd, s->buf + s->len, s->size - s->len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;
	}
}

static bool scan_has(const struct scan *s, const char *const words[], size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (memmem(s->buf, s->len, words[i], strlen(words[i])))
			return true;
	return false;
}

int scan_guests(const struct root *r, enum guest_kind kind, const char *const words[], size_t n_words, scan_fn *fn, void *ctx,
		struct err *e)
{
	_cleanup_guest_list_ struct guest_list guests = { 0 };
	_cleanup_scan_ struct scan s = { .dir = -1 };
	int k = guest_list(r, kind, &guests, e);

	if (k < 0 || guests.n == 0)
		return k;
	s.dir = root_open(r, kind == GUEST_VM ? "/etc/pve/qemu-server" : "/etc/pve/lxc", O_RDONLY | O_DIRECTORY, 0);
	if (s.dir < 0)
		return err_errno(e, s.dir, "cannot read the guests' configuration files");
	for (size_t i = 0; i < guests.n && k == 0; i++) {
		_cleanup_config_ struct config cfg = { 0 };

		k = scan_read(&s, guests.v[i]);
		if (k == 0 && scan_has(&s, words, n_words))
			k = config_parse(s.buf, s.len, kind, &cfg);
		if (k == -ENOMEM)
			return err_set(e, k, "out of memory");
		if (k < 0 || !cfg.raw) {
			k = 0;
			continue;
		}
		cfg.vmid = guests.v[i];
		k = fn(ctx, &cfg, e);
	}
	return k == -ENOMEM ? err_set(e, k, "out of memory") : k;
}

int scan_vm_with(const struct root *r, const char *word, unsigned int *ret_vmid, struct err *e)
{
	_cleanup_guest_list_ struct guest_list guests = { 0 };
	_cleanup_scan_ struct scan s = { .dir = -1 };
	char path[PATH_MAX];
	int k = guest_list(r, GUEST_VM, &guests, e);

	*ret_vmid = 0;
	if (k < 0 || guests.n == 0)
		return k;
	s.dir = root_open(r, "/etc/pve/qemu-server", O_RDONLY | O_DIRECTORY, 0);
	if (s.dir < 0)
		return err_errno(e, s.dir, "cannot read the guests' configuration files");
	for (size_t i = 0; i < guests.n && !*ret_vmid; i++) {
		k = scan_read(&s, guests.v[i]);
		if (k < 0 && k != -ENOENT)
			return err_errno(e, k, "cannot read %s", config_path(path, GUEST_VM, guests.v[i]));
		if (k == 0 && scan_has(&s, &word, 1))
			*ret_vmid = guests.v[i];
	}
	return 0;
}
