/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's configuration file, read losslessly: every line in its order with its exact bytes, so that
 * writing it back unchanged gives the same file. What a line means follows parse_vm_config()
 * (PVE/QemuServer.pm) for VMs and parse_pct_config() (PVE/LXC/Config.pm) for containers; the two differ in
 * their section headers and keys.
 */
#ifndef GPUPT_PVE_CONFIG_H
#define GPUPT_PVE_CONFIG_H

#include "base/root.h"
#include "pve/kind.h"

#define CONFIG_MAX (1024 * 1024) /* pmxcfs itself refuses files over 1 MiB (MEMDB_MAX_FILE_SIZE) */

enum config_section {
	CONFIG_CURRENT,	 /* before the first header: what the guest is */
	CONFIG_PENDING,	 /* [PENDING], for containers [pve:pending] */
	CONFIG_SPECIAL,	 /* [special:cloudinit] and the like, VMs only */
	CONFIG_SNAPSHOT, /* [NAME] */
	CONFIG_UNKNOWN,	 /* a header that Proxmox VE skips with all its lines, VMs only */
};

enum config_type {
	CONFIG_BLANK,
	CONFIG_HEADER,	/* value = the section's name as written: "PENDING", "special:cloudinit" */
	CONFIG_COMMENT, /* '#' line: a line of the description; value = the rest, still encoded */
	CONFIG_KEY,	/* "key: value" */
	CONFIG_LXC,	/* raw "lxc.*" key with ':' or '=', containers only; the value may be empty */
	CONFIG_BAD,	/* Proxmox VE warns and goes on; so do we, silently */
};

struct config_line {
	const char *raw; /* in config.raw, raw_len bytes with the newline if there is one */
	size_t raw_len;
	const char *key;   /* NUL-terminated; NULL unless CONFIG_KEY or CONFIG_LXC */
	const char *value; /* NUL-terminated, trimmed; NULL for CONFIG_BLANK and CONFIG_BAD */
	enum config_type type;
	enum config_section section;
	const char *snapshot; /* name of the section's header; NULL in CONFIG_CURRENT */
};

struct config {
	enum guest_kind kind;
	unsigned int vmid; /* 0 if parsed from a buffer */
	char *raw;	   /* the file's bytes, and a NUL */
	size_t raw_len;
	char *cooked; /* a second copy, cut into the keys and values that lines point to */
	struct config_line *lines;
	size_t n_lines;
};

/* /etc/pve/qemu-server/VMID.conf or /etc/pve/lxc/VMID.conf into buf; returns buf. */
char *config_path(char buf[static PATH_MAX], enum guest_kind kind, unsigned int vmid);

/*
 * Reads a guest's file. 0; -ENOENT (no such guest on this node: for many callers no error, e is set all the
 * same); -EFBIG over CONFIG_MAX; -EISDIR; -EBADMSG (a NUL byte); -errno. An empty file is a legal
 * configuration.
 */
int config_load(const struct root *r, enum guest_kind kind, unsigned int vmid, struct config *ret,
		struct err *e);

/* The same of a file by its path: a guest's of another node, below /etc/pve/nodes. */
int config_load_file(const struct root *r, const char *path, enum guest_kind kind, unsigned int vmid, struct config *ret,
		     struct err *e);

/* Parses len bytes (copied). 0, -EBADMSG (a NUL byte), -EFBIG or -ENOMEM. */
int config_parse(const char *data, size_t len, enum guest_kind kind, struct config *ret);

void config_done(struct config *cfg);
#define _cleanup_config_ _cleanup_(config_done)

/* The value of key in the current section, NULL if it has none. The last of several counts. */
const char *config_get(const struct config *cfg, const char *key);

/* A boolean of the current section; dflt if it is absent or no boolean, of which Proxmox VE warns. */
bool config_get_bool(const struct config *cfg, const char *key, bool dflt);

/* Has somebody deleted the key, which the guest's next start is to take out of the current section? */
bool config_is_to_go(const struct config *cfg, const char *key);

/*
 * The next CONFIG_KEY or CONFIG_LXC line of the current section whose key starts with prefix ("" for all),
 * after line prev (NULL: from the start); NULL at the end. Repeated keys come as often as they stand in the
 * file.
 */
const struct config_line *config_next(const struct config *cfg, const char *prefix,
				      const struct config_line *prev);
#define config_foreach(line, cfg, prefix)                                                                    \
	for (const struct config_line *line = config_next(cfg, prefix, NULL); line;                          \
	     line = config_next(cfg, prefix, line))

/* Appends the description, decoded: a person's text, not fit for a terminal as it is. */
void config_description(const struct config *cfg, struct text *ret);

/* Appends the file as it stands in the lines; of an unchanged configuration the very bytes that were read. */
void config_write(const struct config *cfg, struct text *ret);

#endif
