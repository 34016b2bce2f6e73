#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab itself: its `qm` calls a hookscript as Proxmox VE does, and what it
# does to a card without our hook is what ours has to prevent or to repair.
# takes: 45 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

# A hook that writes down how it was called.
cat >/var/lib/vz/snippets/gpupt-hook.spy <<'SPY'
#!/bin/sh
{
	echo "$# $1 $2 [$LC_ALL] [$PATH] [${PVE_MIGRATED_FROM-unset}] stdin=$(head -c 1 | wc -c)"
	flock -n /var/lock/qemu-server/lock-$1.conf true && echo "the VM is not locked"
	echo "pid=$(cat /run/qemu-server/$1.pid 2>/dev/null | wc -l) reservations=$(grep -c . /run/qemu-server/pci-id-reservations 2>/dev/null)"
	echo "config=$(grep -c hostpci /etc/pve/qemu-server/$1.conf)"
} >>/run/spy
echo "$2 says so"
echo "$2 warns" >&2
[ ! -e /run/lab/refuse-$2 ]
SPY
chmod +x /var/lib/vz/snippets/gpupt-hook.spy
cat >/var/lib/vz/snippets/hangs-on <<'HANG'
#!/bin/sh
sleep 3 &
HANG
chmod +x /var/lib/vz/snippets/hangs-on
printf 'hookscript: local:snippets/gpupt-hook.spy\nmachine: q35\nhostpci0: 0000:01:00,pcie=1\n' >/etc/pve/qemu-server/101.conf

scene "a start"
run qm start 101
is "$rc" 0 "qm start succeeds"
like "$out" '^pre-start says so' "stdout of the hook is in the task log"
like "$err" '^pre-start warns' "and its stderr"
is "$(sed -n 1p /run/spy)" "2 101 pre-start [C] [/sbin:/bin:/usr/sbin:/usr/bin] [] stdin=0" "arguments, environment, stdin"
is "$(sed -n 2p /run/spy)" "pid=0 reservations=" "pre-start: locked, no QEMU, nothing reserved"
is "$(sed -n 5p /run/spy)" "pid=1 reservations=2" "post-start: QEMU runs, both functions are reserved"
is "$(drvs 01:00.0 01:00.1)" "vfio-pci vfio-pci" "Proxmox VE bound the whole group"
like "$(reservations)" "^0000:01:00.0 101 pid:$(cat $QEMU/101.pid)\$" "the reservation names QEMU's pid"
ok "QEMU holds the group" ls -l /proc/"$(cat $QEMU/101.pid)"/fd
like "$(cat $T/ok.out)" '/dev/vfio/[0-9]' "… through /dev/vfio"
like "$(tr '\0' ' ' </proc/"$(cat $QEMU/101.pid)"/cmdline)" '^/usr/bin/kvm -id 101 ' "its command line is as Proxmox VE writes it"
fails "a second start is refused" qm start 101

scene "a stop, with the device deleted meanwhile"
: >/run/spy
qm set 101 --delete hostpci0
stop 101
is "$rc" 0 "qm stop succeeds"
is "$(grep -c . /run/spy)" 6 "two hooks, no third from qm cleanup"
like "$(sed -n 1p /run/spy)" '^2 101 pre-stop' "pre-stop"
like "$(sed -n 4p /run/spy)" '^2 101 post-stop' "post-stop"
is "$(sed -n 5,6p /run/spy)" "pid=0 reservations=0
config=0" "post-stop: nothing reserved, the pending change applied"
is "$(drvs 01:00.0 01:00.1)" "vfio-pci vfio-pci" "without us the card stays on vfio-pci"

scene "the id that Proxmox VE left in new_id"
bdf 02:00.0 >$PCI/devices/0000:02:00.0/driver/unbind
bdf 02:00.0 >$PCI/drivers/vfio-pci/bind
is "$(drv 02:00.0)" vfio-pci "it takes the unbound twin, too"
bdf 02:00.0 >$PCI/drivers/vfio-pci/unbind
bdf 02:00.0 >$PCI/drivers/radeon/bind
is "$(drv 02:00.0)" radeon "back by hand"

scene "a hook that refuses, a hook whose child holds the pipes"
: >/run/lab/refuse-pre-start
run qm start 101
is "$rc" 255 "pre-start refuses, so the start fails"
like "$err" "^hookscript error for 101 on pre-start: command '.*' failed: exit code 1" "with Proxmox VE's words"
sed -i 's/gpupt-hook.spy/hangs-on/' /etc/pve/qemu-server/101.conf
run qm start 101
ok "the start waited for the child" test "$took" -ge 6

scene "a crash"
seen=$(cleanups)
sed -i 's/hangs-on/gpupt-hook.spy/' /etc/pve/qemu-server/101.conf
: >/run/spy
kill -9 "$(cat $QEMU/101.pid)"
within 20 cleaned "$seen"
is "$(grep -c '^2 101 ' /run/spy)" 1 "one hook"
like "$(cat /run/spy)" '^2 101 post-stop' "post-stop, from qm cleanup"

scene "a mapping that is not of this machine"
rm /run/lab/refuse-pre-start
printf 'hookscript: local:snippets/gpupt-hook.spy\nmachine: q35\nhostpci0: mapping=gpu\n' >/etc/pve/qemu-server/101.conf
# invalid MAP [LINE]: what the start by that mapping fails with, and the hooks that were called
invalid() {
	printf 'gpu\n\tmap node=lab,%s\n%s' "$1" "${2:-}" >/etc/pve/mapping/pci.cfg
	: >/run/spy
	run qm start 101
	printf '%s|%s\n' "$(printf '%s\n' "$err" | sed -n 's/^PCI device mapping invalid (hardware probably changed): //p')" "$(sed -n 's/^2 101 \([a-z-]*\) .*/\1/p' /run/spy)"
}
good=id=1002:5159,iommugroup=5,path=0000:01:00,subsystem-id=1af4:1100
is "$(invalid "$(printf %s $good | sed s/5159/515a/)")" "'id' does not match for 'gpu' (1002:5159 != 1002:515a)|pre-start" \
	"another id: the start fails behind pre-start, and no post-stop follows"
is "$(invalid "$(printf %s $good | sed s/group=5/group=05/)")" "'iommugroup' does not match for 'gpu' (5 != 05)|pre-start" "another group, as text"
is "$(invalid "$(printf %s $good | sed s/,iommugroup=5//)")" "missing expected property 'iommugroup' for device '0000:01:00.0'|pre-start" "no group"
is "$(invalid "${good%,*}")" "missing expected property 'subsystem-id' for device '0000:01:00.0'|pre-start" "no subsystem"
is "$(invalid "$(printf %s $good | sed s/01:00/09:00/)")" "pci device '0000:09:00.0' not found|pre-start" "no device"
is "$(invalid $good "$(printf '\tmdev 1\n')")" "'mdev' does not match for 'gpu' (0 != 1)|pre-start" "mediated devices that it cannot have"

done_testing
