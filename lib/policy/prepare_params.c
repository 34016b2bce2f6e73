/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's parameters for the IOMMU, and where they are written. AMD's is on by default and needs none; Intel's is off by default in
 * Proxmox VE's kernels before 6.8. "iommu=pt" has the host's own devices go past the translation, which costs them
 * time (kernel-parameters of the kernel's administrator's guide).
 */
#include <errno.h>

#include "host/cmdline.h"
#include "host/grub.h"
#include "plan/param.h"
#include "policy/iommu_judge.h"
#include "policy/prepare_parts.h"

#define PARAMS_MAX 256 /* as in iommu_judge.c */

static const char *const tokens[] = { "intel_iommu=on", "iommu=pt" };

bool prepare_is_off(const char *param)
{
	const struct iommu intel = { .firmware = "DMAR", .intel_default = TRI_YES }, amd = { .firmware = "IVRS" };

	return iommu_would_be_on(&intel, &param, 1) == TRI_NO || iommu_would_be_on(&amd, &param, 1) == TRI_NO;
}

static const char *param_recorded(const struct prepare_facts *f, const char *token)
{
	_cleanup_text_ struct text target = { 0 };

	param_target(LOADER_CMDLINE, token, &target);
	return prepare_recorded(f, &step_param, text_str(&target));
}

static bool by_grub(const struct loader *l)
{
	return l->file && strcmp(l->file, LOADER_CMDLINE) != 0;
}

static size_t add_ours(const char *ret[static PARAMS_MAX], size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		ret[n++] = tokens[i];
	return n;
}

/*
 * Of what the next boot's parameters are those of others, without those that are to be taken out; with ours where they would stand, if
 * they are to be among them. None, where that cannot be told.
 */
static size_t params_of(const struct prepare_facts *f, bool ours, const char *ret[static PARAMS_MAX])
{
	const struct loader *l = &f->setup->loader;
	size_t n = 0;

	for (size_t i = 0; l->file && i < l->next.n && n < PARAMS_MAX - ARRAY_SIZE(tokens); i++) {
		const struct loader_param *p = &l->next.v[i];

		/* init's from there on */
		if (strcmp(p->text, "--") == 0)
			break;
		if (ours && by_grub(l) && !p->recovery) {
			n = add_ours(ret, n);
			ours = false;
		}
		if (prepare_is_own(p->file) || param_recorded(f, p->text))
			continue;
		if (!f->adopt || !prepare_is_off(p->text))
			ret[n++] = p->text;
	}
	return ours ? add_ours(ret, n) : n;
}

static size_t others(const struct prepare_facts *f, const char *ret[static PARAMS_MAX])
{
	return params_of(f, false, ret);
}

/* Have we written parameters before? Then they stay: that the IOMMU is on now may be their doing. */
static bool written_before(const struct prepare_facts *f)
{
	return prepare_recorded(f, &step_file, PREPARE_GRUB) || prepare_recorded(f, &step_file, LOADER_CMDLINE) ||
	       param_recorded(f, tokens[0]);
}

/* Does the running kernel lack the IOMMU for want of a parameter? */
static bool is_lacking(const struct prepare_facts *f)
{
	const struct iommu *i = &f->setup->iommu;
	const char *params[PARAMS_MAX];

	if (strcmp(i->firmware, "DMAR") != 0)
		return false;
	if (written_before(f))
		return true;
	return iommu_state(i) == IOMMU_OFF && iommu_would_be_on(i, params, others(f, params)) != TRI_YES;
}

/* The n-th parameter that is wanted, or NULL. */
static const char *wanted(const struct prepare_facts *f, size_t n)
{
	const char *params[PARAMS_MAX];
	size_t have = others(f, params);

	if (!is_lacking(f))
		return NULL;
	/* what somebody says of iommu= holds, but that it be off */
	for (size_t i = 0; n == 1 && i < have; i++)
		if (cmdline_has(params[i], "iommu"))
			return NULL;
	return n < ARRAY_SIZE(tokens) ? tokens[n] : NULL;
}

void prepare_grub(const struct prepare_facts *f, struct text *t)
{
	const char *token;

	if (!by_grub(&f->setup->loader) || !is_lacking(f))
		return;
	/*
	 * In front: behind a "--" of somebody's they would be init's. The recovery entries stay without, for a machine that does not
	 * bear it.
	 */
	text_add(t, PREPARE_HEADER "GRUB_CMDLINE_LINUX_DEFAULT=\"");
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		if ((token = wanted(f, i)))
			text_addf(t, "%s ", token);
	text_add(t, "$GRUB_CMDLINE_LINUX_DEFAULT\"\n");
}

/* Where there is no file, proxmox-boot-tool takes the running kernel's parameters: a file that is made has to have them all. */
static int plan_whole_file(const struct prepare_facts *f, struct plan *plan, struct findings *found)
{
	const struct loader_params *next = &f->setup->loader.next;
	_cleanup_text_ struct text t = { 0 };
	_cleanup_free_ char *line = NULL;
	const char *token;
	int k;

	for (size_t i = 0; i < next->n; i++)
		if (!str_starts(next->v[i].text, "BOOT_IMAGE="))
			text_join(&t, " ", next->v[i].text);
	text_add(&t, "\n");
	line = t.r < 0 ? NULL : strdup(text_str(&t));
	k = line ? 0 : -ENOMEM;
	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(tokens); i++) {
		char *more = NULL;

		if (!(token = wanted(f, i)) || (k = cmdline_add(line, token, &more)) < 0)
			continue;
		free(line);
		line = more;
	}
	if (k == -EINVAL) {
		prepare_block(finding_add(found, FINDING_LOADER_UNKNOWN, "host",
					  "write " LOADER_CMDLINE " yourself, then 'proxmox-boot-tool refresh', and reboot",
					  "the running kernel's parameters have quotes that are not closed, and there is no %s", LOADER_CMDLINE));
		return found->r;
	}
	return k == 0 && plan_add(plan, &step_file, LOADER_CMDLINE, NULL, line,
				  "the kernel is to use the IOMMU; the parameters are those of now, and these") ? 0 : -ENOMEM;
}

int prepare_params_back(const char *made, const char *now, struct plan *plan)
{
	/* they were added behind all others of the kernel's, the first of them in any case */
	const char *ours = strstr(made, tokens[0]);

	for (const char *p = ours; p && (p = strstr(p + 1, tokens[0]));)
		ours = p;
	for (size_t i = 0; i < ARRAY_SIZE(tokens) && ours; i++) {
		_cleanup_text_ struct text target = { 0 };

		param_target(LOADER_CMDLINE, tokens[i], &target);
		if (cmdline_has(ours, tokens[i]) && cmdline_has_exactly(now, tokens[i]) &&
		    (target.r < 0 || !plan_add(plan, &step_param, text_str(&target), tokens[i], NULL, "the host is not prepared any more")))
			return -ENOMEM;
	}
	return 0;
}

/* Does somebody's own one stand beside ours? Which of the two is his nobody can tell, and one has to stay. */
static bool stands_twice(const char *line, const char *token)
{
	_cleanup_free_ char *rest = NULL;

	return cmdline_remove_first(line, token, &rest) == 0 && cmdline_has_exactly(rest, token);
}

static int plan_token(const struct prepare_facts *f, size_t i, const char *line, struct plan *plan, struct findings *found)
{
	const struct loader *l = &f->setup->loader;
	bool want = l->file && !by_grub(l) && wanted(f, i), ours = param_recorded(f, tokens[i]), has = cmdline_has(line, tokens[i]);
	_cleanup_text_ struct text target = { 0 };
	bool ok = true;

	param_target(LOADER_CMDLINE, tokens[i], &target);
	if (ours && !has)
		finding_add(found, FINDING_EDITED, "host", "see gpupt-helper(8) for how to have it made anew",
			    "somebody has taken %s out of %s: it stays out", tokens[i], LOADER_CMDLINE);
	else if (want && !has)
		ok = plan_add(plan, &step_param, text_str(&target), NULL, tokens[i],
			      i ? "the host's own devices need no translation" : "the kernel is to use the IOMMU");
	else if (!want && ours && stands_twice(line, tokens[i]))
		finding_add(found, FINDING_EDITED, "host", "take one of them out, and run it again",
			    "somebody has written %s into %s once more: both stay", tokens[i], LOADER_CMDLINE);
	else if (!want && ours)
		ok = plan_add(plan, &step_param, text_str(&target), tokens[i], NULL, "it is not needed there any more");
	return ok && target.r == 0 ? found->r : -ENOMEM;
}

int prepare_params(const struct prepare_facts *f, struct plan *plan, struct findings *found)
{
	const struct prepare_file *file = prepare_file(f, LOADER_CMDLINE);
	int k = 0;

	if (!file || !file->text)
		return f->setup->loader.kind == LOADER_PROXMOX_SYSTEMD && is_lacking(f) ? plan_whole_file(f, plan, found) : 0;
	/* it was made by us as a whole */
	if (prepare_recorded(f, &step_file, LOADER_CMDLINE))
		return 0;
	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(tokens); i++)
		k = plan_token(f, i, file->text, plan, found);
	return k;
}

/* What would keep a drop-in of GRUB's from the kernel. */
static void judge_grub(const struct loader *l, struct findings *found)
{
	const struct loader_param *init = NULL;

	if (l->hidden_by[0])
		prepare_block(finding_add(found, FINDING_LOADER_UNKNOWN, "host",
					  "have it add to $GRUB_CMDLINE_LINUX_DEFAULT, or move what it says to " GRUB_DEFAULTS,
					  "%s sets GRUB_CMDLINE_LINUX_DEFAULT anew behind all other files: intel_iommu=on would not reach the kernel",
					  l->hidden_by));
	for (size_t i = 0; i < l->next.n && !init; i++)
		if (l->next.v[i].recovery && strcmp(l->next.v[i].text, "--") == 0)
			init = &l->next.v[i];
	if (init)
		prepare_block(finding_add(found, FINDING_LOADER_UNKNOWN, "host",
					  "move it, and what is behind it, to the end of GRUB_CMDLINE_LINUX_DEFAULT",
					  "'--' in GRUB_CMDLINE_LINUX (%s:%u) makes init's what is behind it: intel_iommu=on would not reach the kernel",
					  init->file, init->line));
}

/* The first that would be enough. */
static void judge_off(const struct prepare_facts *f, struct findings *found)
{
	const struct loader *l = &f->setup->loader;
	const char *what = "a parameter", *file = l->file;

	for (size_t i = l->next.n; i > 0; i--) {
		if (!prepare_is_off(l->next.v[i - 1].text))
			continue;
		what = l->next.v[i - 1].text;
		file = l->next.v[i - 1].file;
	}
	prepare_block(finding_add(found, FINDING_LOADER_UNKNOWN, "host", "take it out, or have --adopt do that",
				  "%s in %s keeps the IOMMU off, whatever is added", what, file));
}

void prepare_judge_params(const struct prepare_facts *f, struct findings *found)
{
	const struct loader *l = &f->setup->loader;
	struct iommu iommu = f->setup->iommu; /* as it would be but for parameters */
	const char *params[PARAMS_MAX];
	bool lacking = is_lacking(f);
	size_t n = params_of(f, lacking, params);

	if (lacking && l->file && f->setup->boot.image)
		finding_add(found, FINDING_IMAGE, "host", NULL,
			    "whose processor will run this tree is not known: intel_iommu=on is there for Intel's; AMD's needs none");
	iommu.intel_default = TRI_YES;
	if (iommu_would_be_on(&iommu, params, n) == TRI_NO && l->file)
		judge_off(f, found);
	else if (!lacking)
		return;
	else if (!l->file && f->setup->boot.image)
		finding_add(found, FINDING_LOADER_UNKNOWN, "host", "run 'gpupt-helper prepare' once more on the machine that boots it",
			    "which boot loader will start this tree is not known: no kernel parameters are written; Intel's needs intel_iommu=on");
	else if (!l->file)
		prepare_block(finding_add(found, FINDING_LOADER_UNKNOWN, "host",
					  "add intel_iommu=on to the kernel's parameters in the boot loader's configuration, reboot, and run it again",
					  "the kernel needs intel_iommu=on, and which boot loader started this machine is not known"));
	else if (by_grub(l))
		judge_grub(l, found);
	else if (!l->refresh)
		finding_add(found, FINDING_LOADER_UNKNOWN, "host", "run 'kernel-install add' for each installed kernel, then reboot",
			    "%s is read when a kernel is installed, and at no other time", l->file);
}
