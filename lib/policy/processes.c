/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/containers.h"
#include "policy/persistence.h"
#include "policy/processes.h"

/* Proxmox VE's own, by the start of their units' names: without them there is nobody to start the VM. */
static const char *const protected_units[] = {
	"pve", "pmxcfs", "qmeventd", "spiceproxy", "ceph", "corosync", "lxc", "dbus", "systemd-", "ssh", "init.scope",
};

/* The same for processes that are in no unit of their own. */
static const char *const protected_commands[] = {
	"pve", "pmxcfs", "qmeventd", "kvm", "qemu-system", "systemd", "dbus-daemon", "sshd",
};

static bool starts_with_any(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, list[i]))
			return true;
	return false;
}

/* It waits for us to end, or there is no end of it. */
static bool outlives_us(const struct facts *f, const struct holder *h)
{
	for (size_t i = 0; i < f->n_ancestors; i++)
		if (f->ancestors[i] == h->proc.pid)
			return true;
	return h->proc.pid <= 1;
}

static bool is_protected(const struct facts *f, const struct holder *h)
{
	if (outlives_us(f, h) || h->kind == HOLDER_CONTAINER)
		return true;
	return starts_with_any(h->comm, protected_commands, ARRAY_SIZE(protected_commands)) ||
	       (h->kind == HOLDER_UNIT && starts_with_any(h->id, protected_units, ARRAY_SIZE(protected_units)));
}

/* A service can be started again; a session, a scope, a user's manager, a batch job can not. */
static bool is_service(const struct facts *f, const struct holder *h)
{
	size_t n = strlen(h->id);

	return h->kind == HOLDER_UNIT && n > 8 && strcmp(h->id + n - 8, ".service") == 0 && !str_starts(h->id, "user@") &&
	       !strv_has(&f->batch_units, h->id);
}

const struct gpu_settings *process_settings(const struct facts *f, const struct settings *s, const struct holder *h)
{
	/* a descriptor without a function belongs to the card at large: the first function's settings count */
	return settings_gpu(s, h->bdfs.n ? h->bdfs.v[0] : f->v[0].fn.bdf);
}

static bool ends_with_container(const struct facts *f, const struct settings *s, const struct holder *h)
{
	const struct sharer *c = h->kind == HOLDER_CONTAINER ? container_of(f, h) : NULL;
	enum container_fate fate = c ? container_fate(f, s, c) : CONTAINER_UNTOUCHED;

	return (fate == CONTAINER_STOPS || fate == CONTAINER_DETACHES) && !outlives_us(f, h);
}

enum process_fate process_fate(const struct facts *f, const struct settings *s, const struct holder *h)
{
	if (h->shared_only || (h->kind == HOLDER_VM && f->vmid && strtoul(h->id, NULL, 10) == f->vmid))
		return FATE_NONE;
	/* it writes there, and who uses a disk next to a card has nothing to do with the card: nobody has permitted that */
	if (h->disk)
		return FATE_PROTECTED;
	if (h->kind == HOLDER_VM)
		return FATE_VM;
	/* it is nobody's work that ends with it, so nobody has to permit it */
	if (persistence_is_daemon(h))
		return FATE_UNIT;
	if (ends_with_container(f, s, h))
		return FATE_CONTAINER;
	switch (f->backup ? PROCESSES_REFUSE : process_settings(f, s, h)->processes) {
	case PROCESSES_REFUSE:
		return FATE_REFUSE;
	case PROCESSES_WAIT:
		return outlives_us(f, h) ? FATE_PROTECTED : FATE_WAIT;
	case PROCESSES_TERMINATE:
		break;
	}
	if (is_protected(f, h))
		return FATE_PROTECTED;
	if (!is_service(f, h))
		return FATE_END;
	return strv_has(&f->own_units, h->id) ? FATE_PROTECTED : FATE_UNIT;
}
