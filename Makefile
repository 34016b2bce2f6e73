# SPDX-License-Identifier: GPL-2.0-or-later
#
# make [all]       build/gpupt-helper and build/gpupt-hook        V=1 shows the commands
# make help        the other targets
#
# A user's CPPFLAGS, CFLAGS and LDFLAGS come last and add to what the project needs.

O          ?= build
PREFIX     ?= /usr
SYSCONFDIR ?= /etc
DATADIR    ?= $(PREFIX)/share
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR     ?= $(DATADIR)/man
UNITDIR    ?= $(PREFIX)/lib/systemd/system
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
APTCONFDIR ?= $(SYSCONFDIR)/apt/apt.conf.d
PKG_CONFIG ?= pkg-config
PROVE      ?= prove
SCDOC      ?= scdoc
CC         ?= cc
VERSION    := 0.1.0

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2:$(O)/%=%)')

PKGS       := libpci inih smartcols
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) libsystemd)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS))
CMOCKA     := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wundef -Wvla -Wdeclaration-after-statement -Wno-unused-parameter \
	-Wno-declaration-after-statement -Wno-missing-field-initializers $(if $(WERROR),-Werror)
HARDEN := -fstack-protector-strong -fPIE -fno-strict-aliasing $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -O2)
# SAN=address,undefined builds everything with these sanitizers
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g)

ALL_CPPFLAGS := -D_GNU_SOURCE -DGPUPT_VERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' -DDATADIR='"$(DATADIR)"' \
	-Ilib -I. $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   := -std=gnu17 -g $(WARN) $(HARDEN) $(SANFLAGS) -MMD -MP $(CFLAGS)
ALL_LDFLAGS  := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

LIB_SRC    := $(sort $(wildcard lib/*/*.c))
HELPER_SRC := $(sort $(wildcard helper/*.c))
HOOK_SRC   := $(sort $(wildcard hook/*.c))
FAKE_SRC   := $(sort $(wildcard tests/fake/*.c))
TEST_SRC   := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/*.c))
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIB_OBJ  := $(call obj,$(LIB_SRC))
# what tests link against: the programs without their main()
PROG_OBJ := $(call obj,$(filter-out %/main.c,$(HELPER_SRC) $(HOOK_SRC)))
FAKE_OBJ := $(call obj,$(FAKE_SRC))
TESTS    := $(patsubst tests/unit/%.c,$(O)/tests/%,$(TEST_SRC))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRC))
MANS     := $(patsubst docs/%.scd,$(O)/man/%,$(wildcard docs/*.[58].scd))
PROGS    := $(O)/gpupt-helper $(O)/gpupt-hook

.PHONY: all check check-asan check-lint bench fuzz man install uninstall clean help tests
.SECONDARY:
all: $(PROGS) man ## build the two programs and the man pages

$(O)/gpupt-helper: $(call obj,$(HELPER_SRC)) $(O)/libgpupt.a
$(O)/gpupt-hook: $(call obj,$(HOOK_SRC)) $(O)/libgpupt.a
$(PROGS):
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(O)/libgpupt.a $(PKG_LIBS)

$(O)/libgpupt.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

man: $(MANS)
$(O)/man/%: docs/%.scd
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D); if command -v $(SCDOC) >/dev/null; then $(SCDOC) <$< >$@.tmp && mv $@.tmp $@; \
	else echo "scdoc is not installed: no $(@F)" >&2; fi

$(O)/tests/%: $(O)/obj/tests/unit/%.o $(FAKE_OBJ) $(PROG_OBJ) $(O)/libgpupt.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(O)/libgpupt.a $(PKG_LIBS) $(CMOCKA)

tests: $(TESTS) $(PROGS)
check: tests ## unit tests and command-line tests
	$(Q)O='$(abspath $(O))' CMOCKA_MESSAGE_OUTPUT=TAP $(PROVE) $(PROVEFLAGS) -e '' $(TESTS) $(sort $(wildcard tests/cli/*.t))

# Freed memory is kept from reuse up to 16 MiB, not 256: the tests fork thousands of times, and every fork copies its tables.
check-asan: ## the same, under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1 \
		$(MAKE) --no-print-directory O=$(O)/asan SAN=address,undefined check

check-lint: ## format, layers, forbidden calls, shell scripts
	$(Q)tests/lint

fuzz: ## build the libFuzzer targets (clang)
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzzing CC=clang SAN=address,undefined,fuzzer-no-link build-fuzz
	$(Q)mkdir -p $(O)/fuzz && for f in $(FUZZERS:$(O)/fuzz/%=%); do ln -sf ../fuzzing/fuzz/$$f $(O)/fuzz/$$f; done
.PHONY: build-fuzz
build-fuzz: $(FUZZERS)
$(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $(O)/libgpupt.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(O)/libgpupt.a $(PKG_LIBS)

bench: all ## ratios from one run, nothing asserted
	$(Q)O='$(abspath $(O))' tests/bench/run

UNITS := gpupt-settle@.service gpupt-reconcile.service gpupt-repair.service
install: all ## DESTDIR and PREFIX as usual
	install -Dm755 $(O)/gpupt-helper $(DESTDIR)$(PREFIX)/sbin/gpupt-helper
	install -Dm755 $(O)/gpupt-hook $(DESTDIR)$(LIBEXECDIR)/gpupt/gpupt-hook
	[ -e $(DESTDIR)$(SYSCONFDIR)/gpupt/gpupt.conf ] || install -Dm644 conf/gpupt.conf $(DESTDIR)$(SYSCONFDIR)/gpupt/gpupt.conf
	install -Dm644 conf/known-cards $(DESTDIR)$(DATADIR)/gpupt/known-cards
	install -Dm644 conf/gpupt.catalog $(DESTDIR)$(CATALOGDIR)/gpupt.catalog
	sed 's,/usr/libexec/,$(LIBEXECDIR)/,' conf/snippet | install -Dm755 /dev/stdin $(DESTDIR)$(DATADIR)/gpupt/snippet
	for u in $(UNITS); do sed 's,/usr/sbin/,$(PREFIX)/sbin/,' conf/$$u | install -Dm644 /dev/stdin $(DESTDIR)$(UNITDIR)/$$u; done
	sed 's,/usr/sbin/,$(PREFIX)/sbin/,g' conf/apt.conf | install -Dm644 /dev/stdin $(DESTDIR)$(APTCONFDIR)/90gpupt
	[ ! -e conf/completion.bash ] || install -Dm644 conf/completion.bash $(DESTDIR)$(BASHCOMPDIR)/gpupt-helper
	for m in $(notdir $(MANS)); do [ ! -e $(O)/man/$$m ] || install -Dm644 $(O)/man/$$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$$m; done

uninstall: ## what install put there; the configuration stays
	rm -f $(DESTDIR)$(PREFIX)/sbin/gpupt-helper $(DESTDIR)$(LIBEXECDIR)/gpupt/gpupt-hook \
		$(DESTDIR)$(DATADIR)/gpupt/known-cards $(DESTDIR)$(DATADIR)/gpupt/snippet $(DESTDIR)$(CATALOGDIR)/gpupt.catalog $(DESTDIR)$(BASHCOMPDIR)/gpupt-helper \
		$(DESTDIR)$(APTCONFDIR)/90gpupt $(UNITS:%=$(DESTDIR)$(UNITDIR)/%) \
		$(foreach m,$(notdir $(MANS)),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $m))/$m)
	-rmdir $(DESTDIR)$(LIBEXECDIR)/gpupt $(DESTDIR)$(DATADIR)/gpupt 2>/dev/null

DEB_PARTS := Makefile LICENSE README.md conf debian docs helper hook lib
DEB := $(O)/gpupt_$(VERSION)_amd64.deb
.PHONY: deb build-deb
deb: $(DEB) ## the Debian package: build/gpupt_VERSION_amd64.deb
$(DEB): $(shell find $(DEB_PARTS) -type f 2>/dev/null)
	$(call say,DEB,$@)
	$(Q)mkdir -p $(O) && flock $(O)/.deb.lock $(MAKE) --no-print-directory build-deb O=$(O)

# From a copy, so that the tree stays as it is; one at a time, and not again what another has built meanwhile.
build-deb:
	$(Q)if [ ! -e $(DEB) ] || [ -n "$$(find $(DEB_PARTS) -type f -newer $(DEB) -print -quit)" ]; then \
		rm -rf $(O)/deb && mkdir -p $(O)/deb/gpupt && tar -c $(DEB_PARTS) | tar -x -C $(O)/deb/gpupt && cd $(O)/deb/gpupt && \
		{ { dpkg-checkbuilddeps -I && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u O \
			DEB_BUILD_OPTIONS="noautodbgsym parallel=$$(nproc)" dpkg-buildpackage -b -us -uc -d; } >../log 2>&1 || \
		{ tail -n 40 ../log >&2; false; }; } && mv ../$(notdir $(DEB)) ../.. && rm -rf ../../deb; \
	fi

clean: ## remove $(O)
	rm -rf $(O)

help: ## this text
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(PROG_OBJ) $(FAKE_OBJ) $(call obj,$(TEST_SRC) $(FUZZ_SRC) $(filter %/main.c,$(HELPER_SRC) $(HOOK_SRC))))
