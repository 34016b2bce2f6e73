/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that make something of the files in /etc: what they made is those files, as they were then. */
#include <stdlib.h>

#include "base/exec.h"
#include "host/kernels.h"
#include "tests/fake/prepare.h"

static const char *const elsewhere[] = { "/dev", "/proc", "/run", "/sys", "/var", NULL };

char *fake_built_of(const struct fake *f)
{
	return fake_tree(f, elsewhere);
}

char *fake_built(const struct fake *f, const char *program)
{
	char path[PATH_MAX], full[PATH_MAX];
	FILE *in = fopen(fake_hidden_path(f, full, "%s", path_f(path, "built/%s", program)), "re");
	struct text t = { 0 };
	char buf[4096];
	size_t n;

	if (!in)
		return NULL;
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		text_add_n(&t, buf, n);
	fclose(in);
	return text_take(&t);
}

/* update-initramfs: each initramfs is another file by then, but for those that it leaves alone. */
static void write_images(struct fake *f)
{
	_cleanup_kernels_ struct kernels kernels = { 0 };
	char path[PATH_MAX];

	if (kernels_load(&f->root, &kernels) < 0)
		fake_die("kernels_load");
	for (size_t i = 0; i < kernels.n; i++) {
		const char *release = kernels.v[i].release;

		if (!kernels.v[i].initrd || *fake_hidden(f, path_f(path, "image-stays/%s", release)))
			continue;
		root_unlink(&f->root, path_f(path, "/boot/initrd.img-%s", release));
		fake_put(f, path, "an initramfs\n");
	}
}

/* They die half-way, too: then what they make is neither the old nor the new. */
int fake_build(struct fake *f, char *const argv[], struct exec_result *ret)
{
	char path[PATH_MAX], line[512];
	char *made = fake_built_of(f);
	bool fails = fake_is_hidden(f, path_f(path, "build-fails/%s", argv[0]));

	fake_hide(f, path_f(path, "built/%s", argv[0]), fails ? "half of it" : made);
	free(made);
	if (!fails && str_eq(argv[0], "update-initramfs"))
		write_images(f);
	snprintf(line, sizeof(line), "%s%s%s", fake_hidden(f, "builds"), *fake_hidden(f, "builds") ? " " : "", argv[0]);
	fake_hide(f, "builds", line);
	ret->status = fails;
	if (!fails && fake_is_hidden(f, path_f(path, "build-skips/%s", argv[0])))
		ret->output = strdup("Copying\nWARN: /dev/disk/by-uuid/7DF2-8A0C does not exist - skipping\nDone\n");
	else
		ret->output = strdup(fails ? "working\ngzip: stdout: No space left on device\n" : "working\n");
	return 0;
}

bool fake_builds(const char *program)
{
	static const char *const programs[] = { "update-initramfs", "update-grub", "proxmox-boot-tool", "udevadm", "systemctl" };

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (str_eq(programs[i], program))
			return true;
	return false;
}
