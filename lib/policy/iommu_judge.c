/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/cmdline.h"
#include "policy/iommu_judge.h"

#define PARAMS_MAX 256 /* no command line of 64 KiB has as many that matter */

static bool is_intel(const struct iommu *i)
{
	return strcmp(i->firmware, "DMAR") == 0;
}

/* Is word a member of the value of a parameter `name`? */
static bool says(const char *param, const char *name, const char *word)
{
	struct cmdline_param is;
	const char *end, *p = param;
	size_t len = strlen(word);

	if (!cmdline_next(&p, &is) || !cmdline_is(&is, name))
		return false;
	end = is.at + is.len;
	for (p = memchr(is.at, '=', is.len); p && p < end; p = memchr(p + 1, ',', (size_t)(end - p - 1))) {
		size_t n = strcspn(p + 1, ",\" ");

		if (n == len && strncmp(p + 1, word, n) == 0)
			return true;
	}
	return false;
}

enum tri iommu_would_be_on(const struct iommu *i, const char *const params[], size_t n)
{
	enum tri on = is_intel(i) ? i->intel_default : strcmp(i->firmware, "IVRS") == 0 ? TRI_YES : TRI_UNKNOWN;

	for (size_t p = 0; p < n && strcmp(params[p], "--") != 0; p++) {
		if (says(params[p], "iommu", "off"))
			return TRI_NO;
		if (is_intel(i) && says(params[p], "intel_iommu", "on"))
			on = TRI_YES;
		else if (says(params[p], is_intel(i) ? "intel_iommu" : "amd_iommu", "off"))
			on = TRI_NO;
	}
	return on;
}

static enum tri on_now(const struct iommu *i, const struct boot *b)
{
	const char *v[PARAMS_MAX] = { NULL };
	size_t n = 0;

	for (; n < b->cmdline.n && n < ARRAY_SIZE(v); n++)
		v[n] = b->cmdline.v[n];
	return iommu_would_be_on(i, v, n);
}

static enum tri on_by(const struct iommu *i, const struct loader_params *l)
{
	const char *v[PARAMS_MAX] = { NULL };
	size_t n = 0;

	if (l->why[0])
		return TRI_UNKNOWN;
	for (; n < l->n && n < ARRAY_SIZE(v); n++)
		v[n] = l->v[n].text;
	return iommu_would_be_on(i, v, n);
}

/* The parameters that keep it off, as they stand in force; "" for none: then one is missing. */
static void add_offs(const struct boot *b, struct text *t)
{
	strv_foreach (token, &b->cmdline)
		if (says(token, "iommu", "off") || says(token, "intel_iommu", "off") || says(token, "amd_iommu", "off"))
			text_join(t, " ", token);
}

/* What to write or take out, where, and what puts it in force; offs "": something is missing. */
static void add_cure(const struct loader *l, const char *offs, struct text *t)
{
	const char *file = l->file ? l->file : "the boot loader's configuration";

	if (*offs)
		text_addf(t, "take %s out of %s", offs, file);
	else if (l->file && strcmp(l->file, LOADER_CMDLINE) != 0)
		text_addf(t, "add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT in %s", file);
	else
		text_addf(t, "add intel_iommu=on to %s%s", l->file ? "the line of " : "the kernel's parameters in ", file);
	if (l->refresh)
		text_addf(t, ", run '%s'", l->refresh);
	text_add(t, " and reboot");
}

/* The one that switches it on; NULL where that is a default, or something that was taken out. */
static const struct loader_param *param_on(const struct loader_params *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (says(l->v[i].text, "intel_iommu", "on"))
			return &l->v[i];
	return NULL;
}

static void judge_off(const struct iommu *i, const struct boot *b, const struct loader *l, struct findings *ret)
{
	_cleanup_text_ struct text offs = { 0 }, remedy = { 0 };
	const struct loader_param *written;
	enum tri now = on_now(i, b);
	char other[192] = "";

	if (now == TRI_YES) {
		finding_add(ret, FINDING_IOMMU_OFF, "host", "'dmesg | grep -e DMAR -e AMD-Vi -e IOMMU' tells why; a newer firmware may help",
			    "the firmware describes an IOMMU (%s), the kernel's parameters ask for it, and it does not use it", i->firmware);
		return;
	}
	if (on_by(i, &l->next) == TRI_YES) {
		written = param_on(&l->next);
		text_addf(&remedy, "%s%s%sreboot", l->refresh ? "run '" : "", l->refresh ? l->refresh : "",
			  l->refresh ? "' if that was not done after the change, and " : "");
		finding_add(ret, FINDING_IOMMU_REBOOT, "host", text_str(&remedy),
			    "the IOMMU (%s) is switched on in %s, but the running kernel was started without that", i->firmware,
			    written ? written->file : l->file ? l->file : "the boot loader's file");
		return;
	}
	add_offs(b, &offs);
	add_cure(l, text_str(&offs), &remedy);
	/* written where nobody reads it */
	written = l->kind != LOADER_UNKNOWN && !offs.len ? param_on(&l->unread) : NULL;
	if (written)
		snprintf(other, sizeof(other), "; %.80s has it, which %s does not read", written->file, loader_name(l->kind));
	finding_add(ret, FINDING_IOMMU_CMDLINE, "host", text_str(&remedy),
		    offs.len ? "the firmware describes an IOMMU (%s), and %s keeps the running kernel from using it" :
			       "the firmware describes an IOMMU (%s), the running kernel does not use it: %s is missing on its command line%s",
		    i->firmware, offs.len ? text_str(&offs) : "intel_iommu=on", other);
}

void iommu_judge(const struct iommu *i, const struct boot *b, const struct loader *l, struct findings *ret)
{
	switch (iommu_state(i)) {
	case IOMMU_ON:
		break;
	case IOMMU_OFF:
		if (b && l && strcmp(i->firmware, "IORT") != 0) {
			judge_off(i, b, l, ret);
			break;
		}
		finding_add(ret, FINDING_IOMMU_OFF, "host",
			    strcmp(i->firmware, "IVRS") == 0 ? "remove amd_iommu=off or iommu=off from the kernel command line and reboot" :
							       "add intel_iommu=on to the kernel command line and reboot",
			    "the firmware describes an IOMMU (%s), the running kernel does not use it", i->firmware);
		break;
	case IOMMU_NO_GROUPS:
	case IOMMU_ABSENT:
		finding_add(ret, FINDING_IOMMU_OFF, "host", "switch on VT-d (Intel) or IOMMU/AMD-Vi (AMD) in the firmware setup",
			    i->firmware_known ? "no IOMMU: the firmware does not offer one" : "no IOMMU is in use on this host");
		break;
	}
}
