#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Unbinds that do not return while somebody watches: what has the card open is seen by nobody, as the only descriptor is on
# its way through a socket. The task ends by its deadline; when the device is let go of, the watcher finishes, unasked.
# takes: 150 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/fault.sh
. /lab/system.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:02:00,pcie=1'
run_limit=60
before

# hide node PATH; hide vfio GROUP BDF: open it, send the descriptor to a socket that nobody reads, and close it. vfio: as QEMU does,
# container, group, IOMMU, device, of which the last keeps all of them.
cat >$T/hide <<'PERL'
use Socket;
my ($kind, $what, $bdf) = @ARGV;
my ($fd, @files);
if ($kind eq 'vfio') {
	open my $c, '+<', '/dev/vfio/vfio' or die "container: $!";
	open my $g, '+<', "/dev/vfio/$what" or die "group: $!";
	ioctl($g, 0x3b68, pack('i', fileno $c)) or die "VFIO_GROUP_SET_CONTAINER: $!";
	ioctl($c, 0x3b66, 1) or die "VFIO_SET_IOMMU: $!";
	$fd = ioctl($g, 0x3b6a, "$bdf\0") or die "VFIO_GROUP_GET_DEVICE_FD: $!";
	@files = ($c, $g);
} else {
	open my $f, '<', $what or die "$what: $!";
	$fd = fileno $f;
	@files = ($f);
}
socketpair(my $one, my $other, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
my $byte = 'x';
my $iov = pack('P Q', $byte, 1);
my $rights = pack('Q i i i x4', 20, SOL_SOCKET, 1, $fd); # struct cmsghdr, SCM_RIGHTS
my $msg = pack('Q L x4 P Q P Q i x4', 0, 0, $iov, 1, $rights, length $rights, 0);
syscall(46, fileno $one, $msg, 0) == 1 or die "sendmsg: $!";
require POSIX;
POSIX::close($fd);
close $_ for @files;
print "hidden\n";
close STDOUT;
sleep 1000;
PERL
hide() {
	perl $T/hide "$@" >$T/hidden 2>&1 &
	holder=$!
	within 10 grep -q hidden $T/hidden || note "$(cat $T/hidden)"
}
is_stuck() { gpupt-helper status | grep -q "$1 is stuck: process [0-9]* waits in the kernel"; }
# The twin's codec may have asked for a name that the stuck card had not given up yet; see fault_hang.t.
twin_sounds() { within 5 test -e $PCI/devices/0000:02:00.1/sound || rebind 02:00.1 snd_hda_intel; }

# As long as it hangs: the watcher stays, everybody refuses, and the twin is served.
meanwhile() {
	ok "status says on what" within 10 is_stuck "$1"
	ok "the watcher is there" watching 101
	is "$(leases)" "101 " "the lease stands"
	start 101
	is "$rc" 255 "another start is refused"
	ok "… within 30 s (it took $took)" test "$took" -le 30
	like "$err" 'stuck|waits in the kernel|still has a GPU' "… for that"
	start 102
	is "$rc $(drvs 02:00.0 02:00.1)" "0 vfio-pci vfio-pci" "the other card goes to its VM"
	stop 102
	ok "… and comes back" within 20 settled 102
	is "$(drvs 02:00.0 02:00.1)" "radeon snd_hda_intel" "… home"
	ok "one process of ours hangs, not one more for each try" test "$(ours | grep -c ' D')" -le 1
}

scene "the sound device is held when the VM starts"
hide node "$(control 01:00.1)"
mark
start 101
is "$rc" 255 "the start is refused"
ok "within 30 s (it took $took)" test "$took" -le 30
like "$err" 'stuck|did not return within' "saying why"
meanwhile 0000:01:00.1
mark
let_go
ok "when the device is let go of, the watcher finishes" within 30 settled 101
note "$(said gpupt-settle@101)"
twin_sounds
restored "all is as before"

scene "vfio: the device is held when nobody gave the card back"
group=$(basename "$(readlink $PCI/devices/0000:01:00.0/iommu_group)")
start 101
is "$rc" 0 "the VM starts"
ok "somebody watches" watching 101
no_cleanup 101
kill -9 "$(cat $QEMU/101.pid)"
within 10 gone 101
hide vfio "$group" 0000:01:00.0
mark
ok "the watcher tries, and the card is stuck" within 90 is_stuck 0000:01:00.0
meanwhile 0000:01:00.0
let_go
ok "when the device is let go of, the watcher finishes" within 30 settled 101
note "$(said gpupt-settle@101)"
twin_sounds
rm -f $QEMU/pci-id-reservations $QEMU/101.*
restored "all is as before"

scene "the watcher is killed while the card is stuck"
hide node "$(control 01:00.1)"
start 101
is "$rc" 255 "the start is refused"
ok "the card is stuck" within 10 is_stuck 0000:01:00.1
old=$(watcher 101)
kill -9 "$old"
another() { w=$(watcher 101) && [ "$w" != 0 ] && [ "$w" != "$old" ]; }
ok "systemd starts another" within 10 another
let_go
ok "when the device is let go of, that one finishes" within 30 settled 101
twin_sounds
restored "all is as before"

tally faults $scenes
done_testing
