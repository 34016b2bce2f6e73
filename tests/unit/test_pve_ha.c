/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which guests HA looks after, and what it is asked to do with them. */
#include <errno.h>

#include "pve/ha.h"
#include "pve_tree.h"

static char *parsed(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_ha_list_ struct ha_list l = { 0 };
	struct text t = { 0 };

	assert_int_equal(ha_parse(copy, &l), 0);
	for (size_t i = 0; i < l.n; i++)
		text_addf(&t, "%s %u %s\n", guest_kind_name(l.v[i].kind), l.v[i].vmid, ha_state_name(l.v[i].state));
	return text_take(&t);
}

static void texts(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "ct: 200\n", "CT 200 started\n" },
		{ "vm: 101\n\tstate stopped\n\nct: 200\n\tgroup all\n\tstate disabled\n\tmax_restart 3\n", "VM 101 stopped\nCT 200 disabled\n" },
		{ "ct: 300\n state ignored\n\nCT:\t200  \n state enabled \n", "CT 200 started\nCT 300 ignored\n" },
		/* a value that is none, or none at all, is passed over; the next may be one; a second one is passed over */
		{ "ct: 200\n\tstate\n\tstate bogus\n\tstate stopped\n\tstate started\n", "CT 200 stopped\n" },
		{ "ct: 200\n\tstate Stopped\n", "CT 200 started\n" },
		{ "ct: 200\nstate stopped\n", "CT 200 started\n" },
		{ "# ct: 201\nct: 200\n# x\n\tstate stopped\n", "CT 200 stopped\n" },
		/* of a guest with two sections the last counts */
		{ "ct: 200\n\tstate stopped\n\nct: 100\n\nct: 200\n", "CT 100 started\nCT 200 started\n" },
		/* sections of others are skipped with all their lines; what is no header is only a line */
		{ "group: 200\n\tstate stopped\n\nct:200\n\nct: 99\n\nct: x200\n\nct: 200 1\n\n: 201\nct: 202\n", "CT 200 started\nCT 202 started\n" },
		{ "nonsense\nct: 200\n\tstate stopped\n", "CT 200 stopped\n" },
		{ " ct: 200\nvm: 101\n", "VM 101 started\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *have = parsed(cases[i].text);

		if (strcmp(have, cases[i].want) != 0)
			fail_msg("'%s'\n have: %s want: %s", cases[i].text, have, cases[i].want);
	}
}

static void names(void **state)
{
	enum ha_state s;

	for (int i = HA_STARTED; i <= HA_IGNORED; i++) {
		assert_int_equal(ha_state_parse(ha_state_name((enum ha_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(ha_state_parse("enabled", &s), 0);
	assert_int_equal(s, HA_STARTED);
	s = HA_IGNORED;
	assert_int_equal(ha_state_parse("", &s), -EINVAL);
	assert_int_equal(ha_state_parse("start", &s), -EINVAL);
	assert_int_equal(s, HA_IGNORED);
}

static void one_guest(void **state)
{
	enum ha_state s = HA_DISABLED;
	_cleanup_tree_ struct tree t;
	struct err e = { "" };

	tree_new(&t);
	assert_int_equal(ha_find(&t.root, GUEST_CT, 200, &s, &e), -ENOENT); /* no cluster, no file */
	tree_put(&t, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate stopped\n\nvm: 101\n");
	assert_int_equal(ha_find(&t.root, GUEST_VM, 200, &s, &e), -ENOENT);
	assert_int_equal(ha_find(&t.root, GUEST_CT, 101, &s, &e), -ENOENT);
	assert_int_equal(s, HA_DISABLED);
	assert_string_equal(e.text, "");
	assert_int_equal(ha_find(&t.root, GUEST_CT, 200, &s, &e), 0);
	assert_int_equal(s, HA_STOPPED);
	assert_int_equal(ha_find(&t.root, GUEST_VM, 101, &s, &e), 0);
	assert_int_equal(s, HA_STARTED);
	tree_put_bytes(&t, "/etc/pve/ha/resources.cfg", "ct: 200\n\0ct: 201\n", 17);
	assert_int_equal(ha_find(&t.root, GUEST_CT, 200, &s, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "resources.cfg contains a NUL byte"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(names),
		cmocka_unit_test(one_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
