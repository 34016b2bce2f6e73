#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `prepare` and `revert` over the machines of tests/trees: the plans are those of tests/cli/golden, and nothing is touched.
# To have these written anew: RENEW=1 tests/cli/prepare.t, then look through what git says has changed.
. "$(dirname "$0")/lib.sh"

golden=$cli/golden

# text_is FILE TEXT DESCRIPTION
text_is() {
	[ -z "${RENEW:-}" ] || printf '%s\n' "$2" >"$golden/$1"
	printf '%s\n' "$2" | diff -u "$golden/$1" - >"$T/diff"
	result $? "$3" || note "$(cat "$T/diff")"
}
# plan_is NAME TREE ARGUMENT…: the findings of check come first, then a blank line and the plan
plan_is() {
	local name=$1
	tree "$2"
	shift 2
	before=$(listing)
	helper --root "$tree" prepare "$@"
	is "$rc" 0 "$name: shown"
	text_is "prepare-$name" "$(printf '%s\n' "$out" | sed '1,/^$/d')" "$name: the plan"
	is "$(listing)" "$before" "$name: nothing was touched"
}
# apply: the files and directories that are planned, in $tree; by the steps' own JSON
apply() {
	helper --root "$tree" prepare --json
	printf '%s' "$out" | perl -MJSON::PP -e '
		my $tree = shift;
		local $/;
		for (@{ JSON::PP->new->utf8->decode(scalar <STDIN>)->{steps} }) {
			my ($path, $nr) = split / /, $_->{target};
			if ($_->{step} eq "dir") { mkdir("$tree$path") or die "$path: $!\n" }
			next unless $_->{step} eq "file";
			my $text = $_->{after} // next;
			open(my $f, ">:utf8", "$tree$path") or die "$path: $!\n";
			print $f $text;
		}' "$tree"
}

plan_is hybrid hybrid 01:00
plan_is amd-four amd-four 0b:00=reserved
plan_is server server 0001:81:00.0=reserved
plan_is no-iommu no-iommu --adopt
plan_is foreign foreign
is "$(cat "$golden/prepare-foreign")" "This host is prepared already." "what others have written is left"
plan_is foreign-adopt foreign --adopt 03:00=reserved
plan_is wrong-loader wrong-loader
plan_is twins twins 02:00=reserved
unlike "$(printf '%s\n' "$out" | sed '1,/^$/d')" '0000:01:00' "… in which the twin does not occur"
like "$(printf '%s\n' "$out" | sed '1,/^$/d')" '0000:02:00\.1' "… and the card's audio does"
plan_is sriov sriov
unlike "$(printf '%s\n' "$out" | sed '1,/^$/d')" '0000:03:00' "… in which neither the physical function nor its virtual ones occur"

# what keeps it from being done
tree sriov
before=$(listing)
helper --root "$tree" prepare 03:00=reserved
is "$rc" 1 "a physical function with active virtual functions is not reserved"
like "$err" '^gpupt-helper: 0000:03:00\.0: .*2 active virtual functions.*: shut down what uses' "… and why, and what to do"
like "$err" '^gpupt-helper: nothing was done$' "… which ends it"
unlike "$out" '^(file|dir|param|rebuild) ' "… without a plan"
like "$out" 'sriov-active' "… behind check's findings"
helper --root "$tree" prepare 04:00
is "$rc" 1 "… asked for as shared, another one is no function"
helper --root "$tree" prepare
is "$rc" 0 "… and it keeps nothing else from being prepared"
is "$(listing)" "$before" "… nothing was touched"

# a card whose IOMMU group has in it what the host runs on
tree shared-group
before=$(listing)
helper --root "$tree" prepare 02:00=reserved
is "$rc" 1 "a card that would take the host's disks along is not reserved"
like "$err" '^gpupt-helper: 0000:02:01\.0: the host runs on .*: put the card into another slot' "… and why, and what to do"
unlike "$out" '^(file|dir|param|rebuild) ' "… without a plan"
is "$(listing)" "$before" "… nothing was touched"
put /etc/gpupt/gpupt.conf '[gpu 02:00]\nmode = reserved\n'
helper --root "$tree" prepare
is "$rc" 1 "… nor if gpupt.conf has it"

# a card that gpupt.conf reserves, and that another one is named beside
tree twins
put /etc/gpupt/gpupt.conf '[gpu 02:00]\nid = 1002:9999\nmode = reserved\n'
helper --root "$tree" prepare 01:00=shared
is "$rc" 1 "what blocks a card that is reserved stops it, whichever is named"
like "$err" '^gpupt-helper: 0000:02:00\.0: ' "… and why"

# a loader that nobody knows
tree wrong-loader
rm "$tree/etc/kernel/proxmox-boot-uuids"
put /proc/cmdline 'root=/dev/sda1 quiet\n'
helper --root "$tree" prepare
is "$rc" 1 "an unknown boot loader"
like "$err" 'intel_iommu=on.*boot loader started this machine is not known: add intel_iommu=on' "… and what to do"
tree wrong-loader
put /etc/kernel/cmdline 'root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=off\n'
helper --root "$tree" prepare
is "$rc" 1 "a parameter that keeps the IOMMU off"
like "$err" 'keeps the IOMMU off, whatever is added: take it out, or have --adopt do that' "… and what to do"
helper --root "$tree" prepare --adopt
is "$rc" 0 "… --adopt takes it out"
like "$out" '^param /etc/kernel/cmdline@[0-9]+,boot iommu=off: iommu=off -> \(absent\)' "… as that parameter alone"
like "$out" '^param /etc/kernel/cmdline intel_iommu=on: \(absent\) -> intel_iommu=on' "… and adds what is missing"

tree amd-four
put /proc/cmdline 'BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1 amd_iommu=off\n'
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet amd_iommu=off"\n'
rm -rf "$tree"/sys/class/iommu/*
helper --root "$tree" prepare 0b:00=reserved
is "$rc" 1 "on AMD's, too, which is on without any"
like "$err" 'amd_iommu=off in /etc/default/grub keeps the IOMMU off' "… and why"
helper --root "$tree" prepare --adopt
like "$out" '^param /etc/default/grub:GRUB_CMDLINE_LINUX_DEFAULT@6,quiet amd_iommu=off: amd_iommu=off -> \(absent\)' "… --adopt takes it out"

# what cannot be taken out and put back by its bytes
tree foreign
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet\tpcie_acs_override=downstream iommu=pt"\n'
helper --root "$tree" prepare --adopt
is "$rc" 0 "a parameter behind a tab"
like "$out" "not-adopted .*/etc/default/grub line 1 \\('pcie_acs_override=downstream'\\) stays: it could not be put back to the byte" "… stays"
unlike "$out" '^param /etc/default/grub:' "… without a step"
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet\tiommu=off splash"\n'
helper --root "$tree" prepare --adopt
is "$rc" 1 "one that keeps the IOMMU off blocks"
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet -- iommu=off"\n'
helper --root "$tree" prepare --adopt
is "$rc" 0 "… but behind -- it is init's"
unlike "$out" ' iommu=off -> ' "… and stays"
tree foreign
find "$tree/etc" -mindepth 1 -maxdepth 1 ! -name driverctl.d ! -name pve -exec rm -r {} +
helper --root "$tree" prepare --adopt
like "$out" '^file /etc/driverctl.d/pci-0000:03:00.1: vfio-pci -> \(absent\)|^file /etc/driverctl.d/pci-0000:03:00.1: ' "driverctl's override goes"
like "$out" 'which driver a card has from the start' "… for which a reboot is needed"
put /etc/modprobe.d/my-gpupt-notes.conf 'options vfio-pci ids=1002:5159,1002:731f\n'
helper --root "$tree" check
like "$out" 'pinned .*/etc/modprobe.d/my-gpupt-notes.conf line 1' "a file that is not gpupt's, whatever its name has in it"

# a program of the initramfs that does more than to bind cards
tree foreign
sed -i '2a zpool import -N rpool' "$tree/etc/initramfs-tools/scripts/init-top/vfio-override"
helper --root "$tree" prepare --adopt
like "$out" "not-adopted .*the program does something else, too, or nobody can tell: see its line 3 \\('zpool import -N rpool'\\)" "a program that does more stays"
unlike "$out" '^file /etc/initramfs-tools/scripts/init-top/vfio-override' "… without a step"

# lines for pci-stub go as those for vfio-pci do; a command in vfio-pci's place only if it names cards
tree twins
put /etc/modprobe.d/theirs.conf 'options pci-stub ids=1002:5159\nsoftdep radeon pre: pci-stub\ninstall vfio-pci /usr/local/bin/override.sh\n'
put /usr/local/bin/override.sh 'echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override\n'
helper --root "$tree" prepare --adopt
is "$(grep -o '^line /etc/modprobe.d/theirs.conf [0-9]*' <<<"$out")" 'line /etc/modprobe.d/theirs.conf 3
line /etc/modprobe.d/theirs.conf 2
line /etc/modprobe.d/theirs.conf 1' "pci-stub's lines, and a command that names a card"
rm "$tree/usr/local/bin/override.sh"
helper --root "$tree" prepare --adopt
like "$out" "theirs.conf line 3 \\('install vfio-pci /usr/local/bin/override.sh'\\) stays: which cards the program is about cannot be told" "one that names none stays"
helper --root "$tree" check
like "$out" "perhaps gives cards to vfio-pci, by a command that names none" "… and is told"

# a rule that a hook copies is in the initramfs, too
tree foreign
rm -r "$tree/etc/initramfs-tools" "$tree/etc/modprobe.d" "$tree/etc/default"
helper --root "$tree" prepare --adopt
like "$out" '^line /etc/udev/rules.d/90-gpu.rules ' "a rule goes"
unlike "$out" '^rebuild initramfs' "… which is in no initramfs"
put /usr/share/initramfs-tools/hooks/udev 'for rules in /etc/udev/rules.d/*.rules; do\n\tcp -p "$rules" "$DESTDIR/lib/udev/rules.d/"\ndone\n'
helper --root "$tree" prepare --adopt
like "$out" '^rebuild initramfs' "the package's hook copies it: the initramfs is made anew"
rm "$tree/usr/share/initramfs-tools/hooks/udev"
put /etc/initramfs-tools/hooks/gpu 'copy_file rule /etc/udev/rules.d/90-gpu.rules\n'
helper --root "$tree" prepare --adopt
like "$out" '^rebuild initramfs' "… so does somebody's own"
like "$out" "/etc/initramfs-tools/hooks/gpu line 1 .* perhaps has udev's rules for 0000:01:00.1, 0000:02:00.1, 0000:03:00.0 and 0000:03:00.1 copied into the initramfs" "… which is told"
unlike "$out" '^(file|line) /etc/initramfs-tools/hooks/gpu' "… and stays"

# an option that somebody has set otherwise
tree twins
put /etc/gpupt/gpupt.conf '[host]\nignore-msrs = 1\n'
put /etc/modprobe.d/theirs.conf 'options kvm ignore_msrs=0\n'
helper --root "$tree" prepare
like "$out" 'not-in-force .*/etc/modprobe.d/theirs.conf line 1 sets ignore_msrs of the module kvm otherwise' "an option of somebody's is named"

# a management controller's display
tree server
bmc=$(helper --root "$tree" check >/dev/null 2>&1; printf '%s\n' "$out" | sed -n 's/^[a-z]* *bmc *\([0-9a-f:.]*\).*/\1/p' | head -n 1)
helper --root "$tree" prepare "${bmc:-0000:04:00.0}=reserved"
is "$rc" 1 "what is no card for VMs is not reserved"
like "$err" "management controller: nothing can be reserved there" "… and why"

# lists
tree twins
helper --root "$tree" prepare 02:00=reserved --json
is "$rc" 0 "--json"
is "$(json findings,steps finding | grep -c ready)" 3 "… has the findings of check"
like "$(json steps,findings step,target,result)" '^file /etc/udev/rules.d/10-gpupt.rules would be made$' "… and the steps"
like "$(json steps,findings before,after,why step=^rebuild target=initramfs)" '^null update-initramfs -u -k all what has changed is in it, too$' "… with what they do and why"
helper --root "$tree" prepare 02:00=reserved -o step,target --noheadings
like "$out" '^dir +/etc/modules-load.d$' "-o: steps alone"
unlike "$out" 'ready' "… without the findings"
helper --root "$tree" prepare -o nosuch
is "$rc" 2 "-o with a column that there is not"

# wrong arguments
for wrong in 01:00=foo 01:00= =reserved 01:00=reserved=shared; do
	helper --root "$tree" prepare "$wrong"
	is "$rc|$out" "2|" "'$wrong' is wrong"
done
helper --root "$tree" prepare 01:00=foo
like "$err" "'foo' is no mode of a card: use 01:00=shared or 01:00=reserved" "… and says what is right"
helper --root "$tree" prepare 1f:00=reserved
is "$rc" 1 "a GPU that is not there"
like "$err" '1f:00' "… is named"
helper --root "$tree" revert 01:00
is "$rc" 2 "revert takes no arguments"
put /etc/gpupt/gpupt.conf '[gpu 01:00]\nmode = maybe\n'
helper --root "$tree" prepare
is "$rc|$(printf '%s' "$err" | grep -c 'gpupt.conf.*line 2\|gpupt.conf:2')" "1|1" "a gpupt.conf that is not to be understood"

# a host that has everything
tree hybrid
apply
helper --root "$tree" prepare
is "$rc" 0 "a host that has all files"
like "$out" '^This host is prepared already\.$' "… is prepared"
helper --root "$tree" prepare --json
is "$(json steps,findings step)" "" "… in JSON without a step"
helper --root "$tree" revert
is "$rc|$out" "0|This host is not prepared." "… and not by us: there is nothing to revert"
put /etc/modules-load.d/gpupt.conf 'vfio\n'
helper --root "$tree" prepare
like "$out" 'edited .*/etc/modules-load.d/gpupt.conf has the name of a file of gpupt.s, and is none that it has made' "one of our names is not claimed"

# on record
tree twins
record='gpupt-record 1\nnote boot b\nnote last-boot b\nbegin 1 dir /etc/modules-load.d ~ 0755 why\ndone 1\n'
record=$record'begin 2 file /etc/modules-load.d/gpupt.conf ~ vfio%0a why\ndone 2\nbegin 3 rebuild initramfs ~ update-initramfs%20-u%20-k%20all why\ndone 3\n'
put /etc/modules-load.d/gpupt.conf 'vfio\n'
put /var/lib/gpupt/prepare/record "$record"
before=$(listing)
helper --root "$tree" revert
is "$rc" 0 "revert"
like "$out" 'file /etc/modules-load.d/gpupt.conf' "… shows what it would put back"
helper --root "$tree" revert --json
is "$(json steps step,result)" "file would be put back
dir would be put back
rebuild would be put back" "… in JSON: what is derived comes last"
put /var/lib/gpupt/prepare/record "$(printf '%s' "$record" | sed 's/initramfs ~ update-initramfs%20-u%20-k%20all/boot-tool ~ x/')"'begin 4 rebuild initramfs ~ x why\ndone 4\nbegin 5 rebuild boot-tool ~ x why\ndone 5\n'
helper --root "$tree" revert --json
is "$(json steps target step=rebuild)" "initramfs
boot-tool" "… and as the last preparation had it: the boot loader's copies come after what they are copies of"
put /var/lib/gpupt/prepare/record "$record"
helper --root "$tree" revert --unfinished
is "$rc|$out" "0|No preparation has been cut off." "--unfinished: none was"
helper --root "$tree" prepare
like "$out" '^file /etc/modules-load.d/gpupt.conf: vfio -> |^file /etc/modules-load.d/gpupt.conf: \(5 bytes\) -> ' "prepare changes a file of its own"
put /var/lib/gpupt/prepare/unfinished '2\n'
before=$(listing)
helper --root "$tree" revert --unfinished -o step --noheadings
is "$(printf '%s\n' "$out" | xargs)" "file rebuild" "… one was: what is older stays"
helper --root "$tree" check --json
is "$(json findings severity,subject finding=cut-off)" "warn host" "check says so"
is "$(listing)" "$before" "nothing was written"

# a copy that is to be prepared itself, as an image is: files, and no programs
tree no-iommu
before=$(listing)
helper --root "$tree" prepare --adopt 01:00=reserved --yes
is "$rc" 0 "--root with --yes prepares the tree"
like "$out" "tree.no-iommu[^ ]* is prepared. 'gpupt-helper --root .* revert' takes it back\\.\$" "… and says so"
like "$err" "'update-initramfs -u -k all' is not run below .*: it is to be run where this tree is booted" "… and what is left to do there"
is "$(stat -c %a "$tree/etc/initramfs-tools/hooks/gpupt")" 755 "… its files have their modes"
ok "… nothing of it is for a machine that runs" test ! -e "$tree/run/reboot-required"
helper --root "$tree" prepare --yes
like "$out" '^This host is prepared already\.$' "… once"
prepared=$(listing)
helper --root "$tree" revert
is "$(listing)" "$prepared" "revert without --yes shows"
helper --root "$tree" revert --yes
is "$rc" 0 "… and with it"
is "$(listing)" "$before" "… puts back every byte"

# an image: nothing runs in it, so there are no devices, no parameters in force, and no boot
image() { # TREE
	tree "$1"
	rm -rf "${tree:?}"/sys/* "${tree:?}"/proc/* "${tree:?}"/run/*
	put /etc/gpupt/gpupt.conf '[host]\nignore-msrs = 1\n'
}
image twins
before=$(listing)
helper --root "$tree" prepare --yes
is "$rc" 0 "an image is prepared"
like "$out" '^info +image +host +there is no /sys/bus/pci in this tree' "… its cards are said to be unknown"
like "$out" 'image +host +whose processor will run this tree is not known: intel_iommu=on is there for Intel' "… and its processor"
like "$out" "^rebuild grub: update-grub|^    .update-grub. is not run below" "… what is to be run is printed"
is "$(grep -v '^#' "$tree/etc/modules-load.d/gpupt.conf" | xargs)" "vfio vfio_iommu_type1 vfio_pci" "… with the modules"
is "$(grep -v '^#' "$tree/etc/modprobe.d/gpupt.conf")" "options kvm ignore_msrs=1 report_ignored_msrs=0" "… the options of gpupt.conf"
like "$(cat "$tree/etc/default/grub.d/zz-gpupt.cfg")" 'intel_iommu=on iommu=pt' "… and the parameters"
helper --root "$tree" prepare
like "$out" '^This host is prepared already\.$' "… once"
image=$tree
tree twins
cp -a "$image/etc/." "$tree/etc"
cp -a "$image/var/." "$tree/var"
put /sys/module/kvm/parameters/ignore_msrs 'N\n'
helper --root "$tree" check --json
is "$(json findings finding,severity message='ignore_msrs.*kvm')" "not-in-force warn" "booted, its record is of an earlier boot"
helper --root "$tree" revert --yes
is "$rc|$(cd "$tree" && find etc -name '*gpupt*' -type f)|$(ls "$tree/var/lib/gpupt" 2>/dev/null)" "0|etc/gpupt/gpupt.conf|" "… and is taken back there"
tree=$image
helper --root "$tree" revert --yes
is "$rc|$(listing)" "0|$before" "… as in the image, to the byte"
image twins
put /boot/vmlinuz-6.8.12-4-pve ''
helper --root "$tree" prepare
is "$rc" 0 "an image with a kernel that uses Intel's IOMMU by itself"
unlike "$out" 'intel_iommu' "… gets no parameter"
put /boot/vmlinuz-6.5.13-6-pve ''
helper --root "$tree" prepare
like "$out" 'intel_iommu=on iommu=pt' "… but with an older one beside it"
put /etc/kernel/proxmox-boot-uuids 'AAAA-BBBB\n'
put /etc/kernel/cmdline 'root=/dev/sda1\n'
helper --root "$tree" prepare
is "$rc" 0 "one whose boot loader cannot be told"
like "$out" 'loader-unknown +host +which boot loader will start this tree is not known: no kernel parameters are written' "… says so"
unlike "$out" '^(param|file /etc/(kernel|default)) ' "… and writes none"
like "$out" '^file /etc/modules-load.d/gpupt.conf' "… but all else"
rm -r "${tree:?}/etc"
helper --root "$tree" prepare --yes
is "$rc" 1 "a directory without /etc is no image"
like "$err" 'cannot list .*/sys/bus/pci/devices' "… and is not written to"

# parameters go from GRUB's assignment and come back into what somebody has made of it; what is set elsewhere by then is named
tree no-iommu
put /etc/default/grub 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet amd_iommu=off"\n'
cp "$tree/etc/default/grub" "$T/grub"
helper --root "$tree" prepare --adopt --yes
is "$(cat "$tree/etc/default/grub")" 'GRUB_TIMEOUT=5
GRUB_CMDLINE_LINUX_DEFAULT="quiet"' "--adopt takes the parameter out, and nothing else"
helper --root "$tree" revert --yes
ok "… revert puts it back to the byte" cmp "$T/grub" "$tree/etc/default/grub"
helper --root "$tree" prepare --adopt --yes
sed -i 's/"quiet"/"quiet splash"/; 1i # mine' "$tree/etc/default/grub"
helper --root "$tree" revert --yes
is "$rc|$(cat "$tree/etc/default/grub")" '0|# mine
GRUB_TIMEOUT=5
GRUB_CMDLINE_LINUX_DEFAULT="quiet amd_iommu=off splash"' "… also into a line that somebody has written in, and nothing of ours is left"
unlike "$err$out" 'somebody' "… which is none to be named"
cp "$T/grub" "$tree/etc/default/grub"
helper --root "$tree" prepare --adopt --yes
echo 'GRUB_CMDLINE_LINUX_DEFAULT="splash"' >>"$tree/etc/default/grub"
helper --root "$tree" revert --yes
like "$err" "^gpupt-helper: /etc/default/grub:GRUB_CMDLINE_LINUX_DEFAULT@6,quiet amd_iommu=off is left as somebody else set it: '\\(it is set in other places by now" "set twice by then: it is left and named"
like "$out" 'as it was before it was prepared, but for what somebody has changed since' "… also at the end"
unlike "$(cat "$tree/etc/default/grub")" 'amd_iommu' "… and stays out"
cp "$T/grub" "$tree/etc/default/grub"
helper --root "$tree" prepare --adopt --yes
put /etc/default/grub 'GRUB_TIMEOUT=5\n'
helper --root "$tree" revert --yes
like "$err" 'gpupt-helper: /etc/default/grub does not set GRUB_CMDLINE_LINUX_DEFAULT any more, where amd_iommu=off had its place' "the assignment is gone: so is its place"

# of two that say the same one is ours
tree wrong-loader
helper --root "$tree" prepare --yes
sed -i '1s/$/ iommu=pt/' "$tree/etc/kernel/cmdline"
helper --root "$tree" revert --yes
is "$rc|$(head -n 1 "$tree/etc/kernel/cmdline" | grep -o iommu=pt)" "0|iommu=pt" "a parameter that somebody has added as well"
like "$err" 'gpupt-helper: /etc/kernel/cmdline has iommu=pt once more, which somebody else has written there: that one stays' "… stays, and is named"

# a line's other options, and files that are links
tree twins
put /etc/modprobe.d/a.conf 'options vfio-pci ids=1002:5159 disable_idle_d3=1\n'
put /srv/b.conf 'blacklist radeon\n'
ln -s /srv/b.conf "$tree/etc/modprobe.d/b.conf"
before=$(listing)
helper --root "$tree" prepare --adopt --yes
is "$rc" 0 "a link is no reason to fail"
like "$out" "not-adopted .*/etc/modprobe.d/b.conf line 1 \\('blacklist radeon'\\) stays: the file is a link" "… and is left"
is "$(cat "$tree/etc/modprobe.d/a.conf")" '#gpupt: options vfio-pci ids=1002:5159 disable_idle_d3=1
options vfio-pci disable_idle_d3=1' "… the rest is adopted, and the other options stay"
cp "$tree/etc/modprobe.d/a.conf" "$T/a.conf"
helper --root "$tree" revert --yes
is "$(listing)" "$before" "… and revert puts back every byte"
helper --root "$tree" prepare --adopt --yes
sed -i '2s/=1/=0/' "$tree/etc/modprobe.d/a.conf"
helper --root "$tree" revert --yes
like "$err" "a.conf 1 is left as somebody else set it: 'options vfio-pci disable_idle_d3=0'" "a line that was changed below its comment is named as it is"

# what administrators write afterwards is no reason to leave what was written for them
tree no-iommu
put /etc/gpupt/gpupt.conf '# mine\n[defaults]\nreset = auto\n\n[gpu 01:00]\nmode = shared\nreset = none\n'
helper --root "$tree" prepare --adopt 01:00=reserved --yes
like "$(cat "$tree/etc/gpupt/gpupt.conf")" '^mode = reserved$' "gpupt.conf has what the arguments ask for"
sed -i '1i # more' "$tree/etc/gpupt/gpupt.conf"
printf '[vm 101]\nnext = local:snippets/x\n' >>"$tree/etc/gpupt/gpupt.conf"
helper --root "$tree" revert --yes
is "$rc" 0 "… and is written in by somebody before revert"
is "$(cat "$tree/etc/gpupt/gpupt.conf")" "# more
# mine
[defaults]
reset = auto

[gpu 01:00]
mode = shared
reset = none
[vm 101]
next = local:snippets/x" "… who keeps that, and nothing of ours"
printf '[gpu 01:00]\nmode = shared' >"$tree/etc/gpupt/gpupt.conf"
helper --root "$tree" prepare --adopt 01:00=reserved --yes
helper --root "$tree" prepare --adopt 01:00=reserved
like "$out" '^This host is prepared already' "a file without a newline at its end is as good as one with it"
helper --root "$tree" revert --yes
is "$(cat "$tree/etc/gpupt/gpupt.conf"; echo .)" "[gpu 01:00]
mode = shared." "… and stays one"
helper --root "$tree" prepare --adopt 01:00=reserved --yes
echo '# theirs' >>"$tree/etc/modprobe.d/gpupt.conf"
helper --root "$tree" revert --yes
like "$out" 'as it was before it was prepared, but for what somebody has changed since' "a file of ours that was changed is left, and that is said"

# a ROM that VMs name
tree no-iommu
put /usr/share/kvm/vbios_1002_67df_1da2_e353.bin 'rom'
put /var/lib/gpupt/prepare/record 'gpupt-record 1\nbegin 1 rom 0000:01:00.0%201002:67df/1da2:e353%20/usr/share/kvm/vbios_1002_67df_1da2_e353.bin ~ x why\ndone 1\n'
cp "$tree/var/lib/gpupt/prepare/record" "$T/record"
vm 101 'hostpci0: 01:00,romfile=vbios_1002_67df_1da2_e353.bin'
helper --root "$tree" revert --json
is "$(json steps step,result,message)" 'rom would be kept /usr/share/kvm/vbios_1002_67df_1da2_e353.bin stays: VM 101 has it by romfile=' "a ROM that a VM names is shown"
helper --root "$tree" revert --yes --json
is "$(json steps step,result,message)" 'rom kept /usr/share/kvm/vbios_1002_67df_1da2_e353.bin stays: VM 101 has it by romfile=' "… and listed when it stays"
put /var/lib/gpupt/prepare/record "$(cat "$T/record")\n"
helper --root "$tree" revert --yes
is "$rc" 0 "revert, with a ROM that a VM names"
like "$err" '^gpupt-helper: /usr/share/kvm/vbios_1002_67df_1da2_e353.bin stays: VM 101 has it by romfile=' "… leaves it and says why"
like "$out" 'as it was before it was prepared, but for /usr/share/kvm/vbios_1002_67df_1da2_e353.bin, which had to stay\.$' "… also at the end"
ok "… it is there" test -e "$tree/usr/share/kvm/vbios_1002_67df_1da2_e353.bin"

# … and where nobody can tell whether one does
rom=/usr/share/kvm/vbios_1002_67df_1da2_e353.bin
rom_prepared() {
	tree no-iommu
	put $rom 'rom'
	put /etc/modprobe.d/gpupt.conf 'ours\n'
	put /var/lib/gpupt/prepare/record "gpupt-record 1\nbegin 1 rom 0000:01:00.0%201002:67df/1da2:e353%20$rom ~ other%20(there%20is%20no%20ROM:%20it%20does%20not%20begin%20with%2055%20aa) why\ndone 1\nbegin 2 file /etc/modprobe.d/gpupt.conf ~ ours%0a why\ndone 2\n"
}
rom_prepared
helper --root "$tree" revert --yes
is "$rc" 0 "revert, with a ROM that no VM names"
ok "… takes it away" test ! -e "$tree$rom"
rom_prepared
mv "$tree/etc/pve" "$tree/pve.away" && mkdir "$tree/etc/pve"
helper --root "$tree" revert
like "$err" "^gpupt-helper: $rom stays on record: whether a VM has it by romfile= cannot be told: the cluster's filesystem is not at /etc/pve" "without pmxcfs nobody knows who names it: revert says so"
unlike "$out" "$rom" "… and shows no step for it"
helper --root "$tree" revert --yes
is "$rc" 3 "… and with --yes, in the end"
like "$err" "$rom stays on record.*see 'systemctl status pve-cluster'.* run 'gpupt-helper revert' again" "… with what to do"
ok "… the file is there" test -e "$tree$rom"
ok "… all else is put back" test ! -e "$tree/etc/modprobe.d/gpupt.conf"
rmdir "$tree/etc/pve" && mv "$tree/pve.away" "$tree/etc/pve"
printf 'cores: 1\0\nhostpci0: 01:00,romfile=%s\n' "${rom##*/}" >"$tree/etc/pve/qemu-server/101.conf"
helper --root "$tree" revert --yes
is "$rc" 0 "… and when it is there again, run once more, all of it is done"
like "$err" "^gpupt-helper: $rom stays: VM 101 has it by romfile=" "a VM names it whose configuration nobody can parse"
ok "… the file is there" test -e "$tree$rom"
rom_prepared
mkdir "$tree/etc/pve/qemu-server/102.conf"
helper --root "$tree" revert --yes
like "$rc|$err" "^3\|.*$rom stays on record: .* cannot read /etc/pve/qemu-server/102.conf: " "one that cannot be read may name it"
rm "$tree$rom"
helper --root "$tree" revert --yes
is "$rc" 0 "… and who has removed the file has ended it"

# a command line that was made as a whole, and has been booted with
tree wrong-loader
rm "$tree/etc/kernel/cmdline"
helper --root "$tree" prepare --yes
is "$(cat "$tree/etc/kernel/cmdline")" "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on iommu=pt" "a command line is made"
put /proc/sys/kernel/random/boot_id '3f2d7a0e-8c5b-4e0a-9a6e-5d5b0c7f4c11\n'
helper --root "$tree" revert
like "$err" '/etc/kernel/cmdline stays, without the parameters that were added' "after a boot with it, revert says what stays"
like "$(cat "$tree/etc/kernel/cmdline")" 'intel_iommu=on' "… and only that, without --yes"
helper --root "$tree" revert --yes
is "$rc|$(cat "$tree/etc/kernel/cmdline")" "0|root=ZFS=rpool/ROOT/pve-1 boot=zfs" "… and takes the parameters out of it"
like "$out" 'as it was before it was prepared, but for /etc/kernel/cmdline, which had to stay\.$' "… which is not what was there before"

# one that somebody has written in since
for since in 'before a boot' 'after a boot'; do
	tree wrong-loader
	rm "$tree/etc/kernel/cmdline"
	helper --root "$tree" prepare --yes
	sed -i '1s/$/ quiet/' "$tree/etc/kernel/cmdline"
	[ "$since" = 'before a boot' ] || put /proc/sys/kernel/random/boot_id '3f2d7a0e-8c5b-4e0a-9a6e-5d5b0c7f4c11\n'
	helper --root "$tree" revert --json
	is "$(json steps target,result step='param|file' target=^/etc/kernel/cmdline)" "/etc/kernel/cmdline intel_iommu=on would be put back
/etc/kernel/cmdline iommu=pt would be put back
/etc/kernel/cmdline would be kept" "a command line of ours with a word of somebody's, $since: what would be done"
	helper --root "$tree" revert --yes
	is "$rc|$(cat "$tree/etc/kernel/cmdline")" "0|root=ZFS=rpool/ROOT/pve-1 boot=zfs quiet" "… loses our parameters, and nothing else"
	like "$err" '/etc/kernel/cmdline stays, without the parameters that were added: somebody has changed it since' "… which is said"
	like "$out" 'but for /etc/kernel/cmdline, which had to stay\.$' "… also at the end"
done
tree wrong-loader
rm "$tree/etc/kernel/cmdline"
helper --root "$tree" prepare --yes
put /etc/kernel/cmdline 'root=ZFS=rpool/ROOT/pve-1 iommu=pt boot=zfs iommu=pt\n'
helper --root "$tree" revert --yes
is "$rc|$(cat "$tree/etc/kernel/cmdline")" "0|root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt" "of one that stands there twice, one goes; one that somebody has taken out is not missed"
like "$err" '/etc/kernel/cmdline has iommu=pt once more, which somebody else has written there: that one stays' "… and the other is named"

# on this very machine, with nobody there to answer: it is looked at, and that is all
if [ "$(id -u)" -eq 0 ]; then
	before=$(find /etc -newer "$tree" 2>/dev/null; ls -A /var/lib/gpupt 2>/dev/null)
	helper prepare
	if printf '%s\n' "$out" | grep -q '^This host is prepared already'; then
		skip 2 "this machine needs nothing"
	else
		is "$rc" 1 "without a terminal and without --yes it refuses"
		like "$err" 'nothing was done' "… and says that nothing was done"
	fi
	is "$(find /etc -newer "$tree" 2>/dev/null; ls -A /var/lib/gpupt 2>/dev/null)" "$before" "… which is true"
else
	skip 3 "not root"
fi
done_testing
