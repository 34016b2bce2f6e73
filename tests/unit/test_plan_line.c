/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of somebody else's file: found by their number, or elsewhere if there is only one; nothing else of the file changes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/line.h"
#include "tests/fake/prepare.h"

#define PATH "/etc/modprobe.d/their own.conf"

static void targets(void **state)
{
	static const struct {
		const char *target, *path;
		size_t nr;
	} cases[] = {
		{ "/etc/a 1", "/etc/a", 1 }, { "/etc/a 7 12", "/etc/a 7", 12 }, { "/etc/a" }, { "/etc/a 0" }, { "/etc/a 01" }, { "/etc/a x" },
		{ "/etc/a 1 " },	     { "/etc/a -1" },			{ "etc/a 1" }, { "/ 1" },      { "/etc/ 1" },  { "1" },
		{ "/etc/a 1000001" },	     { "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text again = { 0 };
		char path[PATH_MAX];
		size_t nr;

		if (line_target_parse(cases[i].target, path, &nr) != (cases[i].path ? 0 : -EINVAL))
			fail_msg("'%s'", cases[i].target);
		if (!cases[i].path)
			continue;
		assert_string_equal(path, cases[i].path);
		assert_int_equal(nr, cases[i].nr);
		line_target(path, nr, &again);
		assert_string_equal(text_str(&again), cases[i].target);
	}
}

/* What a line step finds, and what becomes of the file when the other text is put there; NULL: it must not be touched. */
struct line_case {
	const char *file;
	size_t nr;
	const char *before, *after, *value, *becomes;
};

static void check(struct fake *f, const struct line_case *c)
{
	_cleanup_text_ struct text target = { 0 };
	_cleanup_free_ char *now = NULL, *file = NULL;
	bool is_before = str_eq(c->value, c->before);
	struct step s = { .kind = &step_line, .before = (char *)(uintptr_t)c->before, .after = (char *)(uintptr_t)c->after };
	struct engine en;
	struct err e;
	int k;

	line_target(PATH, c->nr, &target);
	s.target = target.s;
	/* the text that is there is before, as when it is made or undone */
	if (c->becomes && !is_before)
		s = step_swapped(&s);
	prepare_engine(f, NULL, &en);
	fake_put(f, PATH, c->file);
	assert_int_equal(s.kind->get(&en, &s, &now, &e), 0);
	if (!str_eq(now, c->value))
		fail_msg("line %zu of '%s' is '%s', not '%s'", c->nr, c->file, now, c->value);
	k = s.kind->set(&en, &s, &e);
	if ((k == 0) != (c->becomes != NULL))
		fail_msg("line %zu of '%s': %d %s", c->nr, c->file, k, e.text);
	assert_int_equal(root_read(&f->root, PATH, 1 << 20, &file, NULL), 0);
	assert_string_equal(file, c->becomes ? c->becomes : c->file);
	if (!c->becomes)
		return;
	/* and back, to the byte */
	s = step_swapped(&s);
	assert_int_equal(step_make(&en, &s, &e), 0);
	free(file);
	assert_int_equal(root_read(&f->root, PATH, 1 << 20, &file, NULL), 0);
	assert_string_equal(file, c->file);
}

static void finds(void **state)
{
	static const struct line_case cases[] = {
		{ "a\nb\nc\n", 2, "b", "#b", "b", "a\n#b\nc\n" },
		{ "a\n#b\nc\n", 2, "b", "#b", "#b", "a\nb\nc\n" },
		{ "a\nb", 2, "b", "#b", "b", "a\n#b" },		      /* without a newline at the end */
		{ "a\r\nb\r\nc\r\n", 2, "b", "#b", "b", "a\r\n#b\r\nc\r\n" },
		{ "a\r\nb\r\n", 2, "b\r", "#b\r", "b\r", "a\r\n#b\r\n" },
		{ "a\nb\r", 2, "b", "#b", "b", "a\n#b\r" },
		{ "b\n", 1, "b", "# why\nx", "b", "# why\nx\n" },      /* more lines than before */
		{ "# why\nx\nb \n", 1, "b", "# why\nx", "# why\nx", "b\nb \n" },
		{ "a \\\n b\nc", 1, "a \\\n b", "#a \\\n# b", "a \\\n b", "#a \\\n# b\nc" },
		/* others have come or gone */
		{ "new\nnew\na\nb\nc\n", 2, "b", "#b", "b", "new\nnew\na\n#b\nc\n" },
		{ "#b\n", 2, "b", "#b", "#b", "b\n" },
		{ "x\n#c\nb\ny\n", 3, "b", "#c\nb", "#c\nb", "x\nb\ny\n" }, /* what stands at its number is the end of what was put there */
		/* twice: its own number counts, and without that nobody can tell */
		{ "b\nx\nb\n", 3, "b", "#b", "b", "b\nx\n#b\n" },
		{ "#b\nx\n#b\n", 1, "b", "#b", "#b", "b\nx\n#b\n" },
		{ "b\nx\nb\n", 2, "b", "#b", "(in several places)", NULL },
		{ "b\nx\n#b\n", 2, "b", "#b", "(in several places)", NULL },
		{ "#b\nx\nb\n", 3, "b", "#b", "b", "#b\nx\n#b\n" },
		/* somebody else's */
		{ "a\nb2\nc\n", 2, "b", "#b", "b2", NULL },
		{ "a\n b\nc\n", 2, "b", "#b", " b", NULL },
		{ "a\nb \nc\n", 2, "b", "#b", "b ", NULL },
		{ "a\n", 2, "b", "#b", "(end of the file)", NULL },
		{ "", 1, "b", "#b", "(end of the file)", NULL },
		{ "ab\n", 1, "a", "b", "ab", NULL },
	};
	_cleanup_fake_ struct fake *f = prepare_machine();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(f, &cases[i]);
}

/* What it would become is there already, in a place of its own: afterwards nobody could tell which is which. */
static void ambiguous(void **state)
{
	_cleanup_fake_ struct fake *f = prepare_machine();
	struct step s = { .kind = &step_line, .target = (char[]){ PATH " 9" }, .before = (char[]){ "b" }, .after = (char[]){ "#b" } };
	struct engine en;
	struct err e;

	prepare_engine(f, NULL, &en);
	fake_put(f, PATH, "b\nb\n");
	assert_int_equal(s.kind->set(&en, &s, &e), -ESTALE);
	s.after = (char[]){ "b\nb" };
	fake_put(f, PATH, "b\nx\n");
	assert_int_equal(step_make(&en, &s, &e), 0);
	s = step_swapped(&s);
	assert_int_equal(step_make(&en, &s, &e), 0);
	assert_string_equal(fake_get(f, PATH), "b");
}

static void wrong_texts(void **state)
{
	static const struct {
		const char *target, *before, *after;
	} cases[] = {
		{ PATH " 1", NULL, "b" }, { PATH " 1", "a", NULL }, { PATH " 1", "", "b" }, { PATH " 1", "a\n", "b" },
		{ PATH " 1", "a", "a" },  { PATH, "a", "b" },
	};
	_cleanup_fake_ struct fake *f = prepare_machine();
	struct engine en;
	struct err e;

	prepare_engine(f, NULL, &en);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_plan_ struct plan p = { 0 };
		const struct step *s = plan_add(&p, &step_line, cases[i].target, cases[i].before, cases[i].after, "");
		char *now;

		assert_int_equal(s->kind->get(&en, s, &now, &e), -EINVAL);
		assert_int_equal(s->kind->set(&en, s, &e), -EINVAL);
	}
}

struct world {
	struct fake *f;
	struct record rec;
	struct text diary;
	struct engine en;
	struct undo_result u;
};

static void world_new(struct world *w, const char *file, size_t n, const char *const lines[][2], const size_t nr[])
{
	_cleanup_plan_ struct plan p = { 0 };
	struct err e;

	*w = (struct world){ .f = prepare_machine(), .rec.fd = -1 };
	prepare_engine(w->f, &w->diary, &w->en);
	fake_put(w->f, PATH, file);
	for (size_t i = 0; i < n; i++) {
		_cleanup_text_ struct text target = { 0 };

		line_target(PATH, nr[i], &target);
		plan_add(&p, &step_line, text_str(&target), lines[i][0], lines[i][1], "");
	}
	assert_int_equal(record_create(&w->f->root, PREPARE_RECORD, &w->rec, &e), 0);
	if (plan_apply(&w->en, &p, &w->rec, NULL, &e) < 0)
		fail_msg("%s", e.text);
}

static void world_done(struct world *w)
{
	record_close(&w->rec);
	text_done(&w->diary);
	fake_free(w->f);
}

static void undo_to(struct world *w, const char *file)
{
	_cleanup_free_ char *now = NULL;

	record_undo(&w->en, &w->rec, NULL, NULL, &w->u);
	assert_int_equal(root_read(&w->f->root, PATH, 1 << 20, &now, NULL), 0);
	assert_string_equal(now, file);
}

/* The same line twice, and lines that become more, from the last to the first. */
static void many_lines(void **state)
{
	static const char file[] = "b x\nb x\n\na \\\n a\nc";
	static const char *const lines[][2] = {
		{ "c", "#c" }, { "a \\\n a", "#a \\\n#a" }, { "b x", "# gpupt\n#b x" }, { "b x", "# gpupt\n#b x" },
	};
	static const size_t nr[] = { 6, 4, 2, 1 };
	struct world w;

	world_new(&w, file, 4, lines, nr);
	undo_to(&w, file);
	assert_int_equal(w.u.undone, 4);
	world_done(&w);
	world_new(&w, file, 4, lines, nr);
	fake_put(w.f, PATH, "new\n# gpupt\n#b x\n# gpupt\n#b x\n#a \\\n#a\nnew too\n#c");
	record_undo(&w.en, &w.rec, NULL, NULL, &w.u);
	/* of twins that have moved nobody can tell which is which: the one at another's number is taken for that */
	assert_true(undo_complete(&w.u));
	assert_int_equal(w.u.undone, 3);
	assert_int_equal(w.u.foreign, 1);
	assert_false(record_any_open(&w.rec));
	undo_to(&w, "new\nb x\n# gpupt\n#b x\na \\\n a\nnew too\nc");
	world_done(&w);
}

static void of_others(void **state)
{
	static const char *const lines[][2] = { { "a", "#a" }, { "b", "#b" } };
	static const size_t nr[] = { 1, 2 };
	struct world w;

	world_new(&w, "a\nb\n", 2, lines, nr);
	fake_put(w.f, PATH, "#a but not b\n#b\n");
	undo_to(&w, "#a but not b\nb\n");
	assert_int_equal(w.u.foreign, 1);
	assert_non_null(strstr(text_str(&w.diary), "foreign line " PATH " 1: #a but not b\n"));
	world_done(&w);
	/* what we have put above it is nobody's setting: his line is shown, also where it stands elsewhere by now */
	world_new(&w, "x\ny\na\n", 1, (const char *const[][2]){ { "a", "#a\nb" } }, (const size_t[]){ 3 });
	fake_put(w.f, PATH, "x\n#a\nb c\n");
	undo_to(&w, "x\n#a\nb c\n");
	assert_string_equal(text_str(&w.diary), "made line " PATH " 3: \nforeign line " PATH " 3: b c\n");
	world_done(&w);
	world_new(&w, "x\na\n", 1, (const char *const[][2]){ { "a", "#a\n#b\nc" } }, (const size_t[]){ 2 });
	fake_put(w.f, PATH, "x\n#a\n#b\n");
	undo_to(&w, "x\n#a\n#b\n");
	assert_non_null(strstr(text_str(&w.diary), "foreign line " PATH " 2: (end of the file)\n"));
	world_done(&w);
	world_new(&w, "a\nb\n", 2, lines, nr);
	fake_remove(w.f, PATH);
	record_undo(&w.en, &w.rec, NULL, NULL, &w.u);
	assert_true(undo_complete(&w.u));
	assert_non_null(strstr(text_str(&w.diary), "gone line " PATH " 1: " PATH " is not there any more\n"));
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),     cmocka_unit_test(finds),	     cmocka_unit_test(ambiguous),
		cmocka_unit_test(wrong_texts), cmocka_unit_test(many_lines), cmocka_unit_test(of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
