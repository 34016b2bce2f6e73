/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/slow.h"
#include "host/rom_source.h"
#include "host/vfct.h"

#define READ_MS	  20000 /* 16 MiB at the worst rate at which a card lets its ROM be read, about 1 MB/s */
#define SWITCH_MS 2000	/* to set a flag in the kernel */

/* What parent and child both see. */
struct reading {
	char path[PATH_MAX];
	bool live;	   /* there is a switch */
	volatile bool on;  /* it may be on */
	int switched, r;
	size_t len;
	uint8_t data[ROM_MAX];
};

void rom_copy_done(struct rom_copy *c)
{
	free(c->data);
	*c = (struct rom_copy){ 0 };
}

static int read_all(const struct root *r, struct reading *s)
{
	_cleanup_close_ int fd = root_open(r, s->path, O_RDONLY | O_NONBLOCK, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, s->data + s->len, sizeof(s->data) - s->len)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		s->len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Only these two bytes switch it off: pci_write_rom() takes a lone 0 for on. */
static int switch_off(const struct root *r, struct reading *s)
{
	int k = root_write_attr(r, s->path, "0\n");

	if (k == 0)
		s->on = false;
	return k;
}

static void child(const struct root *r, void *shared)
{
	struct reading *s = shared;

	if (s->live) {
		s->on = true;
		s->switched = root_write_attr(r, s->path, "1\n");
	}
	if (s->switched == 0)
		s->r = read_all(r, s);
	if (s->live)
		switch_off(r, s);
}

/* A child that died or hangs left the switch as it was. */
static int make_sure_off(const struct root *r, const struct reading *s, struct err *e)
{
	struct proc_id child_id;
	int k = s->on ? bounded_write(r, s->path, "0\n", SWITCH_MS, &child_id) : 0;

	if (k == 0)
		return 0;
	err_errno(e, k, "%s could not be switched off: write 0 to it", s->path);
	return -EUCLEAN;
}

/* The ROM in data, if it is one and id's: a copy. */
static int take(const uint8_t *data, size_t len, struct pci_id id, struct rom_copy *ret, struct err *e)
{
	struct rom rom;
	int k = rom_check(data, len, id, &rom, e);

	if (k < 0)
		return k;
	ret->data = malloc(rom.len);
	if (!ret->data)
		return err_set(e, -ENOMEM, "out of memory");
	memcpy(ret->data, data, rom.len);
	ret->rom = rom;
	return 0;
}

/* Says what a read came to that the kernel refused. */
static int refused(const struct reading *s, struct err *e)
{
	if (s->switched < 0)
		return err_errno(e, s->switched, "cannot switch on %s", s->path);
	/* pci_read_rom() finds no signature: then the ROM has no size */
	if (s->r == -EIO)
		return err_set(e, -EBADMSG, "the kernel finds no ROM in %s: where no driver has switched on the card's memory, "
					    "and on a display that EFI booted with, there is nothing to be read", s->path);
	return err_errno(e, s->r, "cannot read %s", s->path);
}

static int read_card(const struct root *r, struct reading *s, struct err *e)
{
	int k = slow_call(r, child, s, READ_MS), off = make_sure_off(r, s, e);

	if (off < 0)
		return off;
	if (k == -ETIMEDOUT)
		return err_set(e, k, "%s does not answer within %d seconds", s->path, READ_MS / 1000);
	if (k < 0)
		return err_errno(e, k, "cannot read %s", s->path);
	return s->switched < 0 || s->r < 0 ? refused(s, e) : 0;
}

int rom_from_card(const struct root *r, const struct pci_fn *fn, struct rom_copy *ret, struct err *e)
{
	struct reading *s;
	char path[PATH_MAX];
	int k;

	if (!root_exists(r, pci_path(path, fn->bdf, "rom")))
		return err_set(e, -ENOENT, "the card shows no ROM: there is no %s", path);
	if (root_is_live(r) && (fn->config == PCI_CONFIG_ASLEEP || str_starts(fn->power_state, "D3")))
		return err_set(e, -EAGAIN, "the card sleeps (%s): write 'on' to its power/control, and try again", fn->power_state);
	s = slow_map(sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	path_f(s->path, "%s", path);
	s->live = root_is_live(r);
	k = read_card(r, s, e);
	if (k == 0 && s->len == 0 && !s->live)
		k = err_set(e, -ENOENT, "the copy of the host has no ROM of the card");
	if (k == 0)
		k = take(s->data, s->len, fn->id, ret, e);
	slow_unmap(s, sizeof(*s));
	return k;
}

int rom_from_vfct(const struct root *r, const struct pci_fn *fn, struct rom_copy *ret, struct err *e)
{
	_cleanup_free_ char *table = NULL;
	size_t len, offset = 0, n = 0;
	int k = slow_read(r, VFCT_PATH, VFCT_MAX, &table, &len);

	if (k == -ENOENT)
		return err_set(e, k, "there is no ACPI table VFCT");
	if (k < 0)
		return err_errno(e, k, "cannot read " VFCT_PATH);
	if (len == 0 && !root_is_live(r))
		return err_set(e, -ENOENT, "the copy of the host has no ACPI table VFCT");
	k = vfct_find((const uint8_t *)table, len, fn->bdf, fn->id, &offset, &n, e);
	return k < 0 ? k : take((const uint8_t *)table + offset, n, fn->id, ret, e);
}

int rom_from_file(const struct root *r, const char *path, struct pci_id id, struct rom_copy *ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int k = root_read(r, path, ROM_MAX, &data, &len);

	if (k < 0)
		return err_errno(e, k, "cannot read %.200s", path);
	return take((const uint8_t *)data, len, id, ret, e);
}
