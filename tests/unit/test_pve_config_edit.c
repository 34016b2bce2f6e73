/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line leaves a container's configuration and comes back: to the very bytes, or among what has been written anew meanwhile. */
#include "pve_tree.h"

#include <errno.h>

#include "pve/config_edit.h"

/* As Proxmox VE writes it. */
#define WHOLE                                                                                                                    \
	"#a container\n#dev0: /dev/null\narch: amd64\ncores: 2\ndev0: /dev/dri/card0\ndev1: /dev/dri/renderD128,mode=0666\n"            \
	"hostname: media\nrootfs: local:200/subvol-200-disk-0.subvol\nlxc.idmap: u 0 100000 65536\n"                                 \
	"lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir\nlxc.cgroup2.devices.allow: c 226:0 rw\n"                    \
	"lxc.mount.entry: /srv srv none bind\n\n[pve:pending]\ndev0: /dev/null\n\n[before]\ndev0: /dev/dri/card0\n"                   \
	"lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir\n"

static struct config parse(const char *text)
{
	struct config cfg;

	assert_int_equal(config_parse(text, strlen(text), GUEST_CT, &cfg), 0);
	return cfg;
}

/* The nth line (from 1) with that text, wherever it is. */
static size_t line_of(const struct config *cfg, const char *text, unsigned int nth)
{
	for (size_t i = 0; i < cfg->n_lines; i++) {
		_cleanup_free_ char *line = config_line_text(cfg, i);

		if (str_eq(line, text) && --nth == 0)
			return i;
	}
	fail_msg("no line '%s'", text);
	return 0;
}

static void assert_inserted(const char *whole, const struct config_place *p, const char *text, const char *want)
{
	_cleanup_config_ struct config cfg = parse(whole);
	_cleanup_text_ struct text out = { 0 };

	assert_int_equal(config_insert(&cfg, p, text, &out), 0);
	assert_string_equal(text_str(&out), want);
}

static void there_and_back(void **state)
{
	static const char *const texts[] = {
		WHOLE,
		"dev0: /dev/dri/card0",
		"dev0: /dev/dri/card0\n",
		"hostname: a\ndev0: /dev/dri/card0",
		"hostname: z\ndev9: /dev/a\narch: amd64\nlxc.a = 1\ndev1: /dev/b\nlxc.a: 1\n",
		"lxc.a: 1\nlxc.a: 1\nlxc.b: 2\nlxc.a: 1\nlxc.a: 1",
		"\n\n# x\n\ndev0: /dev/a\r\n\n\n  odd line\n\xff\xfe\ndev0: /dev/b\n\n[snap]\n",
	};
	unsigned int moved = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_config_ struct config cfg = parse(texts[i]);

		for (size_t line = 0; line < cfg.n_lines; line++) {
			_cleanup_text_ struct text without = { 0 };
			_cleanup_free_ char *text = NULL;
			struct config_place p;

			if (!config_line_movable(&cfg, line))
				continue;
			moved++;
			text = config_line_text(&cfg, line);
			config_place_get(&cfg, line, &p);
			config_remove(&cfg, line, &without);
			assert_int_equal(without.len, cfg.raw_len - cfg.lines[line].raw_len);
			assert_inserted(text_str(&without), &p, text, texts[i]);
		}
	}
	assert_int_equal(moved, 10 + 1 + 1 + 2 + 6 + 5 + 2);
}

static void only_keys_and_raw_lines_of_now(void **state)
{
	_cleanup_config_ struct config cfg = parse(WHOLE);
	struct config_place p = { 0 };
	struct text out = { 0 };
	size_t line;

	assert_false(config_line_movable(&cfg, line_of(&cfg, "#dev0: /dev/null", 1)));
	assert_false(config_line_movable(&cfg, line_of(&cfg, "[before]", 1)));
	assert_false(config_line_movable(&cfg, line_of(&cfg, "", 1)));
	assert_false(config_line_movable(&cfg, line_of(&cfg, "dev0: /dev/null", 1)));
	assert_false(config_line_movable(&cfg, line_of(&cfg, "dev0: /dev/dri/card0", 2)));
	assert_false(config_line_movable(&cfg, cfg.n_lines));
	assert_int_equal(config_find_same(&cfg, "dev0: /dev/null", 1, &line), -ENOENT);
	assert_int_equal(config_find_same(&cfg, "lxc.mount.entry = /dev/dri dev/dri none bind,optional,create=dir", 2, &line), -ENOENT);
	assert_int_equal(config_insert(&cfg, &p, "[snap]", &out), -EINVAL);
	assert_int_equal(config_insert(&cfg, &p, "# x", &out), -EINVAL);
	assert_int_equal(config_insert(&cfg, &p, "a: 1\nb: 2", &out), -EINVAL);
	assert_int_equal(config_insert(&cfg, &p, "", &out), -EINVAL);
	assert_int_equal(out.len, 0);
}

static void same_meaning(void **state)
{
	assert_true(config_text_same("lxc.a = 1", "lxc.a: 1"));
	assert_true(config_text_same("dev0:  /dev/a ", "dev0: /dev/a"));
	assert_false(config_text_same("dev0: /dev/a", "dev1: /dev/a"));
	assert_false(config_text_same("dev0: /dev/a", "dev0: /dev/b"));
	assert_false(config_text_same("lxc.a: 1", "lxc.a: 1 2"));
	assert_true(config_text_same("[x]", "[x]"));
	assert_false(config_text_same("[x]", "[x] "));
}

/* Taken out of a file that an editor had made; by the time it comes back Proxmox VE has sorted it. */
static void written_anew_meanwhile(void **state)
{
	static const char before[] = "rootfs: x\nlxc.b = 1\ndev0: /dev/a\nlxc.dev = 2\nlxc.a = 3\ncores: 1\n\n[snap]\ndev0: /dev/a\n";
	_cleanup_config_ struct config cfg = parse(before);
	struct config_place p;

	config_place_get(&cfg, line_of(&cfg, "dev0: /dev/a", 1), &p);
	assert_inserted("cores: 1\nrootfs: x\nlxc.b: 1\nlxc.dev: 2\nlxc.a: 3\n\n[snap]\ndev0: /dev/a\n", &p, "dev0: /dev/a",
			"cores: 1\ndev0: /dev/a\nrootfs: x\nlxc.b: 1\nlxc.dev: 2\nlxc.a: 3\n\n[snap]\ndev0: /dev/a\n");
	config_place_get(&cfg, line_of(&cfg, "lxc.dev = 2", 1), &p);
	assert_inserted("cores: 1\nrootfs: x\nlxc.b: 1\nlxc.a: 3\n\n[snap]\ndev0: /dev/a\n", &p, "lxc.dev = 2",
			"cores: 1\nrootfs: x\nlxc.b: 1\nlxc.dev = 2\nlxc.a: 3\n\n[snap]\ndev0: /dev/a\n");
}

/* Where a raw line goes when its neighbours are other ones. b stood between a and c. */
static void raw_lines_keep_their_order(void **state)
{
	static const struct {
		const char *now, *want;
	} rows[] = {
		{ "lxc.a: 1\nlxc.c: 3\nnew: 1\n", "lxc.a: 1\nlxc.b: 2\nlxc.c: 3\nnew: 1\n" },
		/* another came between: behind the one before */
		{ "lxc.a: 1\nlxc.x: 9\nlxc.c: 3\n", "lxc.a: 1\nlxc.b: 2\nlxc.x: 9\nlxc.c: 3\n" },
		{ "lxc.x: 9\nlxc.c: 3\n", "lxc.x: 9\nlxc.b: 2\nlxc.c: 3\n" },
		{ "lxc.a: 1\nlxc.x: 9\n", "lxc.a: 1\nlxc.b: 2\nlxc.x: 9\n" },
		/* the same line again elsewhere: where both neighbours are */
		{ "lxc.a: 1\nlxc.x: 9\nlxc.c: 3\nlxc.a: 1\nlxc.c: 3\n", "lxc.a: 1\nlxc.x: 9\nlxc.c: 3\nlxc.a: 1\nlxc.b: 2\nlxc.c: 3\n" },
		/* of neither anything is left */
		{ "lxc.x: 9\nlxc.y: 9\n\n[snap]\nlxc.a: 1\nlxc.c: 3\n", "lxc.x: 9\nlxc.y: 9\nlxc.b: 2\n\n[snap]\nlxc.a: 1\nlxc.c: 3\n" },
		{ "#text\nhostname: a\n\n[snap]\nlxc.a: 1\n", "#text\nhostname: a\nlxc.b: 2\n\n[snap]\nlxc.a: 1\n" },
		{ "[snap]\nlxc.a: 1\n", "lxc.b: 2\n[snap]\nlxc.a: 1\n" },
		{ "", "lxc.b: 2\n" },
		/* the last line gets the newline that it lacks */
		{ "lxc.a: 1\nnew: 1", "lxc.a: 1\nlxc.b: 2\nnew: 1" },
		{ "hostname: a", "hostname: a\nlxc.b: 2\n" },
	};
	_cleanup_config_ struct config cfg = parse("lxc.a: 1\nlxc.b: 2\nlxc.c: 3\n");
	struct config_place p;

	config_place_get(&cfg, 1, &p);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_inserted(rows[i].now, &p, "lxc.b: 2", rows[i].want);
}

static void first_and_last_raw_line(void **state)
{
	_cleanup_config_ struct config cfg = parse("lxc.a: 1\nlxc.b: 2\nlxc.c: 3\n");
	struct config_place p;

	config_place_get(&cfg, 0, &p);
	assert_inserted("x: 1\nlxc.b: 2\nlxc.c: 3\n", &p, "lxc.a: 1", "x: 1\nlxc.a: 1\nlxc.b: 2\nlxc.c: 3\n");
	assert_inserted("x: 1\nlxc.y: 9\nlxc.c: 3\n", &p, "lxc.a: 1", "x: 1\nlxc.a: 1\nlxc.y: 9\nlxc.c: 3\n");
	config_place_get(&cfg, 2, &p);
	assert_inserted("x: 1\nlxc.a: 1\nlxc.b: 2\nlxc.y: 9\n", &p, "lxc.c: 3", "x: 1\nlxc.a: 1\nlxc.b: 2\nlxc.c: 3\nlxc.y: 9\n");
	assert_inserted("x: 1\nlxc.a: 1\nlxc.y: 9\n", &p, "lxc.c: 3", "x: 1\nlxc.a: 1\nlxc.y: 9\nlxc.c: 3\n");
}

static void keys_of_a_changed_file(void **state)
{
	_cleanup_config_ struct config cfg = parse("#text\narch: amd64\ndev0: /dev/a\nhostname: b\n"), odd = parse("swap: 1\ndev0: /dev/a\narch: x\n");
	struct config_place p;

	config_place_get(&cfg, 2, &p);
	assert_inserted("#other\narch: amd64\ncores: 2\nhostname: b\n", &p, "dev0: /dev/a", "#other\narch: amd64\ncores: 2\ndev0: /dev/a\nhostname: b\n");
	assert_inserted("#text\nhostname: b\nlxc.a: 1\n", &p, "dev0: /dev/a", "#text\ndev0: /dev/a\nhostname: b\nlxc.a: 1\n");
	assert_inserted("#text\nlxc.a: 1\n\n[snap]\narch: amd64\n", &p, "dev0: /dev/a", "#text\ndev0: /dev/a\nlxc.a: 1\n\n[snap]\narch: amd64\n");
	/* in no order: between its neighbours, whose values may be other ones */
	config_place_get(&odd, 1, &p);
	assert_inserted("zfs: 1\nswap: 2\narch: y\n", &p, "dev0: /dev/a", "zfs: 1\nswap: 2\ndev0: /dev/a\narch: y\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(only_keys_and_raw_lines_of_now),
		cmocka_unit_test(same_meaning),
		cmocka_unit_test(written_anew_meanwhile),
		cmocka_unit_test(raw_lines_keep_their_order),
		cmocka_unit_test(first_and_last_raw_line),
		cmocka_unit_test(keys_of_a_changed_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
