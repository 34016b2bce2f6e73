/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * readonce ROOT: reads every container's configuration and the list of every process's descriptors below ROOT once:
 * what there is to read to find the users of a card, without making anything of it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buf[65536];
static unsigned long files, descriptors, bytes;

static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopendir(fd);
}

static void read_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		bytes += (unsigned long)n;
	close(fd);
	files++;
}

static void look_at_process(int proc, const char *pid)
{
	char path[NAME_MAX + 8];
	DIR *d;

	snprintf(path, sizeof(path), "%s/fd", pid);
	d = open_dir(proc, path);
	if (!d)
		return;
	for (struct dirent *ent; (ent = readdir(d));)
		if (ent->d_name[0] != '.')
			descriptors++;
	closedir(d);
}

int main(int argc, char **argv)
{
	int root = open(argc == 2 ? argv[1] : "", O_PATH | O_DIRECTORY);
	DIR *d;

	if (root < 0) {
		fprintf(stderr, "usage: readonce ROOT: %s\n", strerror(errno));
		return 2;
	}
	d = open_dir(root, "etc/pve/lxc");
	for (struct dirent *ent; d && (ent = readdir(d));)
		if (ent->d_name[0] != '.')
			read_file(dirfd(d), ent->d_name);
	if (d)
		closedir(d);
	d = open_dir(root, "proc");
	for (struct dirent *ent; d && (ent = readdir(d));)
		if (isdigit((unsigned char)ent->d_name[0]))
			look_at_process(dirfd(d), ent->d_name);
	if (d)
		closedir(d);
	printf("%lu files, %lu bytes, %lu descriptors\n", files, bytes, descriptors);
	return 0;
}
