/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "pve/guest.h"

#define UNIX_MAX   (64 * 1024 * 1024) /* /proc/net/unix: some 100 bytes a socket */
#define SOCKET_DIR "@/var/lib/lxc/"   /* of LXC's command sockets: check_running() in PVE/LXC.pm */

/* A real container has some hundred groups, of which its init is in one of the outermost. */
#define GROUPS_MAX    4096
#define GROUPS_DEPTH  8
#define PROCS_MAX     65536
#define PROCS_MAX_LEN (1024 * 1024)

/* The eighth and last field of a line of /proc/net/unix, the path; NULL if there is none. */
static char *socket_path(char *line)
{
	for (int field = 0; field < 7; field++) {
		line += strcspn(line, " \t");
		line += strspn(line, " \t");
	}
	return *line ? line : NULL;
}

/* "@/var/lib/lxc/200/command" */
static bool socket_vmid(char *path, unsigned int *ret)
{
	char *id, *slash;

	if (!path || !str_starts(path, SOCKET_DIR))
		return false;
	id = path + strlen(SOCKET_DIR);
	slash = strchr(id, '/');
	if (!slash || !str_eq(slash, "/command"))
		return false;
	*slash = '\0';
	return parse_vmid(id, ret) == 0;
}

static int id_cmp(const void *pa, const void *pb)
{
	const unsigned int *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

int guest_cts_running(const struct root *r, struct guest_list *ret)
{
	_cleanup_guest_list_ struct guest_list l = { 0 };
	_cleanup_free_ char *data = NULL;
	unsigned int vmid;
	char *p, *line;
	int k = root_read(r, "/proc/net/unix", UNIX_MAX, &data, NULL);

	if (k < 0 && k != -ENOENT)
		return k;
	for (p = data; (line = str_line(&p));)
		if (socket_vmid(socket_path(line), &vmid) && guest_list_add(&l, vmid) < 0)
			return -ENOMEM;
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), id_cmp);
	*ret = l;
	l = (struct guest_list){ 0 };
	return 0;
}

/*
 * "NSpid:	4711	1": the process's ids from our namespace inwards (proc(5)). Three of them are a container's in the
 * container, whose init is process 1 of its own.
 */
bool guest_status_is_init(char *text)
{
	char *line, *save = NULL;

	while ((line = str_line(&text))) {
		char *outer, *inner;

		if (!str_starts(line, "NSpid:"))
			continue;
		outer = strtok_r(line + strlen("NSpid:"), " \t", &save);
		inner = outer ? strtok_r(NULL, " \t", &save) : NULL;
		return inner && str_eq(inner, "1") && !strtok_r(NULL, " \t", &save);
	}
	return false;
}

struct init_search {
	const struct root *root;
	unsigned int groups, procs; /* looked at */
	struct proc_id found;
};

static bool pid_is_init(struct init_search *s, pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct proc_id id = { .pid = pid };

	/* its start first: if the pid changes hands in between, it is that of the process that was looked at before */
	if (proc_start(s->root, pid, &id.start) < 0 ||
	    root_read(s->root, path_f(path, "/proc/%d/status", (int)pid), 65536, &text, NULL) < 0 || !guest_status_is_init(text))
		return false;
	s->found = id;
	return true;
}

/* Is it in the group at path itself? 1, 0, or -errno. */
static int group_look(struct init_search *s, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char file[PATH_MAX], *p, *line;
	uint64_t pid;
	int k = root_read(s->root, path_f(file, "%s/cgroup.procs", path), PROCS_MAX_LEN, &text, NULL);

	if (k < 0)
		return k;
	for (p = text; (line = str_line(&p)) && s->procs < PROCS_MAX; s->procs++)
		if (parse_uint(line, INT32_MAX, &pid) == 0 && pid > 0 && pid_is_init(s, (pid_t)pid))
			return 1;
	return 0;
}

static int group_walk(struct init_search *s, const char *path, unsigned int depth)
{
	_cleanup_closedir_ DIR *d = NULL;
	int k = group_look(s, path);

	if (k == 1 || depth == GROUPS_DEPTH || root_opendir(s->root, path, &d) < 0)
		return k;
	for (struct dirent *ent; (ent = readdir(d)) && s->groups < GROUPS_MAX && s->procs < PROCS_MAX;) {
		char below[PATH_MAX];

		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		s->groups++;
		if (group_walk(s, path_f(below, "%s/%s", path, ent->d_name), depth + 1) == 1)
			return 1;
	}
	return k;
}

int guest_ct_init(const struct root *r, unsigned int vmid, struct proc_id *ret)
{
	/* the last is version 1's, which Proxmox VE 7 can still be booted with */
	static const char *const groups[] = { "/sys/fs/cgroup/lxc/", "/sys/fs/cgroup/lxc.payload.",
					      "/sys/fs/cgroup/systemd/lxc/" };
	/* where it is: with systemd, with another init, in a container that was not given a group namespace */
	static const char *const usual[] = { "/ns/init.scope", "/init.scope", "/ns" };
	struct init_search s = { .root = r };
	char group[PATH_MAX], path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		int k = 0;

		if (!root_exists(r, path_f(group, "%s%u", groups[i], vmid)))
			continue;
		for (size_t u = 0; u < ARRAY_SIZE(usual) && k != 1; u++)
			k = group_look(&s, path_f(path, "%s%s", group, usual[u]));
		if (k != 1)
			k = group_walk(&s, group, 0);
		if (k == 1) {
			*ret = s.found;
			return 0;
		}
	}
	return -ESRCH;
}
