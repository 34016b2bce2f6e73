/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rebuild step: a program makes something anew from what the other steps have set: "initramfs", "grub" … What is run says the table
 * alone, whatever a record has. The programs: update-initramfs(8), update-grub(8), proxmox-boot-tool(8), udevadm(8), systemctl(1).
 */
#include <errno.h>

#include "base/exec.h"
#include "host/kernels.h"
#include "plan/rebuild.h"

/* All initramfs of many kernels, compressed well, onto slow disks, and copied to each partition that is booted from. */
#define BUILD_MS (30 * 60 * 1000)
/* For what is only told to read its files again. */
#define TELL_MS (2 * 60 * 1000)

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })
#define ARG(s)	  ((char[]){ s })

/* In the order in which one reads what another makes: proxmox-boot-tool copies the initramfs. */
static const struct rebuild {
	const char *name;
	char *const *argv;
	unsigned int timeout_ms;
	bool images; /* it writes every kernel's initramfs */
	bool skips;  /* it passes over what it cannot do, and warns of it */
} rebuilds[] = {
	{ "udev", ARGV(ARG("udevadm"), ARG("control"), ARG("--reload")), TELL_MS },
	{ "systemd", ARGV(ARG("systemctl"), ARG("daemon-reload")), TELL_MS },
	{ "initramfs", ARGV(ARG("update-initramfs"), ARG("-u"), ARG("-k"), ARG("all")), BUILD_MS, .images = true },
	{ "grub", ARGV(ARG("update-grub")), BUILD_MS },
	{ "boot-tool", ARGV(ARG("proxmox-boot-tool"), ARG("refresh")), BUILD_MS, .skips = true },
};

static const struct rebuild *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rebuilds); i++)
		if (str_eq(rebuilds[i].name, name))
			return &rebuilds[i];
	return NULL;
}

static void command_text(const struct rebuild *b, struct text *ret)
{
	for (char *const *arg = b->argv; *arg; arg++)
		text_join(ret, " ", *arg);
}

struct step *rebuild_add(struct plan *p, const char *name, const char *why)
{
	const struct rebuild *b = find(name);
	_cleanup_text_ struct text command = { 0 };

	if (!b)
		return NULL;
	command_text(b, &command);
	return command.r < 0 ? NULL : plan_add(p, &step_rebuild, name, NULL, text_str(&command), why);
}

static int rebuild_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	*ret = NULL;
	return 0;
}

static unsigned int rebuild_rank(const struct step *s)
{
	const struct rebuild *b = find(s->target);

	return b ? (unsigned int)(b - rebuilds) : 0;
}

/* proxmox-boot-tool passes over a partition that is not there or is full, and ends with 0: what boots from it is as it was. */
static void tell_warnings(const struct engine *en, const struct step *s, const char *output)
{
	_cleanup_free_ char *copy = strdup(output);
	_cleanup_text_ struct text warned = { 0 };
	char *p = copy, *line;

	while (copy && (line = str_line(&p)))
		if (strcasestr(line, "skipping") || strcasestr(line, "warn"))
			text_addf(&warned, "%s\n", line);
	if (warned.len)
		engine_tell(en, STEP_WARNED, s, text_str(&warned));
}

/*
 * update-initramfs(8) ends with 0, too, where it does nothing: /boot is mounted read-only (its ro_boot_check()), or update_initramfs=no in
 * /etc/initramfs-tools/update-initramfs.conf. -ENODATA then.
 */
static int verify_images(const struct engine *en, const struct step *s, const struct kernels *then, struct err *e)
{
	_cleanup_text_ struct text same = { 0 }, warning = { 0 };
	bool any_made = false;
	char path[PATH_MAX];

	for (size_t i = 0; i < then->n; i++) {
		if (kernel_initrd_is_as_before(en->root, &then->v[i]))
			text_join(&same, ", ", path_f(path, "/boot/initrd.img-%s", then->v[i].release));
		else
			any_made |= then->v[i].initrd;
	}
	if (!same.len)
		return 0;
	if (!any_made)
		return err_set(e, -ENODATA,
			       "update-initramfs reports no error, and made nothing: %s as before. See whether /boot is mounted read-only, or "
			       "update_initramfs=no is in /etc/initramfs-tools/update-initramfs.conf",
			       text_str(&same));
	text_addf(&warning, "not made anew: %s\n", text_str(&same));
	engine_tell(en, STEP_WARNED, s, text_str(&warning));
	return 0;
}

struct ticking {
	const struct engine *en;
	const struct step *s;
};

static void tick(void *ctx, unsigned int seconds)
{
	const struct ticking *t = ctx;

	t->en->tick(t->en->watch_ctx, t->s, seconds);
}

/* On the way there it can be called off, which puts all back; the way back goes on to its end. */
static int rebuild_set(const struct engine *en, const struct step *s, struct err *e)
{
	const struct rebuild *b = find(s->target);
	_cleanup_exec_ struct exec_result res = { 0 };
	_cleanup_kernels_ struct kernels kernels = { 0 };
	_cleanup_text_ struct text command = { 0 }, output = { 0 };
	struct ticking t = { en, s };
	struct exec_watch w = { .tick = en->tick ? tick : NULL, .ctx = &t, .interruptible = s->after, .output = &output };
	int k;

	if (!b)
		return err_set(e, -EINVAL, "nobody knows how to rebuild '%s'", s->target);
	command_text(b, &command);
	if (!root_is_live(en->root)) {
		text_addf(&output, "'%s' is not run below %s: it is to be run where this tree is booted", text_str(&command), en->root->path);
		engine_tell(en, STEP_OUTPUT, s, text_str(&output));
		return 0;
	}
	k = b->images ? kernels_load(en->root, &kernels) : 0;
	if (k < 0)
		return err_errno(e, k, "cannot list the kernels in /boot");
	k = exec_run_watched(en->root, b->argv, b->timeout_ms, &w, &res, e);
	/* who has removed the program has no more use for what it made */
	if (k == -ENOENT && !s->after)
		k = -ENODEV;
	if (k == 0)
		k = exec_verdict(b->argv[0], &res, e);
	if (k == 0)
		k = verify_images(en, s, &kernels, e);
	if (output.len > 0)
		engine_tell(en, k < 0 ? STEP_ERRORS : STEP_OUTPUT, s, text_str(&output));
	if (k == 0 && b->skips)
		tell_warnings(en, s, text_str(&output));
	return k;
}

const struct step_kind step_rebuild = {
	.name = "rebuild",
	.survives_reboot = true,
	.effect = true,
	.derives = true,
	.rank = rebuild_rank,
	.get = rebuild_get,
	.set = rebuild_set,
};
