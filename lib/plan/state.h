/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where our own state lives. /run/gpupt (0700, never through a symbolic link) is gone after a reboot, as are the bindings
 * that it records; /var/lib/gpupt stays. The one lock of ours is held while functions are chosen and claimed, which reads sysfs
 * and waits for Proxmox VE's lock of its reservations, and for single files; never across a call into another program.
 */
#ifndef GPUPT_STATE_H
#define GPUPT_STATE_H

#include "base/proc.h"

#define STATE_RUN "/run/gpupt"
#define STATE_VAR "/var/lib/gpupt"

/* Opens a file of ours, links refused at every place of its path. A descriptor or -errno. */
int state_open(const struct root *r, const char *path, int flags);
/* Reads a file of ours of at most 1 MiB. 0 or -errno. */
int state_read(const struct root *r, const char *path, char **ret);
/* Writes a small file of ours as a whole (temporary file, rename), making its directory (0700). 0 or -errno. */
int state_write(const struct root *r, const char *path, const char *text, struct err *e);
/* A file that says which process does something: 0, or -ENOENT if it is gone or none is named. */
int state_read_who(const struct root *r, const char *path, struct proc_id *ret);
int state_write_who(const struct root *r, const char *path, struct proc_id who, struct err *e);
/* Makes a directory of ours, 0700, and refuses one that is somebody else's. 0 or -errno. */
int state_mkdir(const struct root *r, const char *path, struct err *e);
/* Removes a directory of ours below /var/lib/gpupt, and that one, too, if they are empty: who needs them makes them. 0 or -errno. */
int state_rmdir(const struct root *r, const char *path, struct err *e);
/* The names in a directory of ours, sorted; none if it is absent. 0 or -errno. */
int state_list(const struct root *r, const char *dir, struct strv *ret);

/* Removes what state_write() of processes that are gone has left unfinished. */
void state_drop_temporary(const struct root *r);

/* Takes the one lock (flock on /run/gpupt/lock), waiting at most 5 s for its holder. A descriptor to close, or -errno. */
int state_lock(const struct root *r, struct err *e);

#endif
