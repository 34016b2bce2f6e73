/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to say about the next boot, of facts made by hand. */
#include "policy/esp_judge.h"
#include "policy/prepare.h"
#include "tests/fake/fake.h"
#include "tree.h"

#define K(n) "6." #n ".0-1-pve"

/* A host with an AMD card on 01:00 and an NVIDIA card on 02:00, and two kernels, of which the first is next and in GRUB's menu. */
struct host {
	struct setup s;
	struct settings set;
	struct next_boot n;
};

static void add_card(struct setup *s, const char *bdf, uint16_t vendor)
{
	struct setup_fn *fn = &s->v[s->n++];

	fn->card = true;
	fn->fn.bdf = fake_bdf(bdf);
	fn->fn.id.vendor = vendor;
	fn->fn.class = 0x030000;
}

static void add_entry(struct host *h, const char *release, const char *params)
{
	struct boot_entry *e = &h->n.entries.v[h->n.entries.n++];

	*e = (struct boot_entry){ .file = strdup("/boot/grub/grub.cfg"), .params = strdup(params), .initrd = true };
	snprintf(e->release, sizeof(e->release), "%s", release);
}

static void host_init(struct host *h, const char *conf)
{
	static const char *const releases[] = { K(11), K(8) };
	struct err e;

	*h = (struct host){ 0 };
	assert_int_equal(settings_parse(conf, "conf", &h->set, &e), 0);
	h->s.v = calloc(4, sizeof(*h->s.v));
	add_card(&h->s, "01:00.0", 0x1002);
	add_card(&h->s, "01:00.1", 0x1002);
	add_card(&h->s, "02:00.0", 0x10de);
	h->s.loader.kind = LOADER_GRUB;
	h->s.loader.file = "/etc/default/grub";
	h->s.loader.refresh = "update-grub";
	snprintf(h->s.iommu.firmware, sizeof(h->s.iommu.firmware), "IVRS");
	h->n.kernels.v = calloc(2, sizeof(*h->n.kernels.v));
	h->n.kernels.n = 2;
	h->n.v = calloc(2, sizeof(*h->n.v));
	h->n.entries.v = calloc(2, sizeof(*h->n.entries.v));
	for (size_t i = 0; i < 2; i++) {
		struct kernel *k = &h->n.kernels.v[i];

		*k = (struct kernel){ .modules = true, .headers = true, .initrd = true, .intel_iommu = TRI_UNKNOWN };
		snprintf(k->release, sizeof(k->release), "%s", releases[i]);
		add_entry(h, releases[i], "root=/dev/x quiet");
		strv_add(&h->n.v[i].initramfs.names, "usr/lib/vfio-pci.ko");
		strv_add(&h->n.v[i].initramfs.names, "scripts/init-top/gpupt");
		strv_add(&h->n.v[i].initramfs.names, "etc/udev/rules.d/10-gpupt.rules");
	}
	snprintf(h->n.entries.next, sizeof(h->n.entries.next), K(11));
	h->n.prepared = true;
	assert_int_equal(udev_rules_parse("SUBSYSTEM==\"pci\", KERNEL==\"0000:0[12]:*\", ATTR{driver_override}=\"vfio-pci\"\n", PREPARE_UDEV,
					  &h->s.udev), 0);
}

static void host_done(struct host *h)
{
	setup_done(&h->s);
	settings_done(&h->set);
	next_boot_done(&h->n);
}
#define _cleanup_host_ _cleanup_(host_done)

/* "SEVERITY NAME SUBJECT" of each. */
static void says(struct host *h, const char *want)
{
	_cleanup_findings_ struct findings found = { 0 };
	_cleanup_text_ struct text t = { 0 };

	next_boot_judge(&h->s, &h->set, &h->n, &found);
	for (size_t i = 0; i < found.n; i++)
		text_addf(&t, "%s %s %s\n", severity_name(found.v[i].severity), finding_name(found.v[i].code), found.v[i].subject);
	if (strcmp(text_str(&t), want) != 0)
		fail_msg("got\n%sand not\n%s", text_str(&t), want);
}
#define READY(n) "ok next-ready " K(n) "\n"
#define RESERVED "[gpu 01:00]\nmode = reserved\n"

static void drop_name(struct initramfs *i)
{
	free(i->names.v[--i->names.n]);
	i->names.v[i->names.n] = NULL;
}

static void all_is_well(void **state)
{
	static const char *const confs[] = { "", RESERVED, "[defaults]\nmode = reserved\n" };

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_host_ struct host h;

		host_init(&h, confs[i]);
		says(&h, READY(11) READY(8));
	}
}

static void initramfs(void **state)
{
	_cleanup_host_ struct host h, shared;

	host_init(&h, RESERVED);
	drop_name(&h.n.v[0].initramfs);
	says(&h, "warn initramfs-lacks " K(11) "\n" READY(8));
	/* older, too: one remedy for both */
	strv_add(&h.n.v[0].newer, "/etc/x");
	strv_add(&h.n.v[1].newer, "/etc/x");
	says(&h, "warn initramfs-lacks " K(11) "\ninfo initramfs-old " K(8) "\n");
	snprintf(h.n.v[0].initramfs.why, sizeof(h.n.v[0].initramfs.why), "why");
	says(&h, "info next-unseen " K(11) "\nwarn initramfs-old " K(11) "\ninfo initramfs-old " K(8) "\n");
	h.n.kernels.v[0].initrd = false;
	says(&h, "warn initramfs-missing " K(11) "\ninfo initramfs-old " K(8) "\n");
	/* nothing of it matters to a card that is shared */
	host_init(&shared, "");
	for (int i = 0; i < 3; i++)
		drop_name(&shared.n.v[0].initramfs);
	says(&shared, READY(11) READY(8));
	/* built in */
	settings_done(&shared.set);
	assert_int_equal(settings_parse(RESERVED, "conf", &shared.set, NULL), 0);
	says(&shared, "warn initramfs-lacks " K(11) "\n" READY(8));
	strv_add(&shared.n.v[0].initramfs.names, "./scripts/init-top/gpupt");
	strv_add(&shared.n.v[0].initramfs.names, "./etc/udev/rules.d/10-gpupt.rules");
	says(&shared, "warn initramfs-lacks " K(11) "\n" READY(8));
	shared.n.kernels.v[0].vfio_builtin = true;
	says(&shared, READY(11) READY(8));
}

/* It is reserved in gpupt.conf alone: whatever is in an initramfs is not about it. */
static void unprepared(void **state)
{
	_cleanup_host_ struct host h;

	host_init(&h, RESERVED);
	udev_rules_done(&h.s.udev);
	assert_int_equal(udev_rules_parse("SUBSYSTEM==\"pci\", KERNEL==\"0000:02:*\", ATTR{driver_override}=\"vfio-pci\"\n", PREPARE_UDEV,
					  &h.s.udev), 0);
	says(&h, "warn not-prepared 0000:01:00.0\n");
}

static void which_is_next(void **state)
{
	_cleanup_host_ struct host h;

	host_init(&h, "");
	h.n.kernels.v[0].modules = h.n.kernels.v[1].modules = false;
	says(&h, "warn module-missing " K(11) "\ninfo module-missing " K(8) "\n");
	snprintf(h.n.entries.next, sizeof(h.n.entries.next), K(8));
	says(&h, "info module-missing " K(11) "\nwarn module-missing " K(8) "\n");
	/* it may be any */
	h.n.entries.next[0] = '\0';
	says(&h, "info next-unknown host\nwarn module-missing " K(11) "\nwarn module-missing " K(8) "\n");
	snprintf(h.n.entries.next, sizeof(h.n.entries.next), "gone");
	says(&h, "info next-unknown host\nwarn module-missing " K(11) "\nwarn module-missing " K(8) "\n");
	/* of one there is no choice */
	h.n.kernels.n = 1;
	h.n.entries.next[0] = '\0';
	says(&h, "warn module-missing " K(11) "\n");
	h.n.kernels.n = 0;
	says(&h, "info next-unknown host\n");
	h.n.kernels.n = 2;
}

static void entries(void **state)
{
	struct loader_param file[] = { { .text = (char[]){ "quiet" } }, { .text = (char[]){ "intel-iommu=on" } },
					      { .text = (char[]){ "x=\"a b\"" } }, { .text = (char[]){ "--" } },
					      { .text = (char[]){ "single" } } };
	_cleanup_host_ struct host h;

	host_init(&h, "");
	h.s.loader.next = (struct loader_params){ .v = file, .n = ARRAY_SIZE(file) };
	says(&h, "warn entry-old " K(11) "\ninfo entry-old " K(8) "\n");
	free(h.n.entries.v[0].params);
	h.n.entries.v[0].params = strdup("root=/dev/x quiet intel_iommu=on x=\"a b\"");
	says(&h, READY(11) "info entry-old " K(8) "\n");
	h.n.entries.v[0].initrd = false;
	says(&h, "warn entry-old " K(11) "\ninfo entry-old " K(8) "\n");
	snprintf(h.s.loader.next.why, sizeof(h.s.loader.next.why), "why");
	h.n.entries.v[0].initrd = true;
	says(&h, READY(11) READY(8));
	snprintf(h.n.entries.v[1].release, sizeof(h.n.entries.v[1].release), "another");
	says(&h, READY(11) "info entry-missing " K(8) "\n");
	snprintf(h.n.entries.why, sizeof(h.n.entries.why), "why");
	says(&h, "info next-unseen host\n" READY(11) READY(8));
	h.s.loader.next = (struct loader_params){ 0 };
}

/* Partitions of proxmox-boot-tool, each with both kernels. */
static void add_esp(struct host *h, const char *uuid)
{
	struct esps *l = &h->n.esps;
	struct esp *e;

	l->v = reallocarray(l->v, l->n + 1, sizeof(*l->v));
	e = &l->v[l->n++];
	*e = (struct esp){ .entries = { .v = calloc(2, sizeof(*e->entries.v)), .n = 2 } };
	snprintf(e->uuid, sizeof(e->uuid), "%s", uuid);
	for (size_t i = 0; i < 2; i++) {
		struct boot_entry *b = &e->entries.v[i];

		*b = (struct boot_entry){ .file = strdup("/x"), .params = strdup("root=/dev/x quiet"), .initrd = true, .initrd_size = 7 };
		snprintf(b->release, sizeof(b->release), "%s", h->n.kernels.v[i].release);
		h->n.kernels.v[i].initrd_size = 7;
	}
}

static void set_params(struct boot_entry *e, const char *params)
{
	free(e->params);
	e->params = strdup(params);
}

static void partitions(void **state)
{
	_cleanup_findings_ struct findings found = { 0 };
	_cleanup_host_ struct host h;
	struct esp *a, *b;

	host_init(&h, "");
	add_esp(&h, "AAAA-0001");
	add_esp(&h, "AAAA-0002");
	a = &h.n.esps.v[0];
	b = &h.n.esps.v[1];
	says(&h, READY(11) READY(8));
	/* one has no entry, be it the first */
	snprintf(b->entries.v[1].release, KERNEL_RELEASE_LEN, K(5));
	says(&h, "warn esp-behind AAAA-0002\n" READY(11));
	snprintf(b->entries.v[1].release, KERNEL_RELEASE_LEN, K(8));
	snprintf(a->entries.v[0].release, KERNEL_RELEASE_LEN, K(5));
	says(&h, "warn esp-behind AAAA-0001\n" READY(8));
	/* none has: that is the kernel's affair, and a kernel that is not installed is nobody's */
	snprintf(b->entries.v[0].release, KERNEL_RELEASE_LEN, K(4));
	says(&h, READY(11) READY(8));
	snprintf(a->entries.v[0].release, KERNEL_RELEASE_LEN, K(11));
	snprintf(b->entries.v[0].release, KERNEL_RELEASE_LEN, K(11));
	/* older parameters */
	set_params(&b->entries.v[1], "root=/dev/x");
	says(&h, "warn esp-behind AAAA-0002\n" READY(11));
	set_params(&b->entries.v[1], "root=/dev/x quiet");
	/* another initramfs than the host's, on both; one whose size is not known; a kernel without one */
	h.n.kernels.v[0].initrd_size = 8;
	says(&h, "warn esp-behind AAAA-0001\nwarn esp-behind AAAA-0002\n" READY(8));
	a->entries.v[0].initrd_size = -1;
	says(&h, "warn esp-behind AAAA-0002\n" READY(8));
	b->entries.v[0].initrd_size = 0;
	says(&h, "warn esp-behind AAAA-0002\n" READY(8));
	b->entries.v[0].initrd_size = 8;
	says(&h, READY(11) READY(8));
	/* all in one sentence */
	b->entries.v[0].initrd_size = 9;
	snprintf(b->entries.v[1].release, KERNEL_RELEASE_LEN, K(5));
	esp_judge(&h.n, &found);
	assert_int_equal(found.n, 1);
	assert_non_null(strstr(found.v[0].message, "the partition AAAA-0002"));
	assert_non_null(strstr(found.v[0].message, ": it lacks an entry for " K(8) "; its initramfs is not the one in /boot for " K(11)));
	/* one that is away: the rest is as prepared, as far as can be seen; if the first is, the second is the measure */
	snprintf(a->entries.why, sizeof(a->entries.why), "it is not there");
	b->entries.v[0].initrd_size = 8;
	set_params(&b->entries.v[0], "other");
	says(&h, "warn esp-behind AAAA-0001\n" READY(11) READY(8));
	findings_done(&found);
	next_boot_judge(&h.s, &h.set, &h.n, &found);
	assert_non_null(strstr(found.v[0].message, "cannot be looked at: it is not there"));
	assert_non_null(strstr(found.v[1].message, "as far as can be seen"));
}

static void iommu(void **state)
{
	struct loader_param file[] = { { .text = (char[]){ "amd_iommu=off" } } };
	_cleanup_host_ struct host h;

	host_init(&h, "");
	snprintf(h.s.iommu.firmware, sizeof(h.s.iommu.firmware), "DMAR");
	says(&h, READY(11) READY(8));
	h.n.kernels.v[0].intel_iommu = TRI_YES;
	h.n.kernels.v[1].intel_iommu = TRI_NO;
	says(&h, READY(11) "info next-iommu " K(8) "\n");
	free(h.n.entries.v[0].params);
	h.n.entries.v[0].params = strdup("iommu=off");
	says(&h, "warn next-iommu " K(11) "\ninfo next-iommu " K(8) "\n");
	h.s.iommu.firmware[0] = '\0';
	says(&h, READY(11) READY(8));
	/* entries that cannot be seen: what the file says */
	snprintf(h.s.iommu.firmware, sizeof(h.s.iommu.firmware), "IVRS");
	h.s.loader.next = (struct loader_params){ .v = file, .n = 1 };
	snprintf(h.n.entries.why, sizeof(h.n.entries.why), "why");
	says(&h, "info next-unseen host\nwarn next-iommu " K(11) "\ninfo next-iommu " K(8) "\n");
	h.s.loader.next = (struct loader_params){ 0 };
}

static void add_dkms(struct host *h, const char *name, bool there, enum tri is_signed)
{
	struct dkms *d = &h->n.dkms;
	struct dkms_module *m;

	d->v = reallocarray(d->v, d->n + 1, sizeof(*d->v));
	m = &d->v[d->n++];
	*m = (struct dkms_module){ .name = strdup(name), .version = strdup("1"), .v = calloc(1, sizeof(*m->v)), .n = 1 };
	snprintf(m->v->release, sizeof(m->v->release), K(11));
	m->v->v = calloc(1, sizeof(*m->v->v));
	m->v->n = 1;
	*m->v->v = (struct dkms_file){ .path = strdup("/m.ko"), .there = there, .is_signed = is_signed };
}

static void modules(void **state)
{
	static const struct {
		const char *conf, *name;
		bool there;
		enum tri is_signed;
		const char *want;
	} cases[] = {
		{ "", "nvidia", true, TRI_UNKNOWN, READY(11) "info module-missing " K(8) "\n" },
		{ "", "nvidia-current-open", true, TRI_YES, READY(11) "info module-missing " K(8) "\n" },
		{ "", "nvidia", false, TRI_YES, "warn module-missing " K(11) "\ninfo module-missing " K(8) "\n" },
		{ "", "nvidia", true, TRI_NO, "warn module-unsigned " K(11) "\ninfo module-missing " K(8) "\n" },
		{ "", "vendor-reset", true, TRI_YES, READY(11) "info module-missing " K(8) "\n" },
		{ "", "i915-sriov-dkms", false, TRI_NO, READY(11) READY(8) },
		{ "", "zfs", false, TRI_NO, READY(11) READY(8) },
		/* a driver of cards that are never at home; a reset is needed all the same */
		{ "[defaults]\nmode = reserved\n", "nvidia", false, TRI_NO, READY(11) READY(8) },
		{ "[defaults]\nmode = reserved\n", "vendor-reset", true, TRI_YES, READY(11) "info module-missing " K(8) "\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_host_ struct host h;

		host_init(&h, cases[i].conf);
		add_dkms(&h, cases[i].name, cases[i].there, cases[i].is_signed);
		says(&h, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well), cmocka_unit_test(initramfs), cmocka_unit_test(unprepared), cmocka_unit_test(which_is_next), cmocka_unit_test(entries),
		cmocka_unit_test(partitions),  cmocka_unit_test(iommu),     cmocka_unit_test(modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
