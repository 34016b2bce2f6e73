#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What systemd has to do with it: a watcher that must not be missing, a bus that is silent, a
# service at boot that is killed, services that hold a card, the journal, and a mail to root when
# something cannot be put back.
# takes: 310 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before
pid() { cat $QEMU/101.pid 2>/dev/null; }
is_up() { systemctl is-active -q "$1"; }

scene "the watcher is masked"
systemctl mask -q --runtime gpupt-settle@.service
start 101
is "$rc" 255 "the start is refused"
like "$err" 'gpupt: .*gpupt-settle@101\.service.*masked' "by a sentence that says why"
as_before "nothing was touched"
systemctl unmask -q --runtime gpupt-settle@.service

scene "the watcher cannot run"
mkdir -p /run/systemd/system/gpupt-settle@.service.d
printf '[Service]\nExecStart=\nExecStart=/nonexistent\n' >/run/systemd/system/gpupt-settle@.service.d/broken.conf
systemctl daemon-reload
start 101
is "$rc" 255 "the start is refused"
like "$err" 'gpupt: .*gpupt-settle@101\.service' "by a sentence that names the unit"
ok "within 20 s (it took $took s)" test "$took" -le 20
as_before "nothing was touched"
rm -r /run/systemd/system/gpupt-settle@.service.d
systemctl daemon-reload

scene "systemd is there, and nobody answers on the bus"
systemctl stop -q dbus.socket dbus.service 2>/dev/null
start 101
is "$rc" 255 "the start is refused"
like "$err" 'gpupt: .*D-Bus' "by a sentence that says why"
as_before "nothing was touched"
systemctl start dbus.socket
ok "the bus is back" within 10 busctl -q status

scene "… or it takes the call and says nothing"
bus=$(systemctl show -P MainPID dbus)
kill -STOP "$bus"
start 101
is "$rc" 255 "the start is refused"
ok "within 20 s (it took $took s)" test "$took" -le 20
like "$err" 'gpupt: .*D-Bus' "by a sentence that says why"
kill -CONT "$bus"
as_before "nothing was touched"
ok "the bus is back" within 10 busctl -q status

scene "… while a VM has the card"
start 101
is "$rc" 0 "the VM starts"
bus=$(systemctl show -P MainPID dbus)
kill -STOP "$bus"
stop 101
ok "it stops within 60 s (it took $took s)" test "$rc" -eq 0 -a "$took" -le 60
ok "the card is home" within 20 home
kill -CONT "$bus"
ok "nothing is left" within 20 settled 101
as_before

scene "what settles at boot is killed"
mkdir -p /run/systemd/system/gpupt-reconcile.service.d
cat >/run/systemd/system/gpupt-reconcile.service.d/killed.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=/bin/sh -c '[ -e /run/killed ] || { : >/run/killed; kill -9 $$$$; }; exec /usr/sbin/gpupt-helper settle'
UNIT
systemctl daemon-reload
fails "it ends early" systemctl start gpupt-reconcile
again() { [ "$(systemctl show -P NRestarts -P ActiveState -P Result gpupt-reconcile | tr '\n' ' ')" = "$1" ]; }
ok "systemd starts it again, and it comes to its end" within 20 again "success 1 inactive "
rm -r /run/systemd/system/gpupt-reconcile.service.d
systemctl daemon-reload
as_before

scene "the journal"
journalctl --update-catalog
mark
start 101
is "$rc" 0 "the VM starts"
e=$(entries GPUPT_VMID=101 GPUPT_BDF=0000:01:00.0 GPUPT_STEP=driver)
like "$e" '^MESSAGE_ID=b6c23d758c034aa0b104740e048a0875$' "a step has its fields and its id"
like "$e" '^MESSAGE=done: driver 0000:01:00.0 1002:5159' "and its words"
like "$e" '^SYSLOG_IDENTIFIER=gpupt$' "and our name"
like "$(entries MESSAGE_ID=24c15ec94b614e538f3999b565695165)" '^GPUPT_BDF=0000:01:00.0$' "that the card went has its own id"
x=$(journalctl -q -b -x -t gpupt GPUPT_VMID=101)
like "$x" 'Subject: GPU 0000:01:00\.0 went to VM 101' "journalctl -x explains that"
like "$x" 'gpupt changed one thing on this host' "… and a step"
like "$x" '^-- driver: "driver" is the driver of a PCI function' "… with what is in the fields"
unlike "$x" '@GPUPT_' "… all of it"
stop 101
like "$(journalctl -q -b -x -t gpupt)" 'Subject: GPU 0000:01:00\.0 came back from VM 101' "and that it came back"
hold "$(control 01:00.1)"
start 101
like "$(journalctl -q -b -x -t gpupt -p err GPUPT_VMID=101)" 'Subject: The start of VM 101 was refused' "and a refusal"
let_go
as_before

scene "processes = terminate: a service holds the card"
cat >/usr/lib/systemd/system/encoder.service <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'exec /bin/sleep infinity <>/dev/dri/by-path/pci-0000:01:00.0-render'
UNIT
systemctl daemon-reload
printf '[gpu 0000:01:00.0]\nprocesses = terminate\n' >/etc/gpupt/gpupt.conf
systemctl start encoder
ok "the service runs" is_up encoder
holds() { readlink /proc/"$(systemctl show -P MainPID encoder)"/fd/0 | grep -q "$(drm 01:00.0 renderD)"; }
ok "and holds the card" within 10 holds
run gpupt-helper check 101
is "$rc" 0 "check: that does not block"
mark
start 101
is "$rc" 0 "the VM starts"
fails "the service is stopped" is_up encoder
like "$(entries GPUPT_STEP=unit)" '^MESSAGE=done: unit encoder.service: active -> inactive' "as a step"
run gpupt-helper status -v
like "$out" 'encoder.service' "status shows it"
stop 101
is "$rc" 0 "the VM stops"
ok "the service is started again" within 10 is_up encoder
ok "and has its card" within 10 holds
usleep 1500000
ok "… and keeps it" holds
systemctl stop encoder
as_before

scene "a process of no unit"
# In a cgroup that is nobody's: TERM ends it.
mkdir -p /sys/fs/cgroup/loose
/bin/sleep 1000 <"$(drm 01:00.0 renderD)" &
holder=$!
echo $holder >/sys/fs/cgroup/loose/cgroup.procs
usleep 300000
start 101
is "$rc" 0 "the VM starts"
ok "the process has been ended" ended $holder
stop 101
wait $holder
as_before

scene "something cannot be put back"
cat >/usr/sbin/sendmail <<'MAIL'
#!/bin/sh
{ echo "called with: $*"; cat; } >>/var/lib/lab/mail
MAIL
chmod +x /usr/sbin/sendmail
systemctl start encoder
within 10 holds
start 101
is "$rc" 0 "the VM starts"
ln -s /dev/null /etc/systemd/system/encoder.service
systemctl daemon-reload
no_cleanup 101
mark
kill -9 "$(pid)"
ok "the card is home" within 60 home
ok "root gets a mail" within 20 grep -q '^Subject:' /var/lib/lab/mail
like "$(cat /var/lib/lab/mail)" '^called with: .*root' "… to root"
like "$(cat /var/lib/lab/mail)" '^Subject: gpupt: .*VM 101' "… about this VM"
like "$(cat /var/lib/lab/mail)" 'encoder.service' "… that names what is wrong"
like "$(entries MESSAGE_ID=0e3e2fd1dfef4469a1a30ec946627777)" '^GPUPT_VMID=101$' "the journal has it, too"
is "$(leases)" "101 " "it stays on record"
fails "the service is not running" is_up encoder
/bin/sleep 15
is "$(grep -c '^Subject:' /var/lib/lab/mail)" 1 "one mail, however often it is tried"
told=$(entries MESSAGE_ID=0e3e2fd1dfef4469a1a30ec946627777 | grep -c '^MESSAGE=')
ok "… nor does the journal fill up ($told entries)" test "$told" -le 4
rm /etc/systemd/system/encoder.service
systemctl daemon-reload
run gpupt-helper reconcile
ok "once the cause is gone it is put back" within 20 is_up encoder
ok "nothing is left" within 20 settled 101
systemctl stop encoder
rm -f $QEMU/pci-id-reservations $QEMU/101.*
as_before

scene "a service that waits until its driver has a card"
# What is written for a machine whose cards are all NVIDIA's and reserved, with these cards' driver in the other's place.
node=$T/node/machine persistenced=nvidia-persistenced.service
run gpupt-helper capture $T/node.tar
is "$rc" 0 "this machine as a tree"
mkdir $T/node && tar -C $T/node -xf $T/node.tar
rm -r $node/var/lib/gpupt # where these cards are known as the others
for f in 01:00.0 01:00.1 02:00.0 02:00.1; do echo 0x10de >"$node$PCI/devices/0000:$f/vendor"; done
printf '[gpu 01:00]\nmode = reserved\n[gpu 02:00]\nmode = reserved\n' >$node/etc/gpupt/gpupt.conf
mkdir -p $node/usr/lib/systemd/system /run/systemd/system/$persistenced.d
printf '[Service]\nExecStart=/bin/sleep infinity\n' >/run/systemd/system/$persistenced
cp /run/systemd/system/$persistenced $node/usr/lib/systemd/system/
run gpupt-helper --root $node prepare --yes
is "$rc" 0 "… is prepared"
[ "$rc" -eq 0 ] || note "$out$err"
sed 's,/nvidia/,/radeon/,' $node/etc/systemd/system/$persistenced.d/gpupt.conf >/run/systemd/system/$persistenced.d/gpupt.conf
systemctl daemon-reload
ok "the service starts" systemctl start $persistenced
ok "… and runs" is_up $persistenced
systemctl stop $persistenced
for f in 01:00.0 02:00.0; do echo "0000:$f" >$PCI/drivers/radeon/unbind; done
ok "without a card its start is no failure" systemctl start $persistenced
fails "… and it does not run" is_up $persistenced
is "$(systemctl show -P ConditionResult $persistenced)" "no" "… by its condition"
for f in 01:00.0 02:00.0; do echo "0000:$f" >$PCI/drivers_probe; done
ok "with a card it starts again" systemctl start $persistenced
ok "… and runs" is_up $persistenced
systemctl stop $persistenced
as_before

done_testing
