#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody watches: starts that fail, tasks that are killed, a QEMU that nobody cleans
# up after. In each the card comes home and nobody has to do anything.
# takes: 230 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before
pid() { cat $QEMU/101.pid 2>/dev/null; }
# task: start the VM as a task with a process group of its own, $task
task() {
	setsid qm start 101 >$T/task 2>&1 &
	task=$!
}
interrupt() { kill -s "$1" -- "-$task"; }

scene "a start and a stop in order"
mark
start 101
is "$rc" 0 "the VM starts"
unlike "$err" 'nobody watches' "somebody watches"
ok "gpupt-settle@101 runs" watching 101
w=$(watcher 101)
ok "… and waits for this very QEMU's end" within 10 holds_pidfd "$w" "$(pid)"
unlike "$(ls -l /proc/"$w"/fd)" 'pipe:|lock-101' "… without the task's pipes and without Proxmox VE's lock"
up=$(systemctl show -P ActiveEnterTimestampMonotonic gpupt-settle@101)
first=$(journalctl -q -b -o json -t gpupt GPUPT_STEP=driver | head -n 1 | sed 's/.*"__MONOTONIC_TIMESTAMP":"\([0-9]*\)".*/\1/')
ok "… since before the first step (at $up, the step at $first)" test "$up" -lt "$first"
mark
stop 101
is "$rc" 0 "the VM stops"
ok "and its watcher has nothing left to do" within 10 settled 101
is "$(systemctl show -P Result gpupt-settle@101)" success "… which is a success"
unlike "$(said gpupt-settle@101)" 'nobody gave' "… and it did not have to do anything"
as_before

scene "refused: nobody is called in"
hold "$(control 01:00.1)"
mark
start 101
is "$rc" 255 "the start is refused"
is "$(said gpupt-settle@101)" "" "no watcher was started for it"
let_go
as_before

scene "QEMU does not start"
vm 101 'hostpci0: 0000:01:00,pcie=1' 'args: -device no-such-device'
mark
start 101
is "$rc" 255 "the start fails after pre-start, and Proxmox VE calls nobody"
ok "the card comes home" within 15 home
ok "nothing is left" within 10 settled 101
like "$(said gpupt-settle@101)" 'VM 101 does not run and nobody gave its GPUs back' "the watcher says that it did it"
like "$(entries _SYSTEMD_UNIT=gpupt-settle@101.service)" 'MESSAGE=0000:01:00.0 is back from VM 101, on radeon' "and that the card is back"
as_before
vm 101 'hostpci0: 0000:01:00,pcie=1'
start 101
is "$rc" 0 "the next start is as if nothing had been"
stop 101
as_before

scene "fails again and again, without a pause"
vm 101 'hostpci0: 0000:01:00,pcie=1' 'args: -device no-such-device'
for i in 1 2 3; do
	start 101
	is "$rc" 255 "start $i fails"
	like "$err" 'no-such-device' "… for QEMU's reason, not for ours"
done
ok "the card comes home" within 15 settled 101
as_before
vm 101 'hostpci0: 0000:01:00,pcie=1'

scene "the VM is destroyed after a start that failed"
vm 101 'hostpci0: 0000:01:00,pcie=1' 'args: -device no-such-device'
qm start 101 >/dev/null 2>&1
rm /etc/pve/qemu-server/101.conf
ok "the card comes home" within 15 settled 101
as_before
vm 101 'hostpci0: 0000:01:00,pcie=1'

scene "a task that is interrupted: TERM, and KILL after 5 s, to its process group"
# The hook waits for the next hookscript, so that the task ends where it is meant to.
printf '[vm 101]\nnext = local:snippets/waits\n' >/etc/gpupt/gpupt.conf
cat >/var/lib/vz/snippets/waits <<'HOOK'
#!/bin/sh
trap : TERM
[ "$2" != pre-start ] || while :; do /bin/sleep 1; done
HOOK
chmod +x /var/lib/vz/snippets/waits
task
ok "the card is on its way" within 20 on_vfio 01:00.0 01:00.1
ok "interrupted" interrupt TERM
/bin/sleep 5
interrupt KILL 2>/dev/null
ok "the card comes home" within 20 settled 101
as_before
: >/etc/gpupt/gpupt.conf

scene "… at any moment of the hand-over"
# killed_when WHAT TEST…: KILL as soon as the test holds. It is one of the shell's own
# and there is no pause: the steps are milliseconds apart.
killed_when() {
	what=$1 n=0
	shift
	task
	until "$@" || [ $n -ge 300000 ]; do n=$((n + 1)); done
	interrupt KILL
	# what it was may be over by now
	ok "killed when $what" [ $n -lt 300000 ]
	note "at $(drvs 01:00.0 01:00.1); lease: $(leases)"
	ok "… the card comes home" within 20 settled 101
	gpupt-helper reconcile >/dev/null
	as_before "… everything is as it was"
}
killed_when "the watcher has signed in" [ -e /run/gpupt/watch/101 ]
killed_when "there is a lease" [ -e /run/gpupt/lease/101 ]
killed_when "the audio function has left its driver" [ ! -e $PCI/drivers/snd_hda_intel/0000:01:00.1 ]
killed_when "the display has left its driver" [ ! -e $PCI/drivers/radeon/0000:01:00.0 ]
killed_when "the display is on vfio-pci" [ -e $PCI/drivers/vfio-pci/0000:01:00.0 ]

scene "qm reboot"
start 101
is "$rc" 0 "the VM starts"
w=$(watcher 101) old=$(pid)
ok "watched" within 10 holds_pidfd "$w" "$old"
run qm reboot 101
again() { running 101 && [ "$(pid)" != "$old" ]; }
ok "the VM runs again" within 60 again
ok "with its card" on_vfio 01:00.0 01:00.1
is "$(watcher 101)" "$w" "the same watcher"
ok "… waits for the new QEMU" within 15 holds_pidfd "$w" "$(pid)"

scene "the watcher is killed"
kill -9 "$w"
ok "another one comes" within 15 watching 101
new() { [ "$(watcher 101)" -gt 0 ] && [ "$(watcher 101)" != "$w" ]; }
ok "… in its place" within 15 new
ok "… and waits for QEMU" within 15 holds_pidfd "$(watcher 101)" "$(pid)"
for i in 1 2 3 4 5 6; do
	w=$(watcher 101)
	kill -9 "$w"
	within 15 new
done
ok "as often as it takes" within 15 watching 101
w=$(watcher 101)
kill "$w"
ok "another one comes after SIGTERM, too" within 15 new
stop 101
ok "and it goes when the VM has stopped" within 10 settled 101
as_before

scene "the watcher is stopped by an administrator"
start 101
run systemctl stop gpupt-settle@101
is "$rc" 0 "it ends at once"
is "$(systemctl show -P Result gpupt-settle@101)" success "… and in peace"
ok "the VM runs on" running 101
is "$(leases)" "101 " "with its lease"
gpupt-helper settle 101 >/dev/null 2>&1 &
hand=$!
watches() { read -r who _ </run/gpupt/watch/101 && [ "$who" = "$1" ]; }
ok "somebody watches by hand" within 10 watches $hand
systemctl start gpupt-settle@101
usleep 1500000
ok "systemd's watcher waits for his end" watches $hand
kill $hand
wait $hand
is "$?" 4 "he ends with a status that says so"
ok "… and it watches then" within 10 watches "$(watcher 101)"
systemctl stop gpupt-settle@101
stop 101
ok "post-stop gives the card back" within 10 home
as_before

done_testing
