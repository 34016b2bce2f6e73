/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine on disk that answers writes as the kernel does. The tree (`root`) is what the program sees; what only the
 * kernel knows (native drivers, new_id lists, reset capabilities, next minor numbers) lies beside it. All state is on
 * disk, since a write may happen in a forked child; counters and faults are on a page that all processes share.
 */
#ifndef GPUPT_TESTS_FAKE_H
#define GPUPT_TESTS_FAKE_H

#include "base/bdf.h"
#include "base/root.h"

/* Under a sanitizer, and under valgrind (-DFAKE_SLOW), a fork takes ten times as long: every FAKE_EVERYth call is tried, deadlines are longer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FAKE_SLOW 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(FAKE_SLOW)
#define FAKE_EVERY   6
#define FAKE_HANG_MS 2500
#else
#define FAKE_EVERY   1
#define FAKE_HANG_MS 700
#endif

/* Which calls count and may fail. */
#define FAKE_KERNEL  1u /* writes to sysfs, programs, unit jobs */
#define FAKE_STORAGE 2u /* write(2), renameat, unlinkat, ftruncate, fsync and fdatasync on files of the tree */

enum fake_fault {
	FAKE_COUNT,	   /* nothing happens, calls are counted */
	FAKE_ERROR_BEFORE, /* the call fails and has no effect */
	FAKE_ERROR_AFTER,  /* the call has its effect and fails all the same */
	FAKE_KILL_BEFORE,  /* the process under test is killed at the call, which has no effect */
	FAKE_KILL_AFTER,   /* it is killed behind the call */
	FAKE_HANG,	   /* the call waits for fake_release(), then takes effect */
	FAKE_SHORT,	   /* write(2) writes half of it; other calls fail like FAKE_ERROR_BEFORE */
	FAKE_ERROR_FROM,   /* this call and all behind it fail: a full disk */
	FAKE_READ_ONLY,	   /* from this call on /run is read-only: what is written there, made or opened for writing fails with EROFS */
	FAKE_CALL,	   /* fake.at() runs before the call: somebody else does something */
	FAKE_CALL_EACH,	   /* the same before every call */
};

struct fake_shared {
	volatile unsigned int count;	/* calls since fake_arm() */
	volatile unsigned int kinds;	/* FAKE_KERNEL | FAKE_STORAGE; 0: disarmed */
	volatile unsigned int at;	/* the call that the fault hits, from 1 */
	volatile int error;		/* a positive errno */
	volatile enum fake_fault fault;
	volatile pid_t victim;		/* the process under test */
	volatile unsigned int hanging;	/* children that wait for fake_release() now */
	volatile pid_t hanger;
	volatile bool released;
	volatile unsigned int resets_under_driver; /* resets of a function that its native driver had: no test may cause one */
	volatile unsigned int touched_stuck; /* writes to a function while a child hangs on it: a real kernel would hang those, too */
	volatile struct bdf stuck;
	volatile bool has_stuck;
	volatile unsigned int resets;	/* resets that were really made */
	volatile unsigned int execs;	/* programs that were run */
	volatile unsigned int hung_unbinds; /* from nvidia, of a card that its persistence mode holds: a real kernel would hang in it */
};

struct fake {
	struct root root;
	struct root_hooks hooks;
	struct root proc; /* "/", where processes of ours are looked up */
	char dir[PATH_MAX - 256]; /* holds root/ and kernel/ */
	struct fake_shared *shared;
	pid_t owner;
	void (*at)(struct fake *f, void *ctx);
	void *at_ctx;
};

/* A machine without any device. Ends the test program if it cannot be made. */
struct fake *fake_new(void);
void fake_free(struct fake *f);
DEFINE_CLEANUP(struct fake *, fake_free)
#define _cleanup_fake_ _cleanup_(cleanup_fake_free)

/* --- files of the tree; paths as the program sees them --- */
char *fake_path(const struct fake *f, char buf[static PATH_MAX], const char *path);
void fake_put(const struct fake *f, const char *path, const char *text); /* with its directories */
void fake_putf(const struct fake *f, const char *path, const char *fmt, ...) _printf_(3, 4);
void fake_put_bytes(const struct fake *f, const char *path, const void *data, size_t n);
void fake_link(const struct fake *f, const char *path, const char *target);
void fake_mkdir(const struct fake *f, const char *path);
void fake_remove(const struct fake *f, const char *path); /* recursively; none is fine */
bool fake_exists(const struct fake *f, const char *path);
/* The first line of a file, "" if there is none; in one of 8 static buffers. */
const char *fake_get(const struct fake *f, const char *path);
/* What only the kernel knows: the same for files in kernel/. */
char *fake_hidden_path(const struct fake *f, char buf[static PATH_MAX], const char *fmt, ...) _printf_(3, 4);
void fake_hide(const struct fake *f, const char *path, const char *text);
const char *fake_hidden(const struct fake *f, const char *path);
bool fake_is_hidden(const struct fake *f, const char *path);

/* --- the machine --- */
struct fake_fn {
	const char *bdf;
	const char *above;	/* the bridge it is behind, or NULL for bus 0 */
	const char *id;		/* "1002:73bf/1da2:e438" */
	unsigned int class;	/* 0x030000 */
	const char *native;	/* driver; NULL: none */
	int group;		/* -1: none */
	const char *can_reset;	/* methods that the hardware has, in the kernel's order; NULL: no reset at all */
	const char *says_reset; /* what reset_method lists, if it is not the same */
	bool fb;		/* its driver makes a frame buffer */
	bool boot_vga;
};

void fake_add(struct fake *f, const struct fake_fn *fn);
/*
 * Two identical AMD cards with audio (0000:01:00 and 0000:02:00, radeon and snd_hda_intel, groups 15 and 16), the boot
 * display 0000:00:03.0 (bochs-drm, frame buffer, console), a network card 0000:03:00.0 (e1000e, flr), VMs 101 and 102
 * for the two cards, an IOMMU.
 */
struct fake *fake_machine(void);
#define CARD   "0000:01:00.0"
#define CARD1  "0000:01:00.1"
#define TWIN   "0000:02:00.0"
#define TWIN1  "0000:02:00.1"
#define BOOT   "0000:00:03.0"
#define NIC    "0000:03:00.0"
#define AMD_ID "1002:5159/1af4:1100"
#define HDA_ID "8086:293e/1af4:1100"

struct bdf fake_bdf(const char *s);
void fake_no_iommu(struct fake *f);
/* Config space reads ff. */
void fake_dead(struct fake *f, const char *bdf);
void fake_vanish(struct fake *f, const char *bdf);
void fake_identity(struct fake *f, const char *bdf, const char *id);
/* As after a boot: everything with its native driver, no override, /run empty, another boot id. */
void fake_reboot(struct fake *f);
/* Binds and unbinds behind the program's back: driver "" unbinds. Overrides are not looked at. */
void fake_bind(struct fake *f, const char *bdf, const char *driver);
void fake_override(struct fake *f, const char *bdf, const char *driver);
/* Proxmox VE's residue: vfio-pci wants every device of that vendor and device. */
void fake_new_id(struct fake *f, const char *vendor_device);
/* A probe of driver fails silently on this function. */
void fake_refuse_bind(struct fake *f, const char *bdf, const char *driver);
/* The number of the first node below a function's directory "drm", "sound" or "graphics": "226:2"; "" if there is none. */
const char *fake_dev(const struct fake *f, const char *bdf, const char *kind);
/* A process that holds a node: pid with /proc entries in the tree. */
void fake_holder(struct fake *f, int pid, const char *comm, const char *cgroup, const char *dev, const char *name);
void fake_holder_gone(struct fake *f, int pid);
/* The VM runs, as that pid. */
void fake_vm_runs(struct fake *f, unsigned int vmid, int pid);
void fake_vm_ends(struct fake *f, unsigned int vmid);
/*
 * What becomes of a `qm shutdown` or `qm stop` of a VM: "" (it ends, and post-stop runs), "late" (post-stop does not come), "deaf" (it
 * does not hear the first), "deaf, then locked", "undying" (nor the second), "hangs", "interrupted". Hidden: "qm-calls" has the calls.
 */
void fake_qm_how(struct fake *f, unsigned int vmid, const char *how);
/* Without it /etc/pve/local has no right to write. A link cannot be without, so it is a directory then. */
void fake_quorum(struct fake *f, bool there);
/* Ends the test program if one of our locks is held, but for turns. */
void fake_no_locks(const struct fake *f);
/*
 * A unit and its state: "active", "activating", "inactive", "failed"; "broken" is one that no job changes. With its stop the processes
 * in its cgroup end. Hidden: "respawns/UNIT" ("PID COMM 226:1 /dev/dri/card1") opens the card at its stop, "starts-as/UNIT" and
 * "stops-as/UNIT" are its state after such a job.
 */
void fake_unit(struct fake *f, const char *unit, const char *state);

/* --- faults --- */
/* From now on calls of these kinds count, and the one with number at is hit. */
void fake_arm(struct fake *f, unsigned int kinds, enum fake_fault fault, unsigned int at, int error);
void fake_disarm(struct fake *f);
unsigned int fake_count(const struct fake *f);
/*
 * What a test went through, for the summary of tests/run: n things of a kind ("crash-points", "races", "faults"). A diagnostic of the
 * test, and a line in the directory that TEST_COUNTS names.
 */
void fake_tally(const char *kind, unsigned int n, const char *fmt, ...) _printf_(3, 4);
/* Can a process be ended here? Under valgrind it cannot: it does not know pidfd_send_signal(2). */
bool fake_processes_end(void);
/* Lets hanging calls go on, and waits until their children have ended. */
void fake_release(struct fake *f);
/* Runs fn in a process of its own, the one that FAKE_KILL kills. Its wait status. */
int fake_run(struct fake *f, int (*fn)(struct fake *f, void *ctx), void *ctx);

/* --- what the machine is like --- */
/* Drivers, overrides, power, reset methods, nodes by kind, consoles, units, as text to compare. Free it. */
char *fake_snapshot(const struct fake *f);
/* Every file, link and directory with its contents, but for directories whose path starts with one of the except list (may be NULL). Free it. */
char *fake_tree(const struct fake *f, const char *const except[]);
/* The first line in which two texts differ, for messages; "" if they are the same. */
const char *fake_difference(const char *a, const char *b);

/* --- for the parts of the fake --- */
int fake_write(void *ctx, const char *path, const char *value);
int fake_exec(void *ctx, char *const argv[], struct exec_result *ret);
int fake_qm(struct fake *f, char *const argv[], struct exec_result *ret);
int fake_unit_call(void *ctx, const char *unit, const char *verb, char *ret_state);
/* Before a call: false if it must not take effect, with its result in *ret. */
bool fake_before(struct fake *f, unsigned int kind, const struct bdf *about, unsigned int *ret_n, int *ret);
/* After it: the result that the caller gets to see. */
int fake_after(struct fake *f, unsigned int n, int r);
int fake_probe(struct fake *f, const char *bdf);
int fake_attach(struct fake *f, const char *bdf, const char *driver);
void fake_detach(struct fake *f, const char *bdf);
void fake_driver(struct fake *f, const char *driver);
void fake_load_module(struct fake *f, const char *module);
_Noreturn void fake_die(const char *fmt, ...) _printf_(1, 2);
/* Calls fn for every function of the machine, in order of address. */
void fake_each(const struct fake *f, void (*fn)(const struct fake *f, const char *bdf, void *ctx), void *ctx);

#endif
