#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# What the documents say is what the programs do: names of findings, keys, commands, options, phases and journal entries
# are compared with the tables in the source, in both directions; the shipped configuration is that of the defaults.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

chdir(dirname(abs_path($0)) . '/../..') or die $!;
my $O = $ENV{O} // 'build';
my $tmp = tempdir(CLEANUP => 1);

sub slurp {
	my ($path) = @_;
	open(my $f, '<', $path) or die "$path: $!\n";
	local $/;
	return scalar <$f>;
}
sub spew {
	my ($path, $text) = @_;
	open(my $f, '>', $path) or die "$path: $!\n";
	print $f $text;
	close($f) or die "$path: $!\n";
}
# a section of a man page's source
sub section {
	my ($page, $name) = @_;
	return $page =~ /^# \Q$name\E\n(.*?)(?=^# |\z)/ms ? $1 : '';
}
sub has { my ($program) = @_; return grep { -x "$_/$program" } split /:/, $ENV{PATH} . ':/usr/bin:/bin' }
# output of a command, which must succeed
sub output {
	my @command = @_;
	open(my $p, '-|', @command) or die "$command[0]: $!\n";
	my @lines = <$p>;
	close($p) or fail("@command: status " . ($? >> 8));
	chomp @lines;
	return @lines;
}

my ($helper8, $hook8, $conf5) = map { slurp("docs/$_.scd") } qw(gpupt-helper.8 gpupt-hook.8 gpupt.conf.5);

# --- journal catalog ----------------------------------------------------------------

my %ids = map { $_ => 1 } slurp('lib/base/log.c') =~ /= "([0-9a-f]{32})"/g;
my $catalog = slurp('conf/gpupt.catalog');
my @entries = split /^-- /m, $catalog;
shift @entries;
ok(%ids > 0, 'log.c has message ids');
is(join("\n", sort map { substr($_, 0, 32) } @entries), join("\n", sort keys %ids), 'the catalog has an entry for each, once');
for (@entries) {
	my ($head, $text) = split /\n\n/, $_, 2;
	ok($head =~ /^Subject: \S/m && $head =~ /^Defined-By: gpupt$/m && $text =~ /\S/, 'entry ' . substr($_, 0, 8) . ' has subject and text');
}
my @fields = slurp('lib/base/log.c') =~ /"(GPUPT_[A-Z]+)"/g;
my %in_catalog = map { $_ => 1 } $catalog =~ /\@([A-Z_]+)\@/g;
is(join(' ', grep { my $f = $_; !grep { $_ eq $f } @fields } sort keys %in_catalog), '', 'the catalog names no other fields than those that are logged');
is(join(' ', grep { section($hook8, 'JOURNAL') !~ /\*$_\*/ } @fields, 'MESSAGE_ID'), '', 'gpupt-hook(8) names all of them');
SKIP: {
	skip 'no journalctl', 1 unless has('journalctl');
	make_path("$tmp/j/usr/lib/systemd/catalog", "$tmp/j/var/lib/systemd/catalog");
	spew("$tmp/j/usr/lib/systemd/catalog/gpupt.catalog", $catalog);
	my $said = join '', `journalctl --root=$tmp/j --update-catalog 2>&1`, `journalctl --root=$tmp/j --list-catalog 2>&1`;
	is(join("\n", sort $said =~ /^([0-9a-f]{32}) gpupt: /mg), join("\n", sort keys %ids), 'journalctl takes it');
}

# --- findings -----------------------------------------------------------------------

my %findings = slurp('lib/policy/finding.c') =~ /= \{ "([a-z0-9-]+)", SEVERITY_([A-Z]+),/g;
$_ = lc for values %findings;
my %described = section($helper8, 'FINDINGS') =~ /^\*([a-z0-9-]+)\* \(([a-z]+)\)$/mg;
ok(%findings > 20, 'finding.c has findings');
is_deeply(\%described, \%findings, 'gpupt-helper(8) has every finding with its severity');
my @refuses = section($hook8, 'WHAT IT REFUSES') =~ /\*([a-z0-9-]+)\*[,.]/g;
is(join(' ', sort @refuses),
	join(' ', sort grep { $findings{$_} eq 'block' } keys %findings), 'gpupt-hook(8) refuses on those that block');

# --- gpupt.conf ---------------------------------------------------------------------

my $settings = slurp('lib/policy/settings.c') . slurp('lib/policy/settings_keys.c');
my ($table) = $settings =~ /gpu_keys\[\] = \{\n(.*?)\n\};/s;
my @host = $settings =~ /^\tif \(strcmp\(key, "([a-z0-9-]+)"\) == 0\)$/mg;
my @keys = sort(($table =~ /\{ "([a-z-]+)",/g), 'next');
my $conf = slurp('conf/gpupt.conf');
is(join(' ', sort $conf5 =~ /^\*([a-z-]+)\* = /mg), join(' ', @keys), 'gpupt.conf(5) has every key');
my @host_told = section($conf5, 'KEYS OF [host]') =~ /^\*([a-z0-9-]+)\*$/mg;
is(join(' ', sort @host_told), join(' ', sort @host), 'and every key of [host]');
is(join(' ', sort $conf =~ /^#([a-z0-9-]+) = /mg), join(' ', sort @keys, @host), 'the shipped file has every key');
is(join("\n", grep { !/^(#|\[defaults\]$|$)/ } split /\n/, $conf), '', 'and all of them as comments');

my ($place) = slurp('docs/architecture.md') =~ /\*\*a key\*\* of gpupt\.conf: a function and a row in `([^`]+)`/;
like(slurp($place), qr/gpu_keys\[\] = \{/, 'architecture.md says where a new key goes');

my %initial = $settings =~ /^\s+\.(\w+) = ([\w"]+),$/mg;
my %meaning = (
	mode => lc($initial{mode} =~ s/MODE_//r),
	'after-stop' => lc($initial{after_stop} =~ s/AFTER_STOP_//r),
	processes => lc($initial{processes} =~ s/PROCESSES_//r),
	vms => lc($initial{vms} =~ s/VMS_//r),
	backup => lc($initial{backup} =~ s/BACKUP_//r),
	'force-stop' => defined $initial{force_stop} ? 1 : 0,
	'shutdown-timeout' => $initial{shutdown_timeout},
	reset => $initial{reset} =~ s/"//gr,
	'reset-at' => join(',', map { $initial{"reset_at_$_"} eq 'true' ? $_ : () } qw(start stop)),
	'driver-timeout' => $initial{driver_timeout},
	'stop-timeout' => $initial{stop_timeout},
);
for my $key (sort keys %meaning) {
	my ($shown) = $conf =~ /^#\Q$key\E = (.*)$/m;
	is($shown, $meaning{$key}, "$key: the shipped file shows the default");
	my ($told) = $conf5 =~ /^\*\Q$key\E\* = .*?Default: \*?([^*\n]+?)\*?\.\n/ms;
	is($told, $meaning{$key}, "$key: gpupt.conf(5) tells it");
}

# the hook reads it: with a VM that has a card and a tree that has none, so that only the configuration counts
my $tree = "$tmp/tree";
make_path("$tree/etc/pve/qemu-server", "$tree/etc/gpupt", "$tree/proc", "$tree/sys/bus/pci/devices", "$tree/run");
spew("$tree/etc/pve/qemu-server/101.conf", "hostpci0: 01:00\n");
make_path("$tree/var/lib/vz/snippets");
spew("$tree/var/lib/vz/snippets/my-hook", "#!/bin/sh\n"); # the hookscript of the examples
chmod(0755, "$tree/var/lib/vz/snippets/my-hook");
sub refusal { return join '', `$O/gpupt-hook --root $tree 101 pre-start 2>&1` }
my $without = refusal();
like($without, qr/no PCI device at 0000:01:00/, 'the hook judges the tree');
spew("$tree/etc/gpupt/gpupt.conf", $conf);
is(refusal(), $without, 'the shipped file changes nothing');
(my $all = $conf) =~ s/^#(?=[a-z\[])//mg;
spew("$tree/etc/gpupt/gpupt.conf", $all);
unlike(refusal(), qr/gpupt\.conf/, 'with every line in force it is accepted');
spew("$tree/etc/gpupt/gpupt.conf", "$all\nnexxt = x\n");
like(refusal(), qr/gpupt\.conf line \d+: there is no key 'nexxt'/, 'and what is not a key is not');
my ($example) = $conf5 =~ /^```\n(\[defaults\].*?)```/ms;
spew("$tree/etc/gpupt/gpupt.conf", $example);
unlike(refusal(), qr/gpupt\.conf/, "gpupt.conf(5)'s example is accepted");

# --- faults ---------------------------------------------------------------------------

# "`x.t`, `tests/cli/y.t` (note); flow_life: a, b; fuzzer `z`": what each part names and is not there
sub missing_of {
	my ($part) = @_;
	$part =~ s/\([^()]*\)//g;
	$part =~ s/^\s+|\s+$//g;
	return -e $1 ? () : $1 if $part =~ m{^the fuzzers in `([\w/]+)`$};
	return -e "tests/fuzz/$1.c" ? () : $part if $part =~ /^fuzzer `(\w+)`$/;
	if (my ($unit, $names) = $part =~ /^(\w+): (\w+(?:, \w+)*)$/) {
		my $file = "tests/unit/test_$unit.c";
		return $file unless -e $file;
		my %there = map { $_ => 1 } all => slurp($file) =~ /cmocka_unit_test(?:_\w+)?\((\w+)\b/g;
		return map { "$unit: $_" } grep { !$there{$_} } split /, /, $names;
	}
	return "'$part', which is no test" unless $part =~ /^`[\w\/]+\.t`(?:, `[\w\/]+\.t`)*$/;
	return grep { !-e && !-e "tests/lab/$_" } $part =~ /`([\w\/]+\.t)`/g;
}
my $faults = slurp('docs/faults.md');
my @rows = grep { !/^\|[-|]+$/ && !/^\| fault \|/ } $faults =~ /^(\|.*)$/mg;
cmp_ok(scalar @rows, '>', 40, 'faults.md has faults');
is(join("\n", grep { !/^\| [^|]+ \| [^|]+ \| [^|]+ \|$/ } @rows), '', 'each with what happens and what shows it');
for (@rows) {
	my ($fault, $shown) = (split / \| |^\| | \|$/)[1, 3];
	is(join(', ', map { missing_of($_) } split /;/, $shown // 'nothing'), '', "faults.md: $fault");
}
is(join(' ', grep { !-e && !-e "tests/lab/$_" } $faults =~ /`([\w\/]+\.t)`/g), '', 'and no other test that is not there');

# --- the programs -------------------------------------------------------------------

my %commands = map { /^(\S+)\s+(.*)$/ ? ($1 => $2) : () } output("$O/gpupt-helper", 'help', '--noheadings', '-o', 'command,summary');
my @man = section($helper8, 'COMMANDS') =~ /^\*([a-z]+)\*/mg;
ok(%commands > 3, 'gpupt-helper has commands');
is(join(' ', sort @man), join(' ', sort keys %commands), 'gpupt-helper(8) has every command');
my %options = map { $_ => 1 } map { /(?<![\w|])(--?[a-z-]+)/g } output("$O/gpupt-helper", 'help', 'options');
my %told = map { $_ => 1 } map { /\*(--?[a-z-]+)\*/g } section($helper8, 'OPTIONS') =~ /^(\*-.*)$/mg;
is(join(' ', grep { !$told{$_} } sort keys %options), '', 'gpupt-helper(8) has every option');
my ($phases) = slurp('hook/hook.c') =~ /phases\[\] = \{\n(.*?)\n\};/s;
is(join(' ', section($hook8, 'PHASES') =~ /^\*([a-z-]+)\*$/mg), join(' ', $phases =~ /"([a-z-]+)"/g), 'gpupt-hook(8) has every phase');
# noroot.t shows which one it is
is((section($hook8, 'EXIT STATUS') =~ /(\d)\n:[^|]*not called by root/)[0], 1, 'gpupt-hook(8) has the exit status of a caller who is not root');
# what systemd has to know of the watcher that was told to go
my ($interrupted) = slurp('lib/flow/report.h') =~ /EXIT_INTERRUPTED = (\d+)/;
my $unit = slurp('conf/gpupt-settle@.service');
like($unit, qr/^RestartForceExitStatus=\Q$interrupted\E SIGTERM SIGINT SIGHUP$/m, 'another watcher is started in place of one that got a signal');
like($unit, qr/^SuccessExitStatus=\Q$interrupted\E$/m, '... but to stop the unit is no failure');
like(section($helper8, 'EXIT STATUS'), qr/^\|  \Q$interrupted\E\n:  \*settle\*/m, '... and the man page has the status');
for my $command (sort keys %commands) {
	my @columns = map { /^(\S+)/ } output("$O/gpupt-helper", 'help', $command, '--noheadings', '-o', 'column');
	my ($text) = section($helper8, 'COMMANDS') =~ /^(\*$command\*.*?)(?=^\*|\z)/ms;
	$text .= $2 if $text =~ /Columns:\s+those\s+of\s+\*(\w+)\*/ && section($helper8, 'COMMANDS') =~ /^\*($1)\*(.*?)(?=^\*|\z)/ms;
	is(join(' ', grep { $text !~ /[_*]\Q$_\E[_*]/ } @columns), '', "gpupt-helper(8) has the columns of $command");
}

# --- man pages and paths --------------------------------------------------------------

SKIP: {
	skip 'no scdoc', 3 unless has('scdoc');
	for my $page (glob 'docs/*.scd') {
		my $said = `scdoc <$page 2>&1 >$tmp/page`;
		ok($? == 0 && $said eq '' && -s "$tmp/page", "$page builds without a warning");
	}
}
for my $file ('README.md', glob 'docs/*.md') {
	my $text = slurp($file);
	# `lib/plan/step.c`, tests/lab/boot …: what looks like a path of this tree and stands in backquotes or a link
	my %paths = map { $_ => 1 } $text =~ m{[`(](?:\./)?((?:lib|hook|helper|conf|docs|tests|\.ci)/[\w./-]*|install\.sh|Makefile|LICENSE)[`) ]}g;
	is(join(' ', grep { !-e && !/_NAME\./ } sort keys %paths), '', "$file names files that are there");
}

done_testing();
