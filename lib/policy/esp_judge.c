/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/esp_judge.h"

/* What is there of one kernel, on all of the partitions that can be seen. */
enum behind { BEHIND_NO, BEHIND_LACKS, BEHIND_PARAMS, BEHIND_INITRD, BEHIND_COUNT };

static const char *const words[] = {
	[BEHIND_LACKS] = "it lacks an entry for",
	[BEHIND_PARAMS] = "it has other parameters for",
	[BEHIND_INITRD] = "its initramfs is not the one in /boot for",
};

static bool others_have(const struct esps *l, const char *release)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].entries.why[0] && boot_entries_find(&l->v[i].entries, release))
			return true;
	return false;
}

static enum behind compare(const struct esps *l, const struct esp *e, const struct kernel *k)
{
	const struct boot_entry *own = boot_entries_find(&e->entries, k->release);
	const struct boot_entry *first = boot_entries_find(&esps_first(l)->entries, k->release);

	/* one that nobody has is left out on purpose, or is behind in /boot: that is said of the kernel itself */
	if (!own)
		return others_have(l, k->release) ? BEHIND_LACKS : BEHIND_NO;
	if (first && strcmp(own->params, first->params) != 0)
		return BEHIND_PARAMS;
	if (k->initrd && own->initrd_size >= 0 && own->initrd_size != k->initrd_size)
		return BEHIND_INITRD;
	return BEHIND_NO;
}

bool esp_is_behind(const struct next_boot *n, const struct kernel *k)
{
	for (size_t i = 0; i < n->esps.n; i++)
		if (!n->esps.v[i].entries.why[0] && compare(&n->esps, &n->esps.v[i], k) != BEHIND_NO)
			return true;
	return false;
}

bool esp_is_unseen(const struct next_boot *n)
{
	for (size_t i = 0; i < n->esps.n; i++)
		if (n->esps.v[i].entries.why[0])
			return true;
	return false;
}

static void judge_seen(const struct next_boot *n, const struct esp *e, struct findings *ret)
{
	_cleanup_text_ struct text what = { 0 };

	for (enum behind b = BEHIND_LACKS; b < BEHIND_COUNT; b++) {
		_cleanup_text_ struct text releases = { 0 };

		for (size_t i = 0; i < n->kernels.n; i++)
			if (compare(&n->esps, e, &n->kernels.v[i]) == b)
				text_join(&releases, ", ", n->kernels.v[i].release);
		if (!releases.len)
			continue;
		text_addf(&what, "%s%s %s", what.len ? "; " : "", words[b], text_str(&releases));
		if (b == BEHIND_PARAMS)
			text_addf(&what, " than %s", esps_first(&n->esps)->uuid);
	}
	if (what.len)
		finding_add(ret, FINDING_ESP_BEHIND, e->uuid, "run 'proxmox-boot-tool refresh' and look for what it skips: the partition may be full",
			    "the partition %s, which proxmox-boot-tool keeps, is not as it should be: %s", e->uuid, text_str(&what));
}

void esp_judge(const struct next_boot *n, struct findings *ret)
{
	for (size_t i = 0; i < n->esps.n; i++) {
		const struct esp *e = &n->esps.v[i];

		if (!e->entries.why[0])
			judge_seen(n, e, ret);
		else
			finding_add(ret, FINDING_ESP_BEHIND, e->uuid,
				    "look at its disk, then run 'proxmox-boot-tool refresh'; 'proxmox-boot-tool clean' drops one that is gone for good",
				    "the partition %s, which proxmox-boot-tool keeps, cannot be looked at: %s", e->uuid, e->entries.why);
	}
}
