/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `capture`: this machine as an archive of a tree for --root, to be looked at elsewhere. */
#include <errno.h>
#include <fcntl.h>

#include "base/proc.h"
#include "helper/capture.h"
#include "helper/file_arg.h"

/* What could not be looked at, in one line each. */
static void say_gaps(const struct options *o, const struct capture *c)
{
	if (root_is_real(o->root) && geteuid() != 0)
		helper_complain("without root the capture lacks config space, addresses in /proc/iomem, other users' processes and "
				"Proxmox VE's guests");
	else if (c->unseen)
		helper_complain("%u processes could not be looked at", c->unseen);
	if (c->hanging)
		helper_complain("%u files did not answer and are not in it", c->hanging);
}

static int gather(struct capture *c, struct text *ret, struct err *e)
{
	int k = root_is_real(c->root) ? 0 : manifest_load(c->root, &c->manifest);

	if (k < 0)
		return err_errno(e, k, "cannot read the tree's " NODE_MANIFEST);
	if (proc_boot_id(c->root, c->names.boot_id) < 0)
		c->names.boot_id[0] = '\0';
	capture_text(c, "/proc/sys/kernel/random/boot_id", MASK_BOOT_ID "\n");
	/* first, so that this node is the first that has a name */
	capture_guests(c);
	capture_cards(c);
	capture_record(c);
	capture_table(c);
	capture_initramfs(c);
	capture_processes(c);
	k = capture_read(c, e);
	return k < 0 ? k : capture_write(c, ret, e);
}

/* A file that is not there yet, on the machine that this runs on, whichever is captured. */
static int write_new(const char *path, const struct text *t, struct err *e)
{
	struct root here = { .fd = -1 };
	int k = root_open_dir(&here, "/", e), fd;
	size_t done = 0;

	if (k < 0)
		return k;
	fd = root_open(&here, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	k = fd < 0 ? fd : 0;
	while (k == 0 && done < t->len) {
		ssize_t n = write(fd, t->s + done, t->len - done);

		if (n < 0 && errno != EINTR)
			k = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && (fsync(fd) < 0 && errno != EINVAL && k == 0))
		k = -errno;
	if (fd >= 0 && close(fd) < 0 && k == 0)
		k = -errno;
	if (k < 0 && fd >= 0)
		root_unlink(&here, path);
	root_close(&here);
	if (k == -EEXIST)
		return err_set(e, k, "%.300s exists already: name another file", path);
	return k < 0 ? err_errno(e, k, "cannot write %.300s", path) : 0;
}

static int refuse_existing(const char *path, struct err *e)
{
	struct root here = { .fd = -1 };
	int k = root_open_dir(&here, "/", e);

	if (k == 0 && root_exists(&here, path))
		k = err_set(e, -EEXIST, "%.300s exists already: name another file", path);
	root_close(&here);
	return k;
}

static int run(const struct options *o, int argc, char **argv)
{
	bool to_stdout = file_arg_is_stdout(argv[0]);
	_cleanup_(capture_done) struct capture c = { .root = o->root, .prepared.fd = -1 };
	_cleanup_text_ struct text archive = { 0 };
	char path[PATH_MAX];
	struct err e = { "" };
	int code = to_stdout ? file_arg_check_stdout(o, "an archive") : file_arg(argv[0], path);

	if (code == EXIT_DONE && !to_stdout)
		code = helper_result(refuse_existing(path, &e), &e);
	if (code == EXIT_DONE)
		code = helper_result(gather(&c, &archive, &e), &e);
	if (code != EXIT_DONE)
		return code;
	say_gaps(o, &c);
	if (o->dry_run) {
		printf("%zu bytes would be written\n", archive.len);
		return EXIT_DONE;
	}
	if (to_stdout)
		return helper_result(file_arg_to_stdout(archive.s, archive.len, &e), &e);
	code = helper_result(write_new(path, &archive, &e), &e);
	if (code == EXIT_DONE)
		printf("%s: look through it before you give it away\n", path);
	return code;
}

const struct command command_capture = {
	.name = "capture",
	.args = "FILE",
	.min = 1,
	.max = 1,
	.summary = "write this machine as a tree for --root, in a tar archive",
	.help = "The parts of /sys, /proc, /run and /etc that gpupt reads, without serial numbers, addresses, names of\n"
		"hosts and guests, notes, passwords and keys. It unpacks to the directory 'machine'. An existing file is\n"
		"not overwritten; '-' is standard output. Without root it lacks much.",
	.run = run,
};
