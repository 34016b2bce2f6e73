#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lint finds what it is there for: a copy of the source with one fault in it fails the check of that fault.
. "$(dirname "$0")/lib.sh"

mkdir "$T/copy"
cp -R "$top/lib" "$top/helper" "$top/hook" "$T/copy/"
mkdir "$T/copy/tests"
cp "$top/tests/lint" "$T/copy/tests/"
cd "$T/copy" || exit 1

# fault CHECK FILE LINE: that line at the end of the file makes CHECK fail, and the output names the file
fault() {
	cp "$2" "$T/saved"
	printf '%b\n' "$3" >>"$2"
	run tests/lint "$1"
	like "$rc $(printf '%s\n' "$err" | grep -F "$2")" "^[1-9][0-9]* .*$2" "$1: $3"
	cp "$T/saved" "$2"
}
ok "the copy itself passes" tests/lint includes policy calls paths
fault includes lib/base/text.c '#include "base/root.h"'
fault includes lib/base/root.c '#include "host/pci.h"'
fault includes lib/host/pci.c '#include "pve/config.h"'
fault includes lib/pve/config.c '#include "host/pci.h"'
fault includes lib/plan/plan.c '#include "policy/judge.h"'
fault includes lib/policy/judge.c '#include "flow/select.h"'
fault includes lib/flow/select.c '#include "helper/output.h"'
fault includes hook/hook.c '#include "helper/helper.h"'
fault includes helper/list.c '#include "hook/hook.h"'
fault includes helper/list.c '#include "output.h"'
fault includes helper/list.c '#include "new/thing.h"'
fault policy lib/policy/judge.c '#include <fcntl.h>'
fault policy lib/policy/judge.c 'int x(void) { return root_exists(0, 0); }'
fault policy lib/policy/judge.c 'int x(void) { return open(0, 0); }'
fault calls lib/pve/config.c 'int x(void) { return system(0); }'
fault calls helper/list.c 'void x(char *s) { strcpy(s, s); }'
fault calls hook/hook.c 'void x(void) { end: goto end; }'
fault calls lib/flow/select.c 'void x(void) { printf("x"); }'
fault paths lib/host/pci.c 'int x(void) { return open("/sys", 0); }'
fault paths lib/base/exec.c 'int x(void) { return access("/etc/passwd", 0); }'
cp helper/help.c "$T/saved"
sed -i 1d helper/help.c
run tests/lint spdx
like "$rc $err" '^[1-9].*' "spdx: a file without it"
cp "$T/saved" helper/help.c
fault size helper/help.c "$(printf '/* */\\n%.0s' {1..330})"
fault format helper/help.c 'int x; '
fault machine helper/help.c '/* /ro''ot/x */'
# what is in a comment or a string is no call
printf '/* system(0); goto x; */\nchar *x = "goto y; system(1)";\n' >>helper/help.c
ok "comments and strings are not taken for code" tests/lint calls
done_testing
