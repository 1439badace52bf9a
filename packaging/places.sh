# shellcheck shell=bash disable=SC2034  # read by the files beside this one
# Where the appliance is on a machine, and how long it is waited for. config/paths.py has the places that the programs use: the two must agree.

opt=/opt/rcq
releases=$opt/releases
current=$opt/current
settings_dir=/etc/rcq
state_dir=/var/lib/rcq
run_dir=/run/rcq
units_dir=/etc/systemd/system
etc_dir=/etc
local_dir=/usr/local
os_release=/etc/os-release
booted_dir=/run/systemd/system # there exactly where systemd is PID 1, as sd_booted(3) has it

healthy_within_s=60 # from when the engine says that it is ready, which systemd itself waits for
