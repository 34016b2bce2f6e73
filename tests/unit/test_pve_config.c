/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pve_tree.h"

#include <errno.h>

#include "pve/config.h"

static struct config parse(const char *text, enum guest_kind kind)
{
	struct config cfg;

	assert_int_equal(config_parse(text, strlen(text), kind, &cfg), 0);
	return cfg;
}

/* Every text comes back byte by byte, whatever is in it. */
static void test_lossless(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\n\n",
		"a: b",
		"a: b\n",
		"a: b\r\nhostpci0: 01:00\r\n",
		"#line%201\n#line 2\nagent: 1\n\n[PENDING]\nhostpci0: 02:00\n\n[snap]\n#old\nparent: x\n",
		"  leading: space\n\tx\n[]\n[[]]\n[a]b\n:\nkey:\nkey: \n",
		"lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir\nlxc.idmap = u 0 1 2\n",
		"\xff\xfe\x80: \xc3\xa4\n\x01\x02\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (enum guest_kind kind = GUEST_VM; kind <= GUEST_CT; kind++) {
			_cleanup_config_ struct config cfg = parse(texts[i], kind);
			_cleanup_text_ struct text out = { 0 };

			config_write(&cfg, &out);
			assert_string_equal(text_str(&out), texts[i]);
		}
}

static void test_vm_values(void **state)
{
	static const struct {
		const char *text, *key, *value;
	} rows[] = {
		{ "hostpci0: 01:00\n", "hostpci0", "01:00" },
		{ "hostpci0:01:00", "hostpci0", "01:00" },
		{ "hostpci0: \t 01:00 \t\r\n", "hostpci0", "01:00" },
		/* the last of two counts */
		{ "lock: backup\nlock: migrate\n", "lock", "migrate" },
		/* neither a longer nor a shorter key will do */
		{ "hostpci10: 01:00\n", "hostpci1", NULL },
		{ "hostpci1: 01:00\n", "hostpci10", NULL },
		/* no such key in the current section */
		{ "[PENDING]\nhostpci0: 01:00\n", "hostpci0", NULL },
		{ "[pending]\nhostpci0: 01:00\n", "hostpci0", NULL },
		{ "[snap]\nhostpci0: 01:00\n", "hostpci0", NULL },
		{ "[special:cloudinit]\nhostpci0: 01:00\n", "hostpci0", NULL },
		{ "[]\nhostpci0: 01:00\n", "hostpci0", NULL },
		{ "[a b]\nhostpci0: 01:00\n", "hostpci0", NULL },
		{ "[snap]  \r\nhostpci0: 01:00\n", "hostpci0", NULL },
		/* no headers */
		{ " [snap]\nhostpci0: 01:00\n", "hostpci0", "01:00" },
		{ "[snap] x\nhostpci0: 01:00\n", "hostpci0", "01:00" },
		{ "[snap\nhostpci0: 01:00\n", "hostpci0", "01:00" },
		/* no keys */
		{ " hostpci0: 01:00\n", "hostpci0", NULL },
		{ "#hostpci0: 01:00\n", "hostpci0", NULL },
		{ "hostpci0 : 01:00\n", "hostpci0", NULL },
		{ "hostpci0= 01:00\n", "hostpci0", NULL },
		{ "hostpci0:\n", "hostpci0", NULL },
		{ "Hostpci0: 01:00\n", "Hostpci0", NULL },
		{ "a1b: x\n", "a1b", NULL },
		/* what follows the colon may be a blank */
		{ "hostpci0: \n", "hostpci0", "" },
		{ "tpmstate-x0: a\n", "tpmstate-x0", "a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_config_ struct config cfg = parse(rows[i].text, GUEST_VM);
		const char *value = config_get(&cfg, rows[i].key);

		if (!str_eq(value, rows[i].value))
			fail_msg("%s: got '%s'", rows[i].text, value ? value : "(none)");
	}
}

static void test_ct_values(void **state)
{
	static const struct {
		const char *text, *key, *value;
	} rows[] = {
		{ "dev0: /dev/dri/card0\n", "dev0", "/dev/dri/card0" },
		{ "lxc.mount.entry: /dev/dri x\n", "lxc.mount.entry", "/dev/dri x" },
		{ "lxc.mount.entry = /dev/dri x \n", "lxc.mount.entry", "/dev/dri x" },
		{ "lxc.mount.entry=/dev/dri\n", "lxc.mount.entry", "/dev/dri" },
		{ "lxc.cap.drop:\n", "lxc.cap.drop", "" },
		{ "lxc.a : x\n", "lxc.a", NULL },
		{ "lxc.: x\n", "lxc.", NULL },
		{ "lxc.A: x\n", "lxc.A", NULL },
		{ "lxc.x\n", "lxc.x", NULL },
		/* the keys of containers have no '-' */
		{ "a-b: x\n", "a-b", NULL },
		{ "[pve:pending]\ndev0: x\n", "dev0", NULL },
		{ "[PVE:Pending]\ndev0: x\n", "dev0", NULL },
		/* a container's file has no other headers: the line is bad, the section goes on */
		{ "[special:x]\ndev0: x\n", "dev0", "x" },
		{ "[]\ndev0: x\n", "dev0", "x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_config_ struct config cfg = parse(rows[i].text, GUEST_CT);
		const char *value = config_get(&cfg, rows[i].key);

		if (!str_eq(value, rows[i].value))
			fail_msg("%s: got '%s'", rows[i].text, value ? value : "(none)");
	}
}

/* As parse_pending_delete() in PVE/AbstractConfig.pm has it. */
static void test_keys_to_go(void **state)
{
	static const struct {
		const char *text;
		bool go;
	} rows[] = {
		{ "dev0: x\n[pve:pending]\ndelete: dev0\n", true },
		{ "dev0: x\n[pve:pending]\ndelete: mp0 , dev1;!dev0\n", true },
		{ "dev0: x\n[pve:pending]\nmemory: 1\ndelete: dev01,dev\n", false },
		{ "dev0: x\n[pve:pending]\ndev0: y\n", false },
		{ "dev0: x\ndelete: dev0\n", false },
		{ "dev0: x\n[snap]\ndelete: dev0\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_config_ struct config cfg = parse(rows[i].text, GUEST_CT);

		if (config_is_to_go(&cfg, "dev0") != rows[i].go)
			fail_msg("%s", rows[i].text);
	}
}

static void test_sections(void **state)
{
	_cleanup_config_ struct config cfg =
		parse("name: a\n[PENDING]\ndelete: hostpci0\n[special:cloudinit]\nx: 1\n[snap-1]\nname: "
		      "b\n[?]\nname: c\n",
		      GUEST_VM);
	static const enum config_section sections[] = {
		CONFIG_CURRENT,	 CONFIG_PENDING,  CONFIG_PENDING, CONFIG_SPECIAL, CONFIG_SPECIAL,
		CONFIG_SNAPSHOT, CONFIG_SNAPSHOT, CONFIG_UNKNOWN, CONFIG_UNKNOWN,
	};

	assert_int_equal(cfg.n_lines, ARRAY_SIZE(sections));
	for (size_t i = 0; i < cfg.n_lines; i++)
		assert_int_equal(cfg.lines[i].section, sections[i]);
	assert_null(cfg.lines[0].snapshot);
	assert_string_equal(cfg.lines[2].key, "delete");
	assert_string_equal(cfg.lines[6].snapshot, "snap-1");
	assert_int_equal(cfg.lines[8].type, CONFIG_BAD); /* skipped with its header */
}

static void test_foreach(void **state)
{
	_cleanup_config_ struct config cfg =
		parse("hostpci0: a\nnet0: x\nhostpci1: b\nhostpci0: c\n[PENDING]\nhostpci2: d\n", GUEST_VM);
	_cleanup_text_ struct text seen = { 0 };

	config_foreach(l, &cfg, "hostpci") text_addf(&seen, "%s=%s ", l->key, l->value);
	assert_string_equal(text_str(&seen), "hostpci0=a hostpci1=b hostpci0=c ");
}

static void test_description(void **state)
{
	_cleanup_config_ struct config cfg = parse(
		"#first%20line\n#50% %zz %4 %00 %C3%A4\nname: x\n#third\n# \n\n[s]\n#not mine\n", GUEST_VM);
	_cleanup_text_ struct text t = { 0 };

	config_description(&cfg, &t);
	assert_string_equal(text_str(&t), "first line\n50% %zz %4 %00 \xc3\xa4\nthird");
}

static void test_bool(void **state)
{
	_cleanup_config_ struct config cfg = parse("template: 1\nonboot: No\nagent: maybe\n", GUEST_VM);

	assert_true(config_get_bool(&cfg, "template", false));
	assert_false(config_get_bool(&cfg, "onboot", true));
	assert_true(config_get_bool(&cfg, "agent", true));
	assert_false(config_get_bool(&cfg, "absent", false));
}

static void test_load(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_free_ char *big = calloc(1, 10 * 1024 * 1024);
	_cleanup_config_ struct config cfg = { 0 };
	struct config untouched;
	struct err e;

	tree_new(&t);
	assert_non_null(big);
	assert_int_equal(config_load(&t.root, GUEST_VM, 100, &untouched, &e), -ENOENT);
	assert_string_equal(e.text, "Configuration file '/etc/pve/qemu-server/100.conf' does not exist");
	tree_put(&t, "/etc/pve/qemu-server/100.conf", "");
	assert_int_equal(config_load(&t.root, GUEST_VM, 100, &cfg, &e), 0);
	assert_int_equal(cfg.vmid, 100);
	assert_int_equal(cfg.n_lines, 0);
	assert_null(config_get(&cfg, "name"));

	memset(big, 'x', 10 * 1024 * 1024);
	tree_put_bytes(&t, "/etc/pve/lxc/101.conf", big, 10 * 1024 * 1024);
	assert_int_equal(config_load(&t.root, GUEST_CT, 101, &untouched, &e), -EFBIG);
	tree_put_bytes(&t, "/etc/pve/lxc/102.conf", "a: b\0c: d\n", 10);
	assert_int_equal(config_load(&t.root, GUEST_CT, 102, &untouched, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "NUL byte"));
	assert_int_equal(root_mkdir_p(&t.root, "/etc/pve/lxc/103.conf", 0755), 0);
	assert_int_equal(config_load(&t.root, GUEST_CT, 103, &untouched, &e), -EISDIR);
}

/* A line for every two bytes is the most that a file can hold. */
static void test_many_lines(void **state)
{
	_cleanup_free_ char *data = malloc(CONFIG_MAX);
	_cleanup_config_ struct config cfg = { 0 };
	struct config untouched;

	assert_non_null(data);
	for (size_t i = 0; i < CONFIG_MAX; i++)
		data[i] = i & 1 ? '\n' : '#';
	assert_int_equal(config_parse(data, CONFIG_MAX, GUEST_VM, &cfg), 0);
	assert_int_equal(cfg.n_lines, CONFIG_MAX / 2);
	assert_int_equal(config_parse(data, CONFIG_MAX + 1, GUEST_VM, &untouched), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lossless),   cmocka_unit_test(test_vm_values),
		cmocka_unit_test(test_ct_values),  cmocka_unit_test(test_sections),
		cmocka_unit_test(test_foreach),	   cmocka_unit_test(test_description),
		cmocka_unit_test(test_bool),	   cmocka_unit_test(test_load),
		cmocka_unit_test(test_many_lines), cmocka_unit_test(test_keys_to_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
