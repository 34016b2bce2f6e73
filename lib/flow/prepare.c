/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/observe.h"
#include "flow/prepare.h"
#include "flow/prepare_record.h"
#include "flow/roms.h"
#include "flow/setup.h"
#include "plan/file.h"
#include "policy/settings_edit.h"

#define INITRAMFS_HOOKS "/usr/share/initramfs-tools/hook-functions"

static void files_done(struct prepare_facts *f)
{
	for (size_t i = 0; i < f->n_files; i++) {
		free(f->files[i].path);
		free(f->files[i].text);
	}
	free(f->files);
	f->files = NULL;
	f->n_files = 0;
}

void prepare_done(struct prepare *p)
{
	settings_done(&p->settings);
	free(p->settings_text);
	setup_done(&p->setup);
	pins_done(&p->pins);
	record_close(&p->record);
	free(p->facts.before.v);
	files_done(&p->facts);
	plan_done(&p->plan);
	findings_done(&p->found);
	text_done(&p->reboot);
}

static int load_file(const struct root *r, const char *path, struct prepare_file *ret, struct err *e)
{
	struct stat st;
	size_t len = 0;
	int k = root_read(r, path, CONF_MAX, &ret->text, &len);

	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read %s", path);
	if (k == 0 && strlen(ret->text) != len)
		return err_set(e, -EBADMSG, "%s is not a text file: it has NUL bytes", path);
	if (k == 0 && root_stat(r, path, &st) == 0) {
		ret->mode = st.st_mode & 07777;
		ret->uid = st.st_uid;
		ret->gid = st.st_gid;
	}
	ret->link = root_lstat(r, path, &st) == 0 && S_ISLNK(st.st_mode);
	ret->path = strdup(path);
	return ret->path ? 0 : -ENOMEM;
}

static int load_files(struct prepare *p, struct err *e)
{
	_cleanup_strv_ struct strv paths = { 0 };
	int k = prepare_paths(&p->facts, &paths);

	if (k == 0 && !(p->facts.files = calloc(paths.n + 1, sizeof(*p->facts.files))))
		k = -ENOMEM;
	for (size_t i = 0; k == 0 && i < paths.n; i++)
		k = load_file(p->root, paths.v[i], &p->facts.files[p->facts.n_files++], e);
	return k;
}

static bool is_card(const struct setup *s, struct bdf b)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].card && bdf_same_slot(s->v[i].fn.bdf, b))
			return true;
	return false;
}

/* What the arguments ask for goes into gpupt.conf, and from there into everything else. */
static int take_arguments(struct prepare *p, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int k;

	if (!p->n_gpus)
		return 0;
	k = root_read(p->root, SETTINGS_PATH, SETTINGS_MAX, &text, NULL);
	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read " SETTINGS_PATH);
	for (size_t i = 0; i < p->n_gpus; i++) {
		const struct prepare_gpu *g = &p->gpus[i];
		enum mode mode = g->has_mode ? g->mode : settings_gpu(&p->settings, g->gpu)->mode;
		char *edited, name[BDF_LEN];
		struct pci_fn fn;

		if (mode == MODE_RESERVED && !is_card(&p->setup, g->gpu))
			return err_set(e, -EINVAL, "%s is no card for VMs but the display of the machine's management controller: nothing can be reserved there",
				       bdf_format(g->gpu, name));
		k = pci_fn_load(p->root, g->gpu, &fn, e);
		if (k == 0)
			k = settings_edit_gpu(text, g->gpu, fn.id, "mode", mode == MODE_RESERVED ? "reserved" : "shared", &edited);
		if (k < 0)
			return k;
		free(text);
		text = edited;
	}
	settings_done(&p->settings);
	k = settings_parse(text, SETTINGS_PATH, &p->settings, e);
	p->settings_text = TAKE_PTR(text);
	return k;
}

/* The program that l's refresh starts with, if it is nowhere in the path of programs. */
static const char *lacking_program(const struct root *r, const struct loader *l)
{
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	static char name[64];
	char path[PATH_MAX];

	if (!l->refresh)
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(l->refresh, " "), l->refresh);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (root_exists(r, path_f(path, "%s/%s", dirs[i], name)))
			return NULL;
	return name;
}

/* ROMs that could not be had are not asked for at every run: a note has the step's target. */
static void drop_known_misses(struct prepare *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->plan.n; i++) {
		struct step *s = &p->plan.steps[i];

		if (s->kind == &step_rom && record_get(&p->record, s->target))
			step_done(s);
		else
			p->plan.steps[n++] = *s;
	}
	p->plan.n = n;
}

int prepare_look(struct prepare *p, struct err *e)
{
	bool adopt = false;
	int k = settings_load(p->root, &p->settings, e);

	p->record.fd = -1;
	if (k == 0)
		k = setup_load(p->root, &p->setup, e);
	if (k == 0)
		k = pins_find(&p->setup, &p->pins);
	if (k == 0)
		k = take_arguments(p, e);
	if (k == 0)
		k = prepare_record_load(p->root, &p->record, &p->unfinished, &adopt, e);
	if (k < 0)
		return k;
	p->adopt |= adopt;
	p->facts = (struct prepare_facts){
		.setup = &p->setup,
		.pins = &p->pins,
		.settings = &p->settings,
		.settings_text = p->settings_text,
		.adopt = p->adopt,
		/* a captured tree has no programs: there it is as it is on Proxmox VE */
		.initramfs_tools = !root_is_live(p->root) || root_exists(p->root, INITRAMFS_HOOKS),
		.lacking = root_is_live(p->root) ? lacking_program(p->root, &p->setup.loader) : NULL,
	};
	k = prepare_record_steps(&p->record, p->unfinished, &p->facts.before);
	if (k == 0)
		k = load_files(p, e);
	if (k == 0)
		k = prepare_decide(&p->facts, &p->plan, &p->found);
	drop_known_misses(p);
	if (k == 0)
		k = file_add_parents(p->root, &p->plan, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < p->plan.n; i++)
		prepare_reboot_reason(&p->plan.steps[i], &p->reboot);
	return p->reboot.r;
}

static int read_roms(struct prepare *p, const struct engine *en, struct record *rec, struct err *e)
{
	_cleanup_strv_ struct strv wanted = { 0 };
	int k = 0;

	for (size_t i = 0; k == 0 && i < p->plan.n; i++)
		if (p->plan.steps[i].kind == &step_rom)
			k = strv_add(&wanted, p->plan.steps[i].target);
	if (k == 0)
		k = roms_read(en, &p->plan, e);
	strv_foreach (target, &wanted) {
		bool read = false;

		for (size_t i = 0; i < p->plan.n; i++)
			read |= str_eq(p->plan.steps[i].target, target);
		if (k == 0 && !read)
			k = record_note(rec, target, "the ROM could not be read", e);
	}
	return k;
}

/* Has somebody else prepared or reverted since it was read? What was decided by it is worth nothing then. */
static bool is_stale(const struct record *then, const struct record *now)
{
	if (then->n_steps != now->n_steps)
		return true;
	for (size_t i = 0; i < now->n_steps; i++)
		if (then->steps[i].state != now->steps[i].state)
			return true;
	return false;
}

static bool any_open_from(const struct record *rec, unsigned int first)
{
	for (size_t i = 0; i < rec->n_steps; i++)
		if (rec->steps[i].seq >= first && record_step_open(&rec->steps[i]))
			return true;
	return false;
}

int prepare_make(struct prepare *p, const struct engine *en, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct undo_result u = { 0 };
	struct err ending = { "" };
	unsigned int first;
	int k = prepare_record_open(p->root, &rec, e), r;

	if (k < 0)
		return k;
	if (is_stale(&p->record, &rec)) {
		if (!rec.n_steps)
			prepare_record_end(&rec, &ending);
		return err_set(e, -ESTALE, "another process has prepared or reverted this host meanwhile: run it again");
	}
	first = (unsigned int)rec.n_steps + 1;
	/* of a record that was removed by then the numbers begin anew */
	if (p->unfinished && p->unfinished < first)
		first = p->unfinished;
	k = prepare_record_begin(&rec, first, p->adopt, e);
	if (k == 0)
		k = read_roms(p, en, &rec, e);
	if (k == 0)
		k = plan_check(en, &p->plan, e);
	if (k == 0)
		k = plan_apply(en, &p->plan, &rec, &u, e);
	if (k < 0 && !undo_complete(&u))
		return err_set(e, -EUCLEAN, "not everything could be put back: 'gpupt-helper revert --unfinished' tries again");
	/* what one that was cut off had made before, or this one, by a node that shuts down: it stays unfinished */
	if (k < 0 && any_open_from(&rec, first))
		return k;
	if (k == 0 && prepare_reboot_mark(p->root, &p->reboot))
		record_note(&rec, PREPARE_MARKED, "yes", &ending);
	r = prepare_record_end(&rec, k < 0 ? &ending : e);
	return k < 0 ? k : r;
}
