/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a node was: what is written, what is read back, and what is not understood. */
#include <errno.h>

#include "plan/path.h"
#include "plan/state.h"
#include "tree.h"

static const struct path_memory card = { .bdf = { 0, 1, 0, 0 }, .identity = "1002:5159/1af4:1100", .role = "renderD", .type = 'c',
					  .major = 226, .minor = 128 };
static const struct path_memory kfd = { .common = true, .role = "kfd", .type = 'c', .major = 235 };

static void roles(void **state)
{
	static const char *const cases[][2] = {
		{ "dri/card0", "card" },	   { "dri/renderD128", "renderD" },  { "snd/controlC12", "controlC" },
		{ "snd/pcmC1D3p", "pcmCD3p" }, { "nvidia0", "nvidia" },	     { "nvidiactl", "nvidiactl" },
		{ "kfd", "kfd" },		   { "drm_dp_aux3", "drm_dp_aux" }, { "i2c-7", "i2c-" },
		{ "vfio/15", "" },		   { "", "" },
	};
	char role[PATH_ROLE_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(path_role(cases[i][0], role), cases[i][1]);
}

static void remembered(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	struct path_memory m = { 0 };
	struct err e = { "" };

	tree_new(&t);
	assert_int_equal(path_find(&t.root, "/dev/dri/renderD128", &m), -ENOENT);
	assert_int_equal(path_remember(&t.root, "/dev/dri/renderD128", &card, &e), 0);
	assert_int_equal(path_remember(&t.root, "/dev/kfd", &kfd, &e), 0);
	assert_int_equal(path_find(&t.root, "/dev/dri/renderD128", &m), 0);
	assert_true(bdf_eq(m.bdf, card.bdf) && !m.common && m.type == 'c' && m.major == 226 && m.minor == 128);
	assert_string_equal(m.identity, card.identity);
	assert_string_equal(m.role, "renderD");
	assert_int_equal(path_find(&t.root, "/dev/kfd", &m), 0);
	assert_true(m.common && m.major == 235 && m.minor == 0);
	assert_int_equal(path_find(&t.root, "/dev/dri/renderD12", &m), -ENOENT);
	assert_int_equal(state_list(&t.root, STATE_VAR "/path", &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[0], "%2Fdev%2Fdri%2FrenderD128");
	assert_int_equal(root_read(&t.root, STATE_VAR "/path/%2Fdev%2Fdri%2FrenderD128", 256, &text, NULL), 0);
	assert_string_equal(text, "0000:01:00.0 1002:5159/1af4:1100 renderD c 226:128\n");
}

static void only_what_is_new(void **state)
{
	_cleanup_tree_ struct tree t;
	struct path_memory m = card;
	struct stat before, after;

	tree_new(&t);
	assert_int_equal(path_remember(&t.root, "/dev/a", &m, NULL), 0);
	assert_int_equal(root_stat(&t.root, STATE_VAR "/path/%2Fdev%2Fa", &before), 0);
	assert_int_equal(path_remember(&t.root, "/dev/a", &m, NULL), 0);
	assert_int_equal(root_stat(&t.root, STATE_VAR "/path/%2Fdev%2Fa", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	m.minor = 129;
	assert_int_equal(path_remember(&t.root, "/dev/a", &m, NULL), 0);
	assert_int_equal(path_find(&t.root, "/dev/a", &m), 0);
	assert_int_equal(m.minor, 129);
}

/* Paths that a configuration may hold; each has a file of its own. */
static void odd_paths(void **state)
{
	static const char *const paths[] = { "/dev/a b", "/dev/a%20b", "/dev/a\nb", "/dev/\xc3\xa4", "/dev/./a", "/dev//a", "/.", "/" };
	_cleanup_tree_ struct tree t;
	struct path_memory m = card;
	char longest[PATH_MAX];
	struct err e = { "" };

	tree_new(&t);
	for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++) {
		m.minor = i;
		assert_int_equal(path_remember(&t.root, paths[i], &m, &e), 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(path_find(&t.root, paths[i], &m), 0);
		assert_int_equal(m.minor, i);
	}
	assert_int_equal(path_remember(&t.root, "dev/a", &m, &e), -EINVAL);
	assert_int_equal(path_find(&t.root, "dev/a", &m), -ENOENT);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[NAME_MAX - 25] = '\0'; /* the slash is three bytes */
	assert_int_equal(path_remember(&t.root, longest, &m, &e), -ENAMETOOLONG);
	longest[NAME_MAX - 26] = '\0';
	assert_int_equal(path_remember(&t.root, longest, &m, &e), 0);
	assert_int_equal(path_find(&t.root, longest, &m), 0);
}

static void what_is_not_understood(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD c 226:128",	 /* torn */
		"0000:01:00.0 1002:5159/1af4:1100 renderD c 226:128\n\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD c 226:128 \n",
		"0000:01:00.0  1002:5159/1af4:1100 renderD c 226:128\n",
		"01:00.0 1002:5159/1af4:1100 renderD c 226:128\n",
		"0000:01:00.0 1002:5159 renderD c 226:128\n",
		"0000:01:00.0 1002:515A/1af4:1100 renderD c 226:128\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD x 226:128\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD cc 226:128\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD c 226\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD c 226:0128\n",
		"0000:01:00.0 1002:5159/1af4:1100 renderD c 226:99999999999\n",
		"0000:01:00.0 1002:5159/1af4:1100 c 226:128\n",
		"- 1002:5159/1af4:1100 renderD c 226:128\n",
		"0000:01:00.0 - renderD c 226:128\n",
	};
	_cleanup_tree_ struct tree t;
	struct path_memory m = card;

	tree_new(&t);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (path_parse(bad[i], &m) != -EINVAL)
			fail_msg("'%s'", bad[i]);
		tree_put(&t, STATE_VAR "/path/%2Fdev%2Fa", bad[i]);
		assert_int_equal(path_find(&t.root, "/dev/a", &m), -ENOENT);
	}
	assert_memory_equal(&m, &card, sizeof(m));
	/* it is written anew */
	assert_int_equal(path_remember(&t.root, "/dev/a", &card, NULL), 0);
	assert_int_equal(path_find(&t.root, "/dev/a", &m), 0);
	/* and what nobody could read is not written */
	m.role[0] = '\0';
	assert_int_equal(path_remember(&t.root, "/dev/b", &m, NULL), -EINVAL);
	assert_int_equal(path_find(&t.root, "/dev/b", &m), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles),
		cmocka_unit_test(remembered),
		cmocka_unit_test(only_what_is_new),
		cmocka_unit_test(odd_paths),
		cmocka_unit_test(what_is_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
