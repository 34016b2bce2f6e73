/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/slow.h"
#include "host/grub.h"
#include "host/loader.h"

/* https://systemd.io/BOOT_LOADER_INTERFACE; GRUB sets it from 2.12 on (its module bli) */
#define LOADER_INFO "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define SPACE	    " \t\n\v\f\r"

/* grub-mkconfig's; the recovery entries are without the second */
#define GRUB_LINUX	   "GRUB_CMDLINE_LINUX"
#define GRUB_LINUX_DEFAULT "GRUB_CMDLINE_LINUX_DEFAULT"

static const struct {
	const char *name, *file, *refresh;
} kinds[] = {
	[LOADER_UNKNOWN] = { "an unknown boot loader", NULL, NULL },
	[LOADER_GRUB] = { "GRUB", GRUB_DEFAULTS, "update-grub" },
	[LOADER_PROXMOX_GRUB] = { "GRUB by proxmox-boot-tool", GRUB_DEFAULTS, "proxmox-boot-tool refresh" },
	[LOADER_PROXMOX_SYSTEMD] = { "systemd-boot by proxmox-boot-tool", LOADER_CMDLINE, "proxmox-boot-tool refresh" },
	[LOADER_SYSTEMD] = { "systemd-boot", LOADER_CMDLINE, NULL },
};

const char *loader_name(enum loader_kind kind)
{
	return kinds[kind].name;
}

int loader_info_parse(const void *data, size_t len, char *buf, size_t size)
{
	const unsigned char *p = data;
	size_t n = 0;

	if (len < 6 || len % 2 || !size)
		return -EINVAL;
	for (size_t i = 4; i + 1 < len && (p[i] || p[i + 1]) && n + 1 < size; i += 2) {
		if (p[i + 1] || p[i] < ' ' || p[i] >= 0x7f)
			return -EINVAL;
		buf[n++] = (char)p[i];
	}
	if (!n)
		return -EINVAL;
	buf[n] = '\0';
	return 0;
}

enum loader_kind loader_kind_of(const char *info, const struct boot *b, bool has_esps)
{
	const char *initrd = boot_param(b, "initrd");
	const char *image = boot_param(b, "BOOT_IMAGE");
	bool systemd = str_starts(info, "systemd-boot"), grub = str_starts(info, "GRUB");

	/* proxmox-boot-tool's kernels lie at the top of its partitions: one in /boot was loaded by the GRUB that update-grub configures */
	if (image && strstr(image, "/boot/"))
		has_esps = false;
	/* GRUB's command `linux` puts the image in front; systemd-boot passes a type 1 entry's initrd, with backslashes */
	if (!systemd && !grub && image)
		grub = true;
	else if (!systemd && !grub && b->efi && initrd && initrd[0] == '\\')
		systemd = true;
	if (systemd)
		return has_esps ? LOADER_PROXMOX_SYSTEMD : LOADER_SYSTEMD;
	if (grub)
		return has_esps ? LOADER_PROXMOX_GRUB : LOADER_GRUB;
	/* without EFI proxmox-boot-tool installs GRUB alone */
	return has_esps && !b->efi ? LOADER_PROXMOX_GRUB : LOADER_UNKNOWN;
}

static void params_done(struct loader_params *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].text);
		free(l->v[i].file);
	}
	free(l->v);
	*l = (struct loader_params){ 0 };
}

/* The bytes of one parameter: up to a blank that no quotes are around (next_arg() in the kernel's lib/cmdline.c). */
static size_t param_len(const char *s)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] && (quoted || !strchr(SPACE, s[n])); n++)
		if (s[n] == '"')
			quoted = !quoted;
	return n;
}

/* Where in the parts a parameter begins says where it is written. */
static const struct grub_part *part_at(const struct grub_var *var, size_t offset)
{
	for (size_t i = 0; i < var->n; i++) {
		size_t n = strlen(var->v[i].text);

		if (offset < n)
			return &var->v[i];
		offset -= n;
	}
	return NULL;
}

static int add_param(struct loader_params *l, const char *text, size_t n, const char *file, unsigned int line)
{
	struct loader_param *v = conf_grow(l->v, &l->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n - 1] = (struct loader_param){ .text = strndup(text, n), .file = strdup(file), .line = line };
	return v[l->n - 1].text && v[l->n - 1].file ? 0 : -ENOMEM;
}

static int add_grub_var(const struct grub *g, const char *name, struct loader_params *l)
{
	_cleanup_text_ struct text value = { 0 };
	const struct grub_var *var = grub_var(g, name);
	const char *s;
	size_t n;

	if (var && var->unknown && !l->why[0])
		snprintf(l->why, sizeof(l->why), "%s comes from a command", name);
	for (size_t i = 0; var && i < var->n; i++)
		text_add(&value, var->v[i].text);
	if (value.r < 0)
		return -ENOMEM;
	s = text_str(&value);
	for (const char *p = s; *(p += strspn(p, SPACE)); p += n) {
		const struct grub_part *part = part_at(var, (size_t)(p - s));

		n = param_len(p);
		if (part && add_param(l, p, n, part->file, part->line) < 0)
			return -ENOMEM;
		if (part)
			l->v[l->n - 1].recovery = strcmp(name, GRUB_LINUX) == 0;
	}
	return 0;
}

/* In the order in which 10_linux of grub-common has them; its recovery entries lack the second. */
static int grub_params(const struct root *r, struct loader_params *l)
{
	_cleanup_grub_ struct grub g = { 0 };
	int k = grub_load(r, &g);

	if (k < 0)
		return k;
	if (g.why[0])
		snprintf(l->why, sizeof(l->why), "%s", g.why);
	else if (!g.n && !root_exists(r, GRUB_DEFAULTS))
		snprintf(l->why, sizeof(l->why), "there is no %s", GRUB_DEFAULTS);
	k = add_grub_var(&g, GRUB_LINUX, l);
	return k < 0 ? k : add_grub_var(&g, GRUB_LINUX_DEFAULT, l);
}

static int find_hiding(const struct root *r, struct loader *l)
{
	_cleanup_free_ char *by = NULL;
	int k = l->next.why[0] ? 0 : grub_hides(r, LOADER_GRUB_OURS, GRUB_LINUX_DEFAULT, &by);

	snprintf(l->hidden_by, sizeof(l->hidden_by), "%s", by ? by : "");
	return k;
}

/* The parameters of a line, each with its quotes. */
static int add_line(const char *line, const char *file, struct loader_params *l)
{
	size_t n;

	for (const char *p = line; *(p += strspn(p, SPACE)); p += n) {
		n = param_len(p);
		if (add_param(l, p, n, file, 1) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Only the first line counts: get_first_line() of proxmox-boot-tool. Without the file it takes what the kernel was booted with. */
static int cmdline_params(const struct root *r, struct loader_params *l)
{
	_cleanup_free_ char *text = NULL;
	int k = conf_read(r, LOADER_CMDLINE, &text);

	if (k < 0) {
		if (k != -ENOENT)
			snprintf(l->why, sizeof(l->why), "%s cannot be read", LOADER_CMDLINE);
		return k == -ENOMEM ? k : 0;
	}
	text[strcspn(text, "\n")] = '\0';
	return add_line(text, LOADER_CMDLINE, l);
}

/* Without LOADER_CMDLINE proxmox-boot-tool takes /proc/cmdline, from which it removes the initrd. */
static int running_params(const struct root *r, struct loader_params *l)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int k = conf_read(r, "/proc/cmdline", &text);

	if (k < 0)
		return k == -ENOMEM ? k : 0;
	k = add_line(text, "/proc/cmdline", l);
	for (size_t i = 0; i < l->n; i++) {
		if (!str_starts(l->v[i].text, "initrd=")) {
			l->v[n++] = l->v[i];
			continue;
		}
		free(l->v[i].text);
		free(l->v[i].file);
	}
	l->n = n;
	return k;
}

static void read_info(const struct root *r, struct loader *l)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	/* the firmware is asked at each read: as with SecureBoot in boot.c */
	if (slow_read(r, LOADER_INFO, 4096, &data, &len) < 0 || loader_info_parse(data, len, l->info, sizeof(l->info)) < 0)
		l->info[0] = '\0';
}

/* An empty list is what is left when the last partition was taken out of it: nothing is kept then. */
static bool has_esps(const struct root *r)
{
	_cleanup_free_ char *list = NULL;

	return root_read(r, LOADER_ESP_LIST, CONF_MAX, &list, NULL) == 0 && list[strspn(list, SPACE)];
}

int loader_load(const struct root *r, const struct boot *b, struct loader *ret)
{
	_cleanup_loader_ struct loader l = { 0 };
	bool systemd;
	int k;

	if (b->efi)
		read_info(r, &l);
	l.kind = loader_kind_of(l.info, b, has_esps(r));
	/* which loader will start an image only what is installed can tell, and with proxmox-boot-tool it may be either */
	if (b->image && !b->cmdline.n)
		l.kind = !has_esps(r) && root_exists(r, GRUB_DEFAULTS) ? LOADER_GRUB : LOADER_UNKNOWN;
	l.file = kinds[l.kind].file;
	l.refresh = kinds[l.kind].refresh;
	systemd = l.kind == LOADER_PROXMOX_SYSTEMD || l.kind == LOADER_SYSTEMD;
	k = cmdline_params(r, systemd ? &l.next : &l.unread);
	if (k == 0)
		k = grub_params(r, systemd ? &l.unread : &l.next);
	if (k == 0 && systemd && !l.next.n && !l.next.why[0])
		k = running_params(r, &l.next);
	if (k == 0 && (l.kind == LOADER_GRUB || l.kind == LOADER_PROXMOX_GRUB))
		k = find_hiding(r, &l);
	if (k < 0)
		return k;
	if (l.kind == LOADER_UNKNOWN)
		snprintf(l.next.why, sizeof(l.next.why), "which boot loader %s is not known",
			 b->image ? "will start this tree" : "started this machine");
	*ret = l;
	l = (struct loader){ 0 };
	return 0;
}

void loader_done(struct loader *l)
{
	params_done(&l->next);
	params_done(&l->unread);
	*l = (struct loader){ 0 };
}
