/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of steps that prepare a host: files and their directories, parameters, lines, and what is made of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan/file.h"
#include "plan/param.h"
#include "plan/rebuild.h"
#include "plan/state.h"
#include "tests/fake/prepare.h"

struct world {
	struct fake *f;
	struct plan plan;
	struct record rec;
	struct text diary;
	struct engine en;
	struct undo_result u;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->f = prepare_machine();
	w->rec.fd = -1;
	prepare_engine(w->f, &w->diary, &w->en);
	assert_int_equal(record_create(&w->f->root, PREPARE_RECORD, &w->rec, &w->e), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	record_close(&w->rec);
	plan_done(&w->plan);
	text_done(&w->diary);
	fake_free(w->f);
	free(w);
	return 0;
}

static const struct step *only(struct world *w, const struct step_kind *kind, const char *target, const char *before, const char *after)
{
	plan_done(&w->plan);
	return plan_add(&w->plan, kind, target, before, after, "");
}

static void apply(struct world *w)
{
	assert_int_equal(plan_check(&w->en, &w->plan, &w->e), 0);
	if (plan_apply(&w->en, &w->plan, &w->rec, &w->u, &w->e) < 0)
		fail_msg("%s\n%s", w->e.text, text_str(&w->diary));
	plan_done(&w->plan);
	text_done(&w->diary);
}

static void undo(struct world *w)
{
	text_done(&w->diary);
	record_undo(&w->en, &w->rec, NULL, NULL, &w->u);
}

static void assert_value(struct world *w, const struct step *s, const char *value)
{
	_cleanup_free_ char *now = NULL;

	assert_int_equal(s->kind->get(&w->en, s, &now, &w->e), 0);
	if (!str_eq(now, value))
		fail_msg("%s is '%s', not '%s'", s->target, now ? now : "(absent)", value ? value : "(absent)");
}

static void assert_file(struct world *w, const char *path, const char *text)
{
	_cleanup_free_ char *now = NULL;

	assert_int_equal(root_read(&w->f->root, path, 1 << 20, &now, NULL), 0);
	assert_string_equal(now, text);
}

static unsigned int mode_of(struct world *w, const char *path)
{
	struct stat st;

	assert_int_equal(root_stat(&w->f->root, path, &st), 0);
	return st.st_mode & 07777;
}

static void change_mode(struct world *w, const char *path, mode_t mode)
{
	char full[PATH_MAX];

	assert_int_equal(chmod(fake_path(w->f, full, path), mode), 0);
}

/* --- files --- */

static void file_targets(void **state)
{
	static const struct {
		const char *target, *path;
		unsigned int mode, uid, gid;
	} cases[] = {
		{ "/etc/a", "/etc/a", 0644, -1U, -1U },
		{ "/etc/a b=c d", "/etc/a b=c d", 0644, -1U, -1U },
		{ "/etc/a mode=0755,owner=0:0", "/etc/a", 0755, 0, 0 },
		{ "/etc/a b mode=0600,owner=33:4294967294", "/etc/a b", 0600, 33, 4294967294U },
		{ "/etc/a mode=1 mode=0644,owner=0:0", "/etc/a mode=1", 0644, 0, 0 },
		{ "/etc/mode=0755", "/etc/mode=0755", 0644, -1U, -1U },
		{ "/etc/a mode=0755" },			{ "/etc/a owner=0:0" },
		{ "/etc/a mode=755,owner=0:0" },	{ "/etc/a mode=4755,owner=0:0" },
		{ "/etc/a mode=07555,owner=0:0" },	{ "/etc/a mode=0788,owner=0:0" },
		{ "/etc/a mode=0755,owner=0" },		{ "/etc/a mode=0755,owner=root:root" },
		{ "/etc/a mode=0755,owner=0:0 " },	{ "/etc/a mode=0755,owner=0:0x" },
		{ "/etc/a mode=0755, owner=0:0" },	{ "/etc/a mode=0755,owner=00:0" },
		{ "/etc/a mode=0755,owner=4294967295:0" }, { "/etc/a mode=0755,owner=-1:0" },
		{ "/etc/a/ mode=0755,owner=0:0" },	{ "etc/a" },
		{ "etc/a mode=0755,owner=0:0" },	{ " mode=0755,owner=0:0" },
		{ "/" },				{ "/etc/" },
		{ "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text again = { 0 };
		struct root_own own;
		char path[PATH_MAX];
		struct err e;
		int k = file_target_parse(cases[i].target, path, &own, &e);

		if (k != (cases[i].path ? 0 : -EINVAL))
			fail_msg("'%s': %d", cases[i].target, k);
		if (k < 0)
			continue;
		assert_string_equal(path, cases[i].path);
		assert_int_equal(own.mode, cases[i].mode);
		assert_int_equal(own.uid, cases[i].uid);
		assert_int_equal(own.gid, cases[i].gid);
		file_target(path, own.mode, own.uid == (uid_t)-1 ? 0 : own.uid, own.gid == (gid_t)-1 ? 0 : own.gid, &again);
		assert_string_equal(text_str(&again), cases[i].target);
	}
}

/* What a file gets when it is made, whatever the umask; what it keeps when it is replaced. */
static void modes(void **state)
{
	struct world *w = *state;
	_cleanup_text_ struct text target = { 0 };
	mode_t mask = umask(077);

	file_target("/etc/initramfs-tools/hooks/a b", 0755, getuid(), getgid(), &target);
	plan_add(&w->plan, &step_file, text_str(&target), NULL, "#!/bin/sh\n", "");
	plan_add(&w->plan, &step_file, "/etc/modprobe.d/gpupt.conf", NULL, "# ours\n", "");
	plan_add(&w->plan, &step_file, "/etc/gpupt/gpupt.conf", "# old\n", "# new\n", "");
	plan_add(&w->plan, &step_file, "/etc/default/grub.d/zz-gpupt.cfg", NULL, "# ours\n", "");
	assert_int_equal(file_add_parents(&w->f->root, &w->plan, &w->e), 0);
	apply(w);
	umask(mask);
	assert_int_equal(mode_of(w, "/etc/initramfs-tools/hooks/a b"), 0755);
	assert_int_equal(mode_of(w, "/etc/modprobe.d/gpupt.conf"), 0644);
	assert_int_equal(mode_of(w, "/etc/gpupt/gpupt.conf"), 0640);
	assert_int_equal(mode_of(w, "/etc/default/grub.d"), 0755);
	assert_file(w, "/etc/gpupt/gpupt.conf", "# new\n");
	/* what its owner has made of it since stays as well */
	change_mode(w, "/etc/gpupt/gpupt.conf", 0600);
	undo(w);
	assert_int_equal(w->u.undone, 5);
	assert_int_equal(mode_of(w, "/etc/gpupt/gpupt.conf"), 0600);
	assert_file(w, "/etc/gpupt/gpupt.conf", "# old\n");
	assert_false(fake_exists(w->f, "/etc/default/grub.d"));
}

static void odd_files(void **state)
{
	struct world *w = *state;
	const struct step *s;

	fake_link(w->f, "/etc/modprobe.d/link.conf", "../gpupt/gpupt.conf");
	s = only(w, &step_file, "/etc/modprobe.d/link.conf", "# old\n", "# new\n");
	assert_int_equal(step_file.set(&w->en, s, &w->e), -EINVAL);
	assert_non_null(strstr(w->e.text, "it is a link"));
	fake_put_bytes(w->f, "/etc/modprobe.d/bytes.conf", "a\0b", 3);
	s = only(w, &step_file, "/etc/modprobe.d/bytes.conf", NULL, "x");
	assert_int_equal(step_file.get(&w->en, s, &(char *){ NULL }, &w->e), -EBADMSG);
	s = only(w, &step_file, "/etc/a mode=1", NULL, "x");
	assert_int_equal(step_file.get(&w->en, s, &(char *){ NULL }, &w->e), -EINVAL);
	assert_int_equal(step_file.set(&w->en, s, &w->e), -EINVAL);
}

/* --- directories --- */

static void parents(void **state)
{
	struct world *w = *state;
	_cleanup_text_ struct text t = { 0 };

	plan_add(&w->plan, &step_file, "/etc/a/b/one", NULL, "1", "w");
	plan_add(&w->plan, &step_file, "/etc/a/c/two three mode=0755,owner=0:0", NULL, "2", "w");
	plan_add(&w->plan, &step_file, "/etc/gone/old", "3", NULL, "w");
	plan_add(&w->plan, &step_file, "/etc/default/grub", NULL, "4", "w");
	assert_int_equal(file_add_parents(&w->f->root, &w->plan, &w->e), 0);
	plan_format(&w->plan, &t);
	assert_string_equal(text_str(&t), "dir /etc/a: (absent) -> 0755 (w)\n"
					  "dir /etc/a/b: (absent) -> 0755 (w)\n"
					  "file /etc/a/b/one: (absent) -> 1 (w)\n"
					  "dir /etc/a/c: (absent) -> 0755 (w)\n"
					  "file /etc/a/c/two three mode=0755,owner=0:0: (absent) -> 2 (w)\n"
					  "file /etc/gone/old: 3 -> (absent) (w)\n"
					  "file /etc/default/grub: (absent) -> 4 (w)\n");
}

static void apply_drop_in(struct world *w)
{
	plan_add(&w->plan, &step_file, "/etc/default/grub.d/zz-gpupt.cfg", NULL, "# ours\n", "");
	assert_int_equal(file_add_parents(&w->f->root, &w->plan, &w->e), 0);
	apply(w);
}

static void directory_with_files_of_others(void **state)
{
	struct world *w = *state;

	apply_drop_in(w);
	fake_put(w->f, "/etc/default/grub.d/theirs.cfg", "x\n");
	change_mode(w, "/etc/default/grub.d", 0700);
	undo(w);
	assert_true(undo_complete(&w->u) && !w->u.foreign);
	assert_false(fake_exists(w->f, "/etc/default/grub.d/zz-gpupt.cfg"));
	assert_true(fake_exists(w->f, "/etc/default/grub.d/theirs.cfg"));
	assert_non_null(strstr(text_str(&w->diary), "partly dir /etc/default/grub.d: /etc/default/grub.d stays: there are files in it"));
	assert_false(record_any_open(&w->rec));
}

/* A file that could not be removed keeps its directory's step open, too: both go with the next undo. */
static void directory_waits(void **state)
{
	struct world *w = *state;

	apply_drop_in(w);
	fake_arm(w->f, FAKE_STORAGE, FAKE_ERROR_FROM, 1, EIO);
	undo(w);
	fake_disarm(w->f);
	assert_int_equal(w->u.failed, 2);
	assert_true(fake_exists(w->f, "/etc/default/grub.d/zz-gpupt.cfg"));
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_false(fake_exists(w->f, "/etc/default/grub.d"));
}

static void directory_gone_already(void **state)
{
	struct world *w = *state;
	const struct step *s;

	apply_drop_in(w);
	fake_remove(w->f, "/etc/default/grub.d");
	undo(w);
	assert_true(undo_complete(&w->u) && !w->u.foreign);
	fake_put(w->f, "/etc/default/grub.d", "a file\n");
	s = only(w, &step_dir, "/etc/default/grub.d", NULL, "0755");
	assert_int_equal(s->kind->get(&w->en, s, &(char *){ NULL }, &w->e), -ENOTDIR);
}

static void own_directory(void **state)
{
	struct world *w = *state;

	fake_put(w->f, "/var/lib/gpupt/home/x", "1");
	assert_int_equal(state_rmdir(&w->f->root, "/var/lib/gpupt/prepare", &w->e), 0);
	assert_true(fake_exists(w->f, PREPARE_RECORD));
	assert_int_equal(record_remove(&w->rec, &w->e), 0);
	assert_int_equal(state_rmdir(&w->f->root, "/var/lib/gpupt/prepare", &w->e), 0);
	assert_false(fake_exists(w->f, "/var/lib/gpupt/prepare"));
	assert_true(fake_exists(w->f, "/var/lib/gpupt/home/x"));
	fake_remove(w->f, "/var/lib/gpupt/home");
	assert_int_equal(state_rmdir(&w->f->root, "/var/lib/gpupt/prepare", &w->e), 0);
	assert_false(fake_exists(w->f, "/var/lib/gpupt"));
	assert_true(fake_exists(w->f, "/var/lib"));
}

/* --- parameters --- */

#define CMDLINE "/etc/kernel/cmdline"

static void parameter(void **state)
{
	struct world *w = *state;

	plan_add(&w->plan, &step_param, CMDLINE " intel_iommu=on", NULL, "intel_iommu=on", "");
	plan_add(&w->plan, &step_param, CMDLINE " a=\"b c\"", NULL, "a=\"b c\"", "");
	plan_add(&w->plan, &step_param, CMDLINE " quiet", "quiet", NULL, "");
	apply(w);
	assert_file(w, CMDLINE, "root=ZFS=rpool/ROOT/pve-1 boot=zfs  intel_iommu=on a=\"b c\" \n# more\n");
	assert_int_equal(mode_of(w, CMDLINE), 0600);
	/* somebody adds one of his own, and takes one of ours away */
	fake_put(w->f, CMDLINE, "root=x  a=\"b c\" theirs\n");
	undo(w);
	assert_true(undo_complete(&w->u) && !w->u.foreign);
	assert_file(w, CMDLINE, "root=x  theirs quiet\n");
}

/* Taken out from the last to the first, each goes back to where it was. */
static void parameters_taken_out(void **state)
{
	static const char line[] = "vfio-pci.ids=1:2,3:4 root=x  pci=\"a b\" quiet -- quiet\n", *const params[] = { "pci=\"a b\"", "vfio-pci.ids=1:2,3:4" };
	struct world *w = *state;
	_cleanup_text_ struct text none = { 0 };

	assert_int_equal(param_target_at(CMDLINE, "a a", "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_at(CMDLINE, "b\ta", "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_at(CMDLINE, "a\tb", "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_at(CMDLINE, "a \n", "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_at(CMDLINE, "x a b=\"c\n", "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_at(CMDLINE, "\"a=x\"", "a=x", &none), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		_cleanup_text_ struct text target = { 0 };

		assert_int_equal(param_target_at(CMDLINE, line, params[i], &target), 0);
		plan_add(&w->plan, &step_param, text_str(&target), params[i], NULL, "");
	}
	fake_put(w->f, CMDLINE, line);
	apply(w);
	assert_file(w, CMDLINE, "root=x  quiet -- quiet\n");
	undo(w);
	assert_file(w, CMDLINE, line);
	/* to the end, if nothing can stand there any more */
	only(w, &step_param, CMDLINE "@6,a b", "b", NULL);
	fake_put(w->f, CMDLINE, "aaa a b c\n");
	apply(w);
	fake_put(w->f, CMDLINE, "aaaa=aaaaa c\n");
	undo(w);
	assert_file(w, CMDLINE, "aaaa=aaaaa c b\n");
}

static void parameter_of_others(void **state)
{
	struct world *w = *state;
	const struct step *s = only(w, &step_param, CMDLINE " quiet", NULL, "quiet");

	assert_int_equal(plan_apply(&w->en, &w->plan, &w->rec, NULL, &w->e), -ESTALE); /* never claimed */
	/* a name alone is not the same with a value */
	fake_put(w->f, CMDLINE, "quiet=1 x\n");
	assert_value(w, s, NULL);
	apply(w);
	assert_file(w, CMDLINE, "quiet=1 x quiet\n");
	undo(w);
	assert_file(w, CMDLINE, "quiet=1 x\n");
	s = only(w, &step_param, CMDLINE " iommu=pt", NULL, "iommu=pt");
	apply(w);
	fake_remove(w->f, CMDLINE);
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_non_null(strstr(text_str(&w->diary), "gone param " CMDLINE " iommu=pt: " CMDLINE " is not there any more"));
	s = only(w, &step_param, CMDLINE " iommu=pt", NULL, "iommu=pt");
	assert_int_equal(step_param.set(&w->en, s, &w->e), -ENODEV);
	fake_put(w->f, CMDLINE, "a=\"b\n");
	assert_int_equal(step_param.set(&w->en, s, &w->e), -EINVAL);
	assert_non_null(strstr(w->e.text, "a quote that is not closed"));
}

/* Somebody adds the very one that we have added: of the two ours goes, and his is named. */
static void parameter_twice(void **state)
{
	struct world *w = *state;

	only(w, &step_param, CMDLINE " iommu=pt", NULL, "iommu=pt");
	fake_put(w->f, CMDLINE, "root=x\n");
	apply(w);
	fake_put(w->f, CMDLINE, "root=x iommu=pt quiet iommu=pt\n");
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_file(w, CMDLINE, "root=x quiet iommu=pt\n");
	assert_non_null(strstr(text_str(&w->diary), "partly param " CMDLINE " iommu=pt: " CMDLINE " has iommu=pt once more, which somebody else"));
	assert_false(record_any_open(&w->rec));
	undo(w);
	assert_file(w, CMDLINE, "root=x quiet iommu=pt\n");
}

#define GRUB "/etc/default/grub"

/* Takes parameters out, from the last to the first; somebody makes `later` of the file (NULL: nobody); and back. */
static void assert_grub(struct world *w, const char *file, const char *const params[], const char *later, const char *back)
{
	_cleanup_free_ char *text = strdup(file);

	plan_done(&w->plan);
	for (; *params; params++) {
		_cleanup_text_ struct text target = { 0 }, without = { 0 };
		unsigned int line = 1;
		struct param p;

		while (line < 4 && param_target_grub(GRUB, text, line, *params, &target) == -ENOENT)
			line++;
		if (!target.len)
			fail_msg("%s cannot be taken out of '%s'", *params, text);
		plan_add(&w->plan, &step_param, text_str(&target), *params, NULL, "");
		assert_int_equal(param_target_parse(text_str(&target), &p), 0);
		assert_int_equal(param_edit(&p, text, false, &without), 0);
		free(text);
		text = strdup(text_str(&without));
	}
	fake_put(w->f, GRUB, file);
	apply(w);
	assert_file(w, GRUB, text);
	if (later)
		fake_put(w->f, GRUB, later);
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_file(w, GRUB, back ? back : file);
	assert_false(record_any_open(&w->rec));
}

static void grubs_parameters(void **state)
{
	static const struct {
		const char *file, *params[3], *later, *back; /* without `back`: to the byte */
	} cases[] = {
		{ "A=1\nG=\"quiet a=1 b\" # c\n", { "a=1" } },
		{ "G=\"quiet  a=1 b\"", { "a=1" } },
		{ "G=\"a=1 b=2 c\"\n", { "b=2", "a=1" } },
		{ "G=\"a=1\"\n", { "a=1" } },
		{ "G='a=1'\n", { "a=1" } },
		{ "G=a=1\n", { "a=1" } },
		{ "G=\"x=\\\"p q\\\" a=1\"\n", { "a=1" } },
		{ "G=\"quiet x=\\\"p q\\\"\"\n", { "x=\"p q\"" } },
		{ "G=$G' a=1 b'\n", { "a=1" } },
		{ "G=\"x\"; export G=\"$G a=1\"\n", { "a=1" } },
		{ "G=\"x \\\n  a=1 \\\n b\"\n", { "a=1" } },
		{ "G+=\" a=1\"\n", { "a=1" } },
		/* more is written into the value, and lines around it */
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=\"quiet splash\"\n", "G=\"quiet a=1 splash\"\n" },
		{ "G=\"quiet a=1 b=2\"\n", { "b=2", "a=1" }, "# x\nT=5\nG=\"nosplash quiet\" # y\n", "# x\nT=5\nG=\"nosplash quiet a=1 b=2\" # y\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G='splash'\n", "G='splash a=1'\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=splash\n", "G=\"splash a=1\"\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=\"splash\"\\ x\n", "G=\"splash\"\\ x\" a=1\"\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=\n", "G=a=1\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=''\n", "G='a=1'\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=\"splash \\\n  quiet\"\n", "G=\"splash \\\n  quiet a=1\"\n" },
		{ "G=\"quiet a=1\"\n", { "a=1" }, "export G=\"quiet -- x\"\n", "export G=\"quiet a=1 -- x\"\n" },
		{ "G=\"a=1 quiet\"\n", { "a=1" }, "G=\"$Z quiet\"\n", "G=\"a=1 $Z quiet\"\n" },
		{ "G=\"quiet x=\\\"p q\\\"\"\n", { "x=\"p q\"" }, "G=quiet\n", "G=\"quiet x=\\\"p q\\\"\"\n" },
		/* it is back already */
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=\"a=1 x\"\n", "G=\"a=1 x\"\n" },
		/* shell code behind it, and of two assignments the second */
		{ "G=\"quiet a=1\"\n", { "a=1" }, "G=\"quiet\"\nif x; then y; fi\n", "G=\"quiet a=1\"\nif x; then y; fi\n" },
		{ "G=x\nG=\"$G a=1\"\n", { "a=1" }, "# n\nG=y\nG=\"$G z\"\n", "# n\nG=y\nG=\"$G a=1 z\"\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_grub(*state, cases[i].file, cases[i].params, cases[i].later, cases[i].back);
}

/* Where nobody can tell where it belongs it stays out, and what is said is what is there. */
static void grubs_assignment_of_others(void **state)
{
	static const struct {
		const char *file, *diary;
	} cases[] = {
		{ "A=1\n", "gone param " GRUB ":G@6,quiet a=1: " GRUB " does not set G any more, where a=1 had its place\n" },
		{ "G=x\nG=y\n", "foreign param " GRUB ":G@6,quiet a=1: (it is set in other places by now, or by shell code)\n" },
		{ "if x; then G=y; fi\n", "foreign param " GRUB ":G@6,quiet a=1: (it is set in other places by now, or by shell code)\n" },
		{ "G=\"quiet $(x)\"\n", "foreign param " GRUB ":G@6,quiet a=1: (it comes from a command)\n" },
	};
	static const char *const params[] = { "a=1", NULL };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_grub(w, "G=\"quiet a=1\"\n", params, cases[i].file, cases[i].file);
		assert_string_equal(text_str(&w->diary), cases[i].diary);
	}
	/* it would be within somebody's quotes */
	only(w, &step_param, GRUB ":G@6,quiet a=1", "a=1", NULL);
	fake_put(w->f, GRUB, "G=\"quiet a=1\"\n");
	apply(w);
	fake_put(w->f, GRUB, "G='quiet x=\"'\n");
	undo(w);
	assert_int_equal(w->u.failed, 1);
	assert_file(w, GRUB, "G='quiet x=\"'\n");
}

static void parameter_targets(void **state)
{
	static const char *const bad[] = { CMDLINE, CMDLINE " ", CMDLINE " a b", CMDLINE " \"a", "cmdline a", "/ a", "/etc/ a", CMDLINE "  a", "",
					   CMDLINE "@ a", CMDLINE "@x a", CMDLINE "@-1 a", CMDLINE "@65537 a", "@1 a",
					   CMDLINE "@1, a", GRUB ":G#0/1@1 a", GRUB ":G#2/1@1 a", GRUB ":G#1/2x@1 a" };
	_cleanup_text_ struct text none = { 0 };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct step *s = only(w, &step_param, bad[i], NULL, "a");

		assert_int_equal(step_param.get(&w->en, s, &(char *){ NULL }, &w->e), -EINVAL);
		assert_int_equal(step_param.set(&w->en, s, &w->e), -EINVAL);
	}
	assert_int_equal(param_target_grub("/etc/default/grub.d/a b.cfg", "G=a\n", 1, "a", &none), -EINVAL);
	assert_int_equal(param_target_grub(GRUB, "G=\"a a\"\n", 1, "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_grub(GRUB, "G=a H=a\n", 1, "a", &none), -ENOTUNIQ);
	assert_int_equal(param_target_grub(GRUB, "G=b\nH=a\n", 1, "a", &none), -ENOENT);
	assert_false(none.len);
}

/* --- rebuilds --- */

static void rebuild_is_shown(void **state)
{
	struct world *w = *state;
	_cleanup_text_ struct text t = { 0 };
	struct step back;

	assert_non_null(rebuild_add(&w->plan, "initramfs", "modules changed"));
	assert_non_null(rebuild_add(&w->plan, "boot-tool", ""));
	assert_null(rebuild_add(&w->plan, "kernel", ""));
	plan_format(&w->plan, &t);
	assert_string_equal(text_str(&t), "rebuild initramfs: update-initramfs -u -k all (modules changed)\n"
					  "rebuild boot-tool: proxmox-boot-tool refresh\n");
	back = step_swapped(&w->plan.steps[0]);
	text_done(&t);
	step_format(&back, &t);
	assert_string_equal(text_str(&t), "rebuild initramfs: update-initramfs -u -k all (modules changed)");
}

static void ticked(void *ctx, const struct step *s, unsigned int seconds)
{
	text_addf(ctx, "tick %s %u\n", s->target, seconds);
}

static void output_and_ticks(void **state)
{
	struct world *w = *state;

	w->en.tick = ticked;
	rebuild_add(&w->plan, "grub", "");
	assert_int_equal(plan_apply(&w->en, &w->plan, &w->rec, NULL, &w->e), 0);
	assert_string_equal(text_str(&w->diary), "tick grub 0\noutput rebuild grub: working\n\nmade rebuild grub: \n");
	undo(w);
	assert_string_equal(text_str(&w->diary), "tick grub 0\noutput rebuild grub: working\n\nundone rebuild grub: \n");
}

/* Passed over without a failure: told apart from what else the program said. */
static void skipped_partition(void **state)
{
	struct world *w = *state;

	fake_hide(w->f, "build-skips/proxmox-boot-tool", "1");
	fake_hide(w->f, "build-skips/update-grub", "1");
	rebuild_add(&w->plan, "grub", "");
	rebuild_add(&w->plan, "boot-tool", "");
	assert_int_equal(plan_apply(&w->en, &w->plan, &w->rec, NULL, &w->e), 0);
	assert_null(strstr(text_str(&w->diary), "warned rebuild grub"));
	assert_non_null(strstr(text_str(&w->diary), "warned rebuild boot-tool: WARN: /dev/disk/by-uuid/7DF2-8A0C does not exist - skipping\n\n"));
}

static void apply_file_and(struct world *w, const char *path, const char *const what[], size_t n)
{
	plan_add(&w->plan, &step_file, path, NULL, "ours\n", "");
	for (size_t i = 0; i < n; i++)
		rebuild_add(&w->plan, what[i], "");
	apply(w);
}

static void add_kernel(struct world *w, const char *release)
{
	char path[PATH_MAX];

	fake_put(w->f, path_f(path, "/boot/vmlinuz-%s", release), "a kernel\n");
	fake_put(w->f, path_f(path, "/boot/initrd.img-%s", release), "an initramfs\n");
}

/* It ends well where /boot is read-only: then nothing was begun, and there is nothing to make again. */
static void initramfs_stays(void **state)
{
	struct world *w = *state;

	add_kernel(w, "6.8.12-9-pve");
	add_kernel(w, "6.2.16-20-pve");
	apply_file_and(w, "/etc/modprobe.d/a", (const char *const[]){ "initramfs" }, 1);
	assert_null(strstr(text_str(&w->diary), "warned"));
	undo(w);
	assert_true(undo_complete(&w->u));
	fake_hide(w->f, "image-stays/6.2.16-20-pve", "1");
	rebuild_add(&w->plan, "initramfs", "");
	assert_int_equal(plan_apply(&w->en, &w->plan, &w->rec, NULL, &w->e), 0);
	assert_non_null(strstr(text_str(&w->diary), "warned rebuild initramfs: not made anew: /boot/initrd.img-6.2.16-20-pve\n"));
	/* on the way back it stays open: what boots is still as it was made */
	fake_hide(w->f, "image-stays/6.8.12-9-pve", "1");
	undo(w);
	assert_false(undo_complete(&w->u));
	assert_true(record_any_open(&w->rec));
	fake_hide(w->f, "image-stays/6.8.12-9-pve", "");
	undo(w);
	assert_true(undo_complete(&w->u));
	fake_hide(w->f, "image-stays/6.8.12-9-pve", "1");
	fake_hide(w->f, "builds", "");
	assert_int_equal(plan_apply(&w->en, &w->plan, &w->rec, &w->u, &w->e), -ENODATA);
	assert_non_null(strstr(w->e.text, "made nothing: /boot/initrd.img-6.8.12-9-pve, /boot/initrd.img-6.2.16-20-pve as before"));
	assert_true(undo_complete(&w->u));
	assert_false(record_any_open(&w->rec));
	assert_string_equal(fake_hidden(w->f, "builds"), "update-initramfs");
}

/* Whatever a record says: what is run is in the table. */
static void only_known_programs(void **state)
{
	struct world *w = *state;
	const struct step *s = only(w, &step_rebuild, "systemd", NULL, "rm -rf /");

	assert_int_equal(step_rebuild.set(&w->en, s, &w->e), 0);
	assert_string_equal(fake_hidden(w->f, "builds"), "systemctl");
	s = only(w, &step_rebuild, "rm", NULL, "rm -rf /");
	assert_int_equal(step_rebuild.set(&w->en, s, &w->e), -EINVAL);
}

/* Two preparations, one undo: everything goes back, then each program runs once, and what copies runs behind what it copies. */
static void once_for_all(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *before = fake_built_of(w->f), *built = NULL;

	apply_file_and(w, "/etc/modprobe.d/a", (const char *const[]){ "initramfs", "boot-tool" }, 2);
	apply_file_and(w, "/etc/modprobe.d/b", (const char *const[]){ "grub", "initramfs" }, 2);
	fake_hide(w->f, "builds", "");
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_int_equal(w->u.undone, 5);
	assert_string_equal(fake_hidden(w->f, "builds"), "update-initramfs update-grub proxmox-boot-tool");
	built = fake_built(w->f, "update-initramfs");
	assert_string_equal(built, before);
	assert_false(record_any_open(&w->rec));
	undo(w);
	assert_string_equal(fake_hidden(w->f, "builds"), "update-initramfs update-grub proxmox-boot-tool");
}

/* A file that could not be put back would go into what is made again: that waits. One that somebody has changed stays, and does not. */
static void derived_waits(void **state)
{
	struct world *w = *state;
	char path[PATH_MAX];

	apply_file_and(w, "/etc/modprobe.d/a", (const char *const[]){ "initramfs", "grub" }, 2);
	fake_hide(w->f, "builds", "");
	fake_arm(w->f, FAKE_STORAGE, FAKE_ERROR_FROM, 1, EIO);
	undo(w);
	fake_disarm(w->f);
	assert_int_equal(w->u.failed, 3);
	assert_string_equal(fake_hidden(w->f, "builds"), "");
	assert_non_null(strstr(text_str(&w->diary), "left rebuild grub: 'update-grub' is run again when all that it reads is put back"));
	fake_put(w->f, "/etc/modprobe.d/a", "theirs\n");
	fake_hide(w->f, "build-fails/update-initramfs", "1");
	undo(w);
	assert_int_equal(w->u.foreign, 1);
	assert_int_equal(w->u.failed, 1);
	assert_string_equal(fake_hidden(w->f, "builds"), "update-initramfs update-grub");
	unlink(fake_hidden_path(w->f, path, "build-fails/update-initramfs"));
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_string_equal(fake_hidden(w->f, "builds"), "update-initramfs update-grub update-initramfs");
}

static int no_such_program(void *ctx, char *const argv[], struct exec_result *ret)
{
	return -ENOENT;
}

static void program_not_there(void **state)
{
	struct world *w = *state;
	int (*real)(void *ctx, char *const argv[], struct exec_result *ret) = w->f->hooks.exec;

	w->f->hooks.exec = no_such_program;
	rebuild_add(&w->plan, "grub", "");
	assert_int_equal(plan_apply(&w->en, &w->plan, &w->rec, &w->u, &w->e), -ENOENT);
	assert_true(undo_complete(&w->u));
	assert_false(record_any_open(&w->rec)); /* nothing was begun */
	w->f->hooks.exec = real;
	apply(w);
	w->f->hooks.exec = no_such_program;
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_non_null(strstr(text_str(&w->diary), "gone rebuild grub: cannot run update-grub"));
}

/* A tree that is not the machine: its files are changed, nothing is run. */
static void not_live(void **state)
{
	struct world *w = *state;
	struct root plain = w->f->root;

	plain.hooks = NULL;
	w->en.root = &plain;
	apply_file_and(w, "/etc/modprobe.d/a", (const char *const[]){ "initramfs" }, 1);
	assert_true(fake_exists(w->f, "/etc/modprobe.d/a"));
	undo(w);
	assert_true(undo_complete(&w->u));
	assert_false(fake_exists(w->f, "/etc/modprobe.d/a"));
	assert_string_equal(fake_hidden(w->f, "builds"), "");
	assert_non_null(strstr(text_str(&w->diary), "'update-initramfs -u -k all' is not run below "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_targets),
		cmocka_unit_test_setup_teardown(modes, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(parents, setup, teardown),
		cmocka_unit_test_setup_teardown(directory_with_files_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(directory_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(directory_gone_already, setup, teardown),
		cmocka_unit_test_setup_teardown(own_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(parameter, setup, teardown),
		cmocka_unit_test_setup_teardown(parameter_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(parameters_taken_out, setup, teardown),
		cmocka_unit_test_setup_teardown(parameter_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(grubs_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(grubs_assignment_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(parameter_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(rebuild_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(output_and_ticks, setup, teardown),
		cmocka_unit_test_setup_teardown(skipped_partition, setup, teardown),
		cmocka_unit_test_setup_teardown(initramfs_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(only_known_programs, setup, teardown),
		cmocka_unit_test_setup_teardown(once_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(derived_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(program_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(not_live, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
