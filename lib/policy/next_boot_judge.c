/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to say about the next boot. */
#include "host/cmdline.h"
#include "policy/esp_judge.h"
#include "policy/iommu_judge.h"
#include "policy/next_boot.h"
#include "policy/prepare_judge.h"

/* One kernel on its way. */
struct look {
	const struct setup *s;
	const struct settings *set;
	const struct next_boot *n;
	const struct kernel *k;
	const struct next_kernel *own;
	const struct boot_entry *entry; /* NULL: it has none, or that cannot be seen */
	char who[KERNEL_RELEASE_LEN + 32]; /* "6.8.12-9-pve (boots next)" */
	bool blind;			   /* something could not be seen */
	struct findings *ret;
};

#define CURE_INITRAMFS "run 'update-initramfs -u -k %s'"

static void judge_modules_dir(struct look *l)
{
	if (!l->k->modules)
		finding_add(l->ret, FINDING_MODULE_MISSING, l->k->release, "install its package again, or remove its files from /boot",
			    "%s has no modules: there is no /lib/modules/%s", l->who, l->k->release);
}

/* The parts that reserved cards need and that are not in it. */
static void missing_parts(const struct look *l, struct text *t)
{
	const struct initramfs *i = &l->own->initramfs;

	if (!l->k->vfio_builtin && !initramfs_has_module(i, "vfio-pci"))
		text_join(t, ", ", "the module vfio-pci");
	if (!initramfs_has_file(i, &PREPARE_INIT_SCRIPT[strlen("/etc/initramfs-tools")]))
		text_join(t, ", ", "gpupt's script (init-top)");
	if (!initramfs_has_file(i, PREPARE_UDEV))
		text_join(t, ", ", "gpupt's rule for udev");
}

static void add_reserved(const struct look *l, struct text *t)
{
	char name[BDF_LEN];

	for (size_t i = 0; i < l->s->n; i++) {
		const struct setup_fn *fn = &l->s->v[i];

		/* its first function stands for a card */
		if (next_boot_is_reserved(l->set, fn) && (i == 0 || !bdf_same_slot(l->s->v[i - 1].fn.bdf, fn->fn.bdf)))
			text_join(t, ", ", bdf_format(fn->fn.bdf, name));
	}
}

/* Is it said that something is missing in it? */
static bool judge_contents(struct look *l)
{
	_cleanup_text_ struct text parts = { 0 }, cards = { 0 }, remedy = { 0 };

	if (!next_boot_reserves(l->s, l->set))
		return false;
	if (l->own->initramfs.why[0]) {
		l->blind = true;
		finding_add(l->ret, FINDING_NEXT_UNSEEN, l->k->release, NULL, "what is in the initramfs of %s cannot be seen: %s", l->who,
			    l->own->initramfs.why);
		return false;
	}
	missing_parts(l, &parts);
	if (!parts.len)
		return false;
	add_reserved(l, &cards);
	if (l->n->prepared)
		text_addf(&remedy, CURE_INITRAMFS, l->k->release);
	finding_add(l->ret, FINDING_INITRAMFS_LACKS, l->k->release, l->n->prepared ? text_str(&remedy) : "run 'gpupt-helper prepare'",
		    "the initramfs of %s lacks %s: reserved cards (%s) go to their native drivers first", l->who, text_str(&parts),
		    text_str(&cards));
	return true;
}

static void judge_initramfs(struct look *l)
{
	_cleanup_text_ struct text files = { 0 }, remedy = { 0 };

	if (!l->k->initrd) {
		text_addf(&remedy, "run 'update-initramfs -c -k %s'", l->k->release);
		finding_add(l->ret, FINDING_INITRAMFS_MISSING, l->k->release, text_str(&remedy),
			    "%s has no initramfs: there is no /boot/initrd.img-%s", l->who, l->k->release);
		return;
	}
	/* one remedy for both */
	if (judge_contents(l) || !l->own->newer.n)
		return;
	strv_foreach (file, &l->own->newer)
		text_join(&files, ", ", file);
	text_addf(&remedy, CURE_INITRAMFS, l->k->release);
	finding_add(l->ret, FINDING_INITRAMFS_OLD, l->k->release, text_str(&remedy),
		    "the initramfs of %s is older than what belongs into it: %s", l->who, text_str(&files));
}

/* What stands in the loader's file for the next boot, and not in the entry. */
static void missing_params(const struct look *l, struct text *t)
{
	const struct loader_params *next = &l->s->loader.next;

	for (size_t i = 0; !next->why[0] && i < next->n && strcmp(next->v[i].text, "--") != 0; i++)
		if (!cmdline_has(l->entry->params, next->v[i].text))
			text_join(t, " ", next->v[i].text);
}

static void judge_entry(struct look *l)
{
	_cleanup_text_ struct text params = { 0 }, remedy = { 0 };
	const char *refresh = l->s->loader.refresh;

	if (l->n->entries.why[0])
		return;
	if (!refresh)
		text_addf(&remedy, "run 'kernel-install add %s /boot/vmlinuz-%s'", l->k->release, l->k->release);
	else
		text_addf(&remedy, "run '%s'", refresh);
	/* proxmox-boot-tool keeps no more than a few by itself */
	if (refresh && !l->entry && l->s->loader.kind != LOADER_GRUB)
		text_addf(&remedy, "; before it 'proxmox-boot-tool kernel add %s', if that is none of those it keeps by itself", l->k->release);
	if (!l->entry) {
		finding_add(l->ret, FINDING_ENTRY_MISSING, l->k->release, text_str(&remedy), "%s has no entry for %s",
			    loader_name(l->s->loader.kind), l->who);
		return;
	}
	missing_params(l, &params);
	if (params.len)
		finding_add(l->ret, FINDING_ENTRY_OLD, l->k->release, text_str(&remedy),
			    "the entry of %s in %s is older than %s: it lacks %s", l->who, l->entry->file, l->s->loader.file, text_str(&params));
	else if (!l->entry->initrd && l->k->initrd)
		finding_add(l->ret, FINDING_ENTRY_OLD, l->k->release, text_str(&remedy),
			    "the entry of %s in %s is older than its initramfs: it names none", l->who, l->entry->file);
}

/* The parameters that this kernel will get; false if they cannot be told. */
static bool next_params(const struct look *l, struct strv *ret)
{
	_cleanup_text_ struct text line = { 0 };
	const struct loader_params *next = &l->s->loader.next;

	if (l->entry)
		text_add(&line, l->entry->params);
	else if (l->n->entries.why[0] && !next->why[0])
		for (size_t i = 0; i < next->n; i++)
			text_join(&line, " ", next->v[i].text);
	else
		return false;
	return boot_cmdline_parse(text_str(&line), ret) == 0 && ret->n;
}

static void judge_iommu(struct look *l)
{
	_cleanup_strv_ struct strv params = { 0 };
	struct iommu i = l->s->iommu;

	i.intel_default = l->k->intel_iommu;
	if (!i.firmware[0] || !next_params(l, &params) || iommu_would_be_on(&i, (const char *const *)params.v, params.n) != TRI_NO)
		return;
	finding_add(l->ret, FINDING_NEXT_IOMMU, l->k->release,
		    strcmp(i.firmware, "DMAR") == 0 ? "add intel_iommu=on to the kernel's parameters, or boot another kernel" :
						      "take what switches it off out of the kernel's parameters",
		    "with %s the IOMMU (%s) will be off, by its parameters", l->who, i.firmware);
}

static void judge_build(struct look *l, const struct dkms_module *m, const struct dkms_build *b)
{
	_cleanup_text_ struct text remedy = { 0 };

	for (size_t i = 0; i < b->n; i++) {
		const struct dkms_file *f = &b->v[i];

		if (!f->there) {
			text_addf(&remedy, "run 'dkms install --force %s/%s -k %s'", m->name, m->version, l->k->release);
			finding_add(l->ret, FINDING_MODULE_MISSING, l->k->release, text_str(&remedy),
				    "DKMS has built %s for %s, but there is no %s", m->name, l->who, f->path);
			return;
		}
		if (f->is_signed == TRI_NO) {
			finding_add(l->ret, FINDING_MODULE_UNSIGNED, l->k->release,
				    "have DKMS sign it with a key that the firmware knows (dkms(8)), or switch Secure Boot off",
				    "Secure Boot is on, and %s has no signature: %s does not load it", f->path, l->who);
			return;
		}
	}
}

static void judge_dkms(struct look *l)
{
	for (size_t i = 0; l->k->modules && i < l->n->dkms.n; i++) {
		_cleanup_text_ struct text remedy = { 0 };
		const struct dkms_module *m = &l->n->dkms.v[i];
		const struct dkms_build *b = dkms_build_of(m, l->k->release);

		if (!next_boot_needs(l->s, l->set, m))
			continue;
		if (b && b->n) {
			judge_build(l, m, b);
			continue;
		}
		if (!l->k->headers)
			text_addf(&remedy, "install %s-headers-%s, then ", strstr(l->k->release, "-pve") ? "proxmox" : "linux",
				  l->k->release);
		text_addf(&remedy, "run 'dkms install %s/%s -k %s'", m->name, m->version, l->k->release);
		finding_add(l->ret, FINDING_MODULE_MISSING, l->k->release, text_str(&remedy), "DKMS has not built %s %s for %s%s", m->name,
			    m->version, l->who, l->k->headers ? "" : ": its headers are not installed");
	}
}

static void judge_kernel(struct look *l)
{
	const struct kernel *next = next_boot_kernel(l->n);
	size_t first = l->ret->n;
	bool ready = true;

	snprintf(l->who, sizeof(l->who), "%s%s", l->k->release,
		 l->k == next ? " (boots next)" : !next ? " (may boot next)" : "");
	judge_modules_dir(l);
	judge_initramfs(l);
	judge_entry(l);
	judge_iommu(l);
	judge_dkms(l);
	for (size_t i = first; i < l->ret->n; i++) {
		struct finding *f = &l->ret->v[i];

		ready &= f->severity < SEVERITY_WARN;
		if (next && l->k != next && f->severity == SEVERITY_WARN)
			f->severity = SEVERITY_INFO;
	}
	if (ready && !l->blind && !esp_is_behind(l->n, l->k))
		finding_add(l->ret, FINDING_NEXT_READY, l->k->release, NULL, "%s is as prepared%s", l->who,
			    l->n->entries.why[0] || esp_is_unseen(l->n) ? ", as far as can be seen" : "");
}

static void judge_choice(const struct next_boot *n, struct findings *ret)
{
	if (!n->kernels.n) {
		finding_add(ret, FINDING_NEXT_UNKNOWN, "host", "mount /boot if it is a partition of its own", "there is no kernel in /boot");
		return;
	}
	if (n->entries.why[0])
		finding_add(ret, FINDING_NEXT_UNSEEN, "host", NULL, "the boot loader's entries cannot be seen: %s", n->entries.why);
	if (!next_boot_kernel(n))
		finding_add(ret, FINDING_NEXT_UNKNOWN, "host", NULL, "which kernel boots next cannot be told: %s",
			    n->entries.next[0] ? "it is not in /boot" : n->entries.next_why);
}

void next_boot_judge(const struct setup *s, const struct settings *set, const struct next_boot *n, struct findings *ret)
{
	bool unprepared = prepare_judge_unprepared(s, set, ret);

	judge_choice(n, ret);
	esp_judge(n, ret);
	for (size_t i = 0; i < n->kernels.n; i++) {
		struct look l = { .s = s, .set = set, .n = n, .k = &n->kernels.v[i], .own = &n->v[i], .ret = ret, .blind = unprepared };

		l.entry = n->entries.why[0] ? NULL : boot_entries_find(&n->entries, l.k->release);
		judge_kernel(&l);
	}
}
