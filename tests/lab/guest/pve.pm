# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the stand-ins for Proxmox VE's programs share, each function named after the
# one it stands for: PVE::Tools (file_set_contents, lock_file, run_command),
# PVE::GuestHelpers (check_hookscript, exec_hookscript), PVE::LXC (check_running).
package pve;
use v5.36;
use Exporter qw(import);
use Fcntl qw(:flock);

our @EXPORT = qw(slurp first_line file_set_contents lock_file run_command check_running check_hookscript exec_hookscript);

# PVE::RESTEnvironment gives every command line tool and task this environment.
$ENV{LC_ALL} = 'C';
$ENV{PATH} = '/sbin:/bin:/usr/sbin:/usr/bin';
$| = 1;

# --- files ---------------------------------------------------------------------

sub slurp($path) {
	open(my $fh, '<', $path) or return undef;
	local $/;
	return scalar <$fh>;
}

sub first_line($path) {
	my $text = slurp($path) // return undef;
	chomp($text = (split /\n/, $text, 2)[0] // '');
	return $text;
}

# A new file, then rename.
sub file_set_contents($path, $data) {
	open(my $fh, '>', "$path.tmp.$$") or die "unable to open file '$path.tmp.$$' - $!\n";
	print {$fh} $data;
	close($fh) or die "closing file '$path.tmp.$$' failed - $!\n";
	rename("$path.tmp.$$", $path) or die "close (rename) atomic file '$path' failed: $!\n";
}

# Wait, give up after the time-out, run the code under it.
sub lock_file($path, $timeout, $code) {
	open(my $fh, '>>', $path) or die "can't open lock file '$path' - $!\n";
	my $end = time() + $timeout;
	until (flock($fh, LOCK_EX | LOCK_NB)) {
		die "can't lock file '$path' - got timeout\n" if time() >= $end;
		select(undef, undef, undef, 0.1);
	}
	return $code->();
}

# --- processes -----------------------------------------------------------------

# No shell, stdin at its end, stdout and stderr two pipes; comes back when *both pipes*
# are at their end, however long the child is dead. With timeout => SECONDS it kills
# the child, which is not the children's end.
sub run_command($cmd, %param) {
	pipe(my $out, my $out_w) or die "pipe: $!\n";
	pipe(my $err, my $err_w) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>&', $out_w);
		open(STDERR, '>&', $err_w);
		exec { $cmd->[0] } @$cmd or do {
			print STDERR "exec $cmd->[0]: $!\n";
			exit 255;
		};
	}
	close($out_w);
	close($err_w);
	my $name = join(' ', @$cmd);
	my $end = defined $param{timeout} ? time() + $param{timeout} : undef;
	my %buf = (fileno($out) => '', fileno($err) => '');
	my @open = ($out, $err);
	while (@open) {
		my $want = '';
		vec($want, fileno($_), 1) = 1 for @open;
		my $left = defined $end ? $end - time() : undef;
		if (defined $left && $left <= 0) {
			kill 'KILL', $pid;
			waitpid($pid, 0);
			die "command '$name' failed: got timeout\n";
		}
		select(my $ready = $want, undef, undef, $left);
		my @ready = grep { vec($ready, fileno($_), 1) } @open;
		for my $fh (@ready) {
			my $buf = \$buf{ fileno($fh) };
			my $to = fileno($fh) == fileno($out) ? \*STDOUT : \*STDERR;
			my $n = sysread($fh, $$buf, 4096, length $$buf);
			print {$to} $1 while $$buf =~ s/^(.*\n)//;
			next if $n;
			print {$to} "$$buf\n" if length $$buf;
			@open = grep { $_ != $fh } @open;
		}
	}
	waitpid($pid, 0);
	die "command '$name' failed: got signal " . ($? & 127) . "\n" if $? & 127;
	die "command '$name' failed: exit code " . ($? >> 8) . "\n" if $?;
}

# Does a container run? LXC's monitor listens on an abstract socket.
sub check_running($vmid) {
	return scalar((slurp('/proc/net/unix') // '') =~ m{ \@/var/lib/lxc/$vmid/command$}m);
}

# --- the hookscript ------------------------------------------------------------

sub check_hookscript($volid) {
	my ($file) = $volid =~ m{^local:snippets/([^/]+)$} or die "'$volid' is not in the snippets directory\n";
	my $path = "/var/lib/vz/snippets/$file";
	die "script '$volid' does not exist\n" if !-f $path;
	die "script '$volid' is not executable\n" if !-x $path;
	return $path;
}

# Fatal before the start only; in every other phase a warning.
sub exec_hookscript($conf, $vmid, $phase, $stop_on_error = 0) {
	return if !$conf->{hookscript};
	eval { run_command([ check_hookscript($conf->{hookscript}), $vmid, $phase ]) };
	return if !$@;
	my $msg = "hookscript error for $vmid on $phase: $@\n";
	die $msg if $stop_on_error;
	warn $msg;
}

1;
