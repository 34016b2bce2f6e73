/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/settings.h"
#include "tests/fake/fake.h"

static void parse(const char *text, struct settings *ret)
{
	struct err e = { "" };

	if (settings_parse(text, "test.conf", ret, &e) < 0)
		fail_msg("'%s': %s", text, e.text);
}

static void nothing_said(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# only comments\n; of both kinds\n", "[defaults]\n", "\xef\xbb\xbf[defaults]\n" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_settings_ struct settings s = { 0 };
		const struct gpu_settings *g;

		parse(texts[i], &s);
		g = settings_gpu(&s, fake_bdf("0000:01:00.0"));
		assert_ptr_equal(g, &s.defaults);
		assert_int_equal(g->mode, MODE_SHARED);
		assert_int_equal(g->after_stop, AFTER_STOP_HOST);
		assert_int_equal(g->processes, PROCESSES_REFUSE);
		assert_int_equal(g->vms, VMS_REFUSE);
		assert_int_equal(g->backup, BACKUP_HANDOVER);
		assert_false(g->force_stop);
		assert_int_equal(g->shutdown_timeout, 60);
		assert_string_equal(g->reset, "auto");
		assert_true(g->reset_at_start && g->reset_at_stop && !g->has_id);
		assert_true(g->driver_timeout >= 5 && g->stop_timeout >= 5);
		assert_string_equal(g->driver, "");
		assert_null(settings_vm(&s, 101));
	}
}

static void assert_container(const struct settings *s, unsigned int vmid, const char *gpu, enum containers containers, bool force,
			     unsigned int timeout)
{
	struct ct_settings c = settings_ct(s, vmid, fake_bdf(gpu));

	assert_int_equal(c.vmid, vmid);
	assert_int_equal(c.containers, containers);
	assert_int_equal(c.force_stop, force);
	assert_int_equal(c.shutdown_timeout, timeout);
}

static void every_key(void **state)
{
	_cleanup_settings_ struct settings s = { 0 };
	const struct gpu_settings *g;

	parse("[defaults]\n"
	      "mode = reserved\n"
	      "after-stop = keep\n"
	      "processes = terminate\n"
	      "vms = shutdown\n"
	      "containers = shutdown\n"
	      "force-stop = 1\n"
	      "shutdown-timeout = 600\n"
	      "backup = refuse\n"
	      "reset = none\n"
	      "reset-at = stop\n"
	      "driver-timeout = 600\n"
	      "stop-timeout = 1\n"
	      "[gpu 0000:01:00.0]\n"
	      "id = 1002:73bf/1da2:e438\n"
	      "driver = amdgpu\n"
	      "after-stop = host\n"
	      "reset = device_specific\n"
	      "reset-at = start, stop\n"
	      "driver-timeout = 20\n"
	      "[gpu 02:00]\n"
	      "id = 1002:73bf\n"
	      "mode = shared\n"
	      "processes = wait 45\n"
	      "vms = refuse\n"
	      "containers = refuse\n"
	      "force-stop = off\n"
	      "shutdown-timeout = 1\n"
	      "backup = handover\n"
	      "[vm 101]\n"
	      "next = local:snippets/my-hook\n"
	      "[vm 102]\n"
	      "next = nfs-1:snippets/sub/other\n"
	      "[ct 200]\n"
	      "containers = detach\n"
	      "[ct 201]\n"
	      "force-stop = 0\n"
	      "shutdown-timeout = 5\n",
	      &s);
	assert_container(&s, 200, "01:00", CONTAINERS_DETACH, true, 600);
	assert_container(&s, 201, "01:00", CONTAINERS_SHUTDOWN, false, 5);
	assert_container(&s, 202, "01:00", CONTAINERS_SHUTDOWN, true, 600);
	assert_container(&s, 202, "02:00", CONTAINERS_REFUSE, false, 1);
	assert_container(&s, 200, "02:00", CONTAINERS_DETACH, false, 1);
	assert_int_equal(s.defaults.mode, MODE_RESERVED);
	assert_int_equal(s.defaults.after_stop, AFTER_STOP_KEEP);
	assert_int_equal(s.defaults.processes, PROCESSES_TERMINATE);
	assert_string_equal(s.defaults.reset, "none");
	assert_true(!s.defaults.reset_at_start && s.defaults.reset_at_stop);
	assert_int_equal(s.defaults.driver_timeout, 600);
	assert_int_equal(s.defaults.stop_timeout, 1);
	assert_int_equal(s.n_gpus, 2);
	g = settings_gpu(&s, fake_bdf("0000:01:00.1")); /* the whole card's */
	assert_ptr_equal(g, &s.gpus[0]);
	assert_true(g->has_id);
	assert_int_equal(g->id.vendor, 0x1002);
	assert_int_equal(g->id.subdevice, 0xe438);
	assert_string_equal(g->driver, "amdgpu");
	assert_int_equal(g->after_stop, AFTER_STOP_HOST);
	assert_int_equal(g->mode, MODE_RESERVED); /* from [defaults], as the next */
	assert_int_equal(g->processes, PROCESSES_TERMINATE);
	assert_string_equal(g->reset, "device_specific");
	assert_true(g->reset_at_start && g->reset_at_stop);
	assert_int_equal(g->driver_timeout, 20);
	assert_int_equal(g->stop_timeout, 1);
	assert_true(g->vms == VMS_SHUTDOWN && g->force_stop && g->backup == BACKUP_REFUSE);
	assert_int_equal(g->shutdown_timeout, 600);
	g = settings_gpu(&s, fake_bdf("0000:02:00.0"));
	assert_int_equal(g->mode, MODE_SHARED);
	assert_int_equal(g->bdf.fn, BDF_ANY_FN);
	assert_int_equal(g->id.subvendor, 0);
	assert_int_equal(g->processes, PROCESSES_WAIT);
	assert_int_equal(g->wait, 45);
	assert_true(g->vms == VMS_REFUSE && !g->force_stop && g->backup == BACKUP_HANDOVER);
	assert_int_equal(g->shutdown_timeout, 1);
	assert_ptr_equal(settings_gpu(&s, fake_bdf("0000:03:00.0")), &s.defaults);
	assert_string_equal(settings_vm(&s, 101)->next, "local:snippets/my-hook");
	assert_string_equal(settings_vm(&s, 102)->next, "nfs-1:snippets/sub/other");
	assert_null(settings_vm(&s, 103));
}

static void every_reset_method(void **state)
{
	static const char *const methods[] = { "auto", "none", "device_specific", "acpi", "flr", "af_flr", "pm", "bus", "cxl_bus" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		_cleanup_settings_ struct settings s = { 0 };
		char text[64];

		snprintf(text, sizeof(text), "[defaults]\nreset = %s\n", methods[i]);
		parse(text, &s);
		assert_string_equal(s.defaults.reset, methods[i]);
	}
}

static void booleans_and_waits(void **state)
{
	static const struct {
		const char *line;
		bool force;
		unsigned int wait;
	} all[] = {
		{ "force-stop = 1", true, 0 },	   { "force-stop = Yes", true, 0 },    { "force-stop = ON", true, 0 },
		{ "force-stop = true", true, 0 },  { "force-stop = 0", false, 0 },     { "force-stop = no", false, 0 },
		{ "force-stop = False", false, 0 }, { "processes = wait 1", false, 1 }, { "processes = wait   600", false, 600 },
		{ "processes = wait\t7", false, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_settings_ struct settings s = { 0 };
		char text[64];

		snprintf(text, sizeof(text), "[defaults]\n%s\n", all[i].line);
		parse(text, &s);
		assert_int_equal(s.defaults.force_stop, all[i].force);
		assert_int_equal(s.defaults.wait, all[i].wait);
		assert_int_equal(s.defaults.processes, all[i].wait ? PROCESSES_WAIT : PROCESSES_REFUSE);
	}
}

/* A card that does not wait any more has no time that it would wait. */
static void wait_is_overridden(void **state)
{
	_cleanup_settings_ struct settings s = { 0 };
	const struct gpu_settings *g;

	parse("[defaults]\nprocesses = wait 60\n[gpu 01:00]\nprocesses = terminate\n", &s);
	g = settings_gpu(&s, fake_bdf("0000:01:00.0"));
	assert_int_equal(g->processes, PROCESSES_TERMINATE);
	assert_int_equal(g->wait, 0);
}

static void forms(void **state)
{
	_cleanup_settings_ struct settings s = { 0 };

	/* inih's own: colons, blanks around, comments behind a value, no newline at the end, CR LF */
	parse("[defaults]\r\nreset:flr\r\n  \nprocesses   =   terminate   ; because\n[gpu 0001:AB:1F.7]\nafter-stop=keep", &s);
	assert_string_equal(s.defaults.reset, "flr");
	assert_int_equal(s.defaults.processes, PROCESSES_TERMINATE);
	assert_int_equal(s.gpus[0].bdf.domain, 1);
	assert_int_equal(s.gpus[0].bdf.bus, 0xab);
	assert_int_equal(s.gpus[0].after_stop, AFTER_STOP_KEEP);
}

#define BLANKS60 "                                                            "

/* Each with the line that the error must name, and a word that says what is accepted. */
static void every_error(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *word;
	} bad[] = {
		{ "reset = auto\n", 1, "[defaults]" },
		{ "[defaults]\nresets = auto\n", 2, "after-stop" },
		{ "[defaults]\nmode = vfio\n", 2, "shared or reserved" },
		{ "[defaults]\n\n# c\nafter-stop = maybe\n", 4, "host or keep" },
		{ "[defaults]\nafter-stop =\n", 2, "host or keep" },
		{ "[defaults]\nafter-stop = KEEP\n", 2, "host or keep" },
		{ "[defaults]\nprocesses = kill\n", 2, "refuse, terminate, or wait" },
		{ "[defaults]\nprocesses = wait\n", 2, "such as wait 60" },
		{ "[defaults]\nprocesses = wait 0\n", 2, "1 to 600" },
		{ "[defaults]\nprocesses = wait 601\n", 2, "1 to 600" },
		{ "[defaults]\nprocesses = wait60\n", 2, "such as wait 60" },
		{ "[defaults]\nprocesses = wait 60 s\n", 2, "such as wait 60" },
		{ "[defaults]\nprocesses = waiting 60\n", 2, "such as wait 60" },
		{ "[defaults]\nvms = stop\n", 2, "refuse or shutdown" },
		{ "[defaults]\nforce-stop = 2\n", 2, "0 or 1" },
		{ "[defaults]\nforce-stop =\n", 2, "0 or 1" },
		{ "[defaults]\nshutdown-timeout = 0\n", 2, "1 to 600" },
		{ "[defaults]\nbackup = no\n", 2, "handover or refuse" },
		{ "[defaults]\nreset = bounce\n", 2, "device_specific" },
		{ "[defaults]\nreset = flr bus\n", 2, "device_specific" },
		{ "[defaults]\nreset-at = boot\n", 2, "start, stop" },
		{ "[defaults]\nreset-at = \n", 2, "reset = none" },
		{ "[defaults]\nreset-at = start," BLANKS60 "bogus\n", 2, "start, stop" },
		{ "[defaults]\nreset-at = start" BLANKS60 ",bogus\n", 2, "start, stop" },
		{ "[defaults]\ndriver-timeout = 0\n", 2, "1 to 600" },
		{ "[defaults]\ndriver-timeout = 601\n", 2, "1 to 600" },
		{ "[defaults]\ndriver-timeout = 10s\n", 2, "1 to 600" },
		{ "[defaults]\nstop-timeout = -1\n", 2, "1 to 600" },
		{ "[defaults]\nid = 1002:73bf\n", 2, "[gpu" },
		{ "[defaults]\ndriver = amdgpu\n", 2, "[gpu" },
		{ "[gpu 01:00]\nid = AMD\n", 2, "vendor:device" },
		{ "[gpu 01:00]\nid = 1002:73bf/1da2\n", 2, "vendor:device" },
		{ "[gpu 01:00]\ndriver = ../../etc\n", 2, "PCI driver" },
		{ "[gpu 01:00]\ndriver = \n", 2, "PCI driver" },
		{ "[gpu 01:00]\ndriver = abcdefghijklmnopqrstuvwxyzabcdef\n", 2, "PCI driver" },
		{ "[gpu 1:0]\nreset = auto\n", 1, "names no card" },
		{ "[gpu]\n", 1, "no section" },
		{ "[gpu 01:00]\nreset = auto\n[gpu 0000:01:00.0]\nreset = auto\n", 3, "second section" },
		{ "[gpu 01:00]\nreset = auto\n[defaults]\nreset = auto\n", 3, "before every [gpu" },
		{ "[gpu 01:00]\nnext = local:snippets/x\n", 2, "after-stop" },
		{ "[vm 99]\nnext = local:snippets/x\n", 1, "names no VM" },
		{ "[vm 101x]\n", 1, "names no VM" },
		{ "[vm 101]\nnext = /usr/local/bin/x\n", 2, "snippet" },
		{ "[vm 101]\nreset = auto\n", 2, "next" },
		{ "[ct 200]\nnext = local:snippets/x\n", 2, "known are containers, force-stop, shutdown-timeout" },
		{ "[ct 20]\n", 1, "names no container" },
		{ "[ct 200]\ncontainers = hot\n[ct 200]\n", 3, "second section for CT 200" },
		{ "[ct 200]\ncontainers = cold\n", 2, "use hot, shutdown, detach or refuse" },
		{ "[defaults]\ncontainers = no\n", 2, "use hot, shutdown, detach or refuse" },
		{ "[ct 200]\nshutdown-timeout = 0\n", 2, "whole seconds" },
		{ "[defaults]\nreset = auto\nreset = none\n", 3, "second time" },
		{ "[defaults]\nreset = auto\n[vm 101]\nnext = a:snippets/x\n[defaults]\nreset = auto\n", 6, "second time" },
		{ "[vm 101]\nnext = a:snippets/x\n[vm 101]\nnext = a:snippets/y\n", 3, "second section for VM 101" },
		{ "[vm 101]\n[vm 102]\n[gpu 01:00]\n[vm 101]\n", 4, "second section for VM 101" },
		{ "[defaults]\nreset = auto\n  none\n", 3, "second time" }, /* inih's continuation line */
		{ "[defaults]\nnonsense\n", 2, "key = value" },
		{ "[defaults\nreset = auto\n", 1, "[section]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_settings_ struct settings s = { 0 };
		struct err e = { "" };
		char where[32];

		s.n_gpus = 0;
		snprintf(where, sizeof(where), "test.conf line %d:", bad[i].line);
		if (settings_parse(bad[i].text, "test.conf", &s, &e) != -EINVAL)
			fail_msg("accepted: %s", bad[i].text);
		if (!str_starts(e.text, where) || !strstr(e.text, bad[i].word))
			fail_msg("for:\n%s: %s", bad[i].text, e.text);
		/* nothing is taken from a file with an error */
		assert_null(s.gpus);
		assert_null(s.vms);
		assert_int_equal(s.defaults.driver_timeout, 0);
	}
}

static void long_lines(void **state)
{
	static const char *const ways[] = { "# %s\n", "[defaults]\nreset = %s\n", "[gpu %s]\nreset = auto\n", "%s" };
	char x[1000];

	memset(x, 'x', sizeof(x));
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		for (int n = 195; n < 230; n += 1) {
			_cleanup_settings_ struct settings s = { 0 };
			_cleanup_text_ struct text t = { 0 };
			struct err e = { "" };
			const char *line;
			int k;

			x[n] = '\0';
			for (const char *p = ways[i]; *p; p++) {
				if (*p == '%') {
					text_add(&t, x);
					p++;
				} else {
					text_add_n(&t, p, 1);
				}
			}
			x[n] = 'x';
			/* a second line that must not be taken for the rest of the first */
			text_add(&t, "\n[defaults]\nprocesses = terminate\n");
			k = settings_parse(text_str(&t), "test.conf", &s, &e);
			line = strchr(ways[i], '\n') && ways[i][0] == '[' && ways[i][1] == 'd' ? "line 2" : "line 1";
			if (n > 198 && (k != -EINVAL || !strstr(e.text, "longer than") || !strstr(e.text, line)))
				fail_msg("%d bytes in '%s': %d %s", n, ways[i], k, e.text);
			if (i == 0 && n + 2 <= 198)
				assert_int_equal(k, 0);
		}
	}
}

static void may_have(void **state)
{
	static const struct {
		const char *text;
		bool have;
	} cases[] = {
		{ "", false },
		{ "[vm 101]", true },
		{ "[vm 101", true },
		{ "[vm 101\n", true },
		{ "nonsense [vm 101]\n", true },
		{ "\n\n \t[vm 101]\n", true },
		{ "[vm 1011][vm 101]\n", true },
		{ "[vm 1011]\n[vm 10]\n[vm 2101]\n", false },
		{ "[vm 10\n1]\n", false },
		{ "#[vm 101]\n  # [vm 101]\n;[vm 101]\n", false },
		{ "# a\n[vm 101]", true },
		{ "[gpu 101]\nnext = local:snippets/vm 101\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (settings_may_have_vm(cases[i].text, strlen(cases[i].text), 101) != cases[i].have)
			fail_msg("'%s'", cases[i].text);
	assert_true(settings_may_have_vm("a\0\n[vm 101]", 11, 101));
	/* nothing behind its end */
	assert_true(settings_may_have_vm("[vm 1011]", 7, 101));
	assert_false(settings_may_have_vm("[vm 101]", 6, 101));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(every_key),
		cmocka_unit_test(every_reset_method),
		cmocka_unit_test(booleans_and_waits),
		cmocka_unit_test(wait_is_overridden),
		cmocka_unit_test(forms),
		cmocka_unit_test(every_error),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(may_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
