#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `rom` on captured machines: from the card, from the firmware's table, and nowhere. test_helper_rom has a machine that answers.
. "$(dirname "$0")/lib.sh"

# image CODE VENDOR DEVICE UNITS LAST: one image of a ROM
image() {
	perl -e 'my ($code, $v, $d, $units, $last) = map { hex } @ARGV;
		my $i = "\0" x ($units * 512);
		substr($i, 0, 3) = pack("CCC", 0x55, 0xaa, $units);
		substr($i, 4, 4) = pack("V", 0x0ef1) if $code == 3;
		substr($i, 0x18, 2) = pack("v", 0x1c);
		substr($i, 0x1c, 0x18) = pack("a4v4CC3v2CCv", "PCIR", $v, $d, 0, 0x18, 0, 0, 0, 3, $units, 1, $code, $last ? 0x80 : 0, 0);
		substr($i, -1) = chr((256 - unpack("%8C*", $i)) % 256);
		print $i' "$@"
}
# vfct BUS VENDOR DEVICE SUBVENDOR SUBDEVICE: the table with one block, whose image is standard input
vfct() {
	perl -0777 -e 'my ($bus, @id) = map { hex } @ARGV;
		my $i = <STDIN>;
		my $t = pack("V3v4VV", $bus, 0, 0, @id, 1, length $i) . $i;
		print pack("a4V", "VFCT", 0x4c + length $t), "\0" x 0x2c, pack("V", 0x4c), "\0" x 20, $t' "$@"
}
where=/sys/bus/pci/devices/0000:0b:00.0/rom
name=vbios_1002_73bf_1da2_e438.bin

tree amd-four
before=$(listing)
helper --root "$tree" rom 0b:00
is "$rc|$out" "1|" "no ROM in the copy of a host"
is "$err" "gpupt-helper: the ROM of 0000:0b:00.0 cannot be had: from the card: the copy of the host has no ROM of the card; from the firmware: there is no ACPI table VFCT" "… each place with its reason"
is "$(listing)" "$before" "… and nothing is changed"

image 0 1002 73bf 3 0 >"$T/short"
vfct 77 1002 73bf 1da2 e438 <"$T/short" >"$tree/sys/firmware/acpi/tables/VFCT"
mkdir -p "$tree/usr/share/kvm"
before=$(listing)
helper --root "$tree" rom 0b:00.1
is "$rc|$out" "0|0000:0b:00.0: 1536 bytes from the firmware's table VFCT: x86
/usr/share/kvm/$name: would be written
romfile=$name" "from the firmware's table, with another bus number"
like "$err" 'not from the card: the copy of the host has no ROM of the card' "… why not from the card"
like "$err" 'the ROM has no image that says it is the last: some may be missing' "… and what may be missing"
helper --root "$tree" rom 0b:00 --json
is "$(json roms bdf,source,images,bytes,complete,file,romfile,result,message)" \
	"0000:0b:00.0 VFCT x86 1536 0 /usr/share/kvm/$name romfile=$name would be written null" "… as a list"
like "$out" '"complete": false' "… with what is not complete"
is "$(listing)" "$before" "… and nothing is written"

{ image 0 1002 73bf 2 0; image 3 1002 73bf 1 1; } >"$T/whole"
cp "$T/whole" "$tree$where"
helper --root "$tree" rom 0b:00
is "$(printf '%s\n' "$out" | head -n 1)|$err" "0000:0b:00.0: 1536 bytes from the card: x86, EFI|gpupt-helper: $tree is the copy of a host: this is what would be done" "the card's own is better"
helper --root "$tree" rom 0b:00 -
ok "- is standard output" cmp "$T/whole" "$T/out"
is "$rc|$err" "0|" "… with nothing else"
helper --root "$tree" rom 0b:00 /usr/share/kvm/mine.rom -o file,result,romfile --noheadings
is "$rc|$(printf '%s' "$out" | tr -s ' ')" "0|/usr/share/kvm/mine.rom would be written romfile=mine.rom" "a file by name"

cp "$T/whole" "$tree/usr/share/kvm/$name"
helper --root "$tree" rom 0b:00
like "$out" ": same$" "the same again"
cp "$T/short" "$tree$where"
helper --root "$tree" rom 0b:00
like "$out" ": kept: there is another good ROM of this card in it, and a better one; remove it" "a worse one is not written over it"
{ image 0 1002 73bf 1 0; image 3 1002 73bf 1 0; image 3 1002 73bf 1 1; } >"$tree$where"
helper --root "$tree" rom 0b:00
like "$out" ": would be written: in the place of a worse one \(2 images, 1536 bytes\)" "a better one is"

image 0 1002 1638 2 1 >"$tree$where"
rm "$tree/sys/firmware/acpi/tables/VFCT"
helper --root "$tree" rom 0b:00
is "$rc|$out" "1|" "another device's ROM"
like "$err" 'the ROM is of another device: 1002:1638 instead of 1002:73bf' "… is refused, and whose it is said"
printf '\377\377\377\377' >"$tree$where"
helper --root "$tree" rom 0b:00
like "$err" 'from the card: there is no ROM: it does not begin with 55 aa' "what is none"

tree server
for args in 'rom' 'rom 01:00 a b' 'rom nonsense' 'rom 04:00.0 /tmp/' 'rom 04:00.0 - --json'; do
	# shellcheck disable=SC2086
	helper --root "$tree" $args
	is "$rc|$out" "2|" "'$args' is wrong"
done
helper --root "$tree" rom 05:00
is "$rc" 1 "no such card"
like "$err" 'is not there; the GPUs of this host: 0000:04:00.0, 0001:81:00.0' "… and which there are"
done_testing
