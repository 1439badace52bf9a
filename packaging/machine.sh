# shellcheck shell=bash
# Puts what a release brings where the machine looks for it: units, users, directories, settings, the command, manuals.
# Every step is left out where the machine is so already. Sourced by appliance.sh.
#
# Functions return 1 where a step failed, so that an upgrade can go back. Must not know which release is the right one.

: "${root:?install.sh sources this file}" "${dry_run:?}" "${opt:?}" "${current:?}" "${units_dir:?}" "${etc_dir:?}"
: "${settings_dir:?}" "${state_dir:?}" "${run_dir:?}" "${local_dir:?}"

changes=0 # how many steps this run took

# change WHAT COMMAND...: a step that is counted.
change() {
  changes=$((changes + 1))
  step "$@"
}

# brought RELEASE: the directory of what it brings; of what it will bring, where nothing is done.
brought() {
  if [[ -d $1/share/rcq ]]; then
    printf '%s' "$1/share/rcq"
  else
    printf '%s' "$root/packaging"
  fi
}

# put FILE TO: root's file for all to read.
put() {
  cmp -s -- "$1" "$2" || change "writing $2" install -D -m 644 -- "$1" "$2"
}

# point LINK TARGET: in one step, so that nobody ever finds no link.
point() {
  [[ $(readlink -- "$1") == "$2" ]] || change "pointing $1 to $2" swap_link "$1" "$2"
}

swap_link() {
  mkdir -p -- "$(dirname -- "$1")" && ln -sfn -- "$2" "$1.new" && mv -T -- "$1.new" "$1"
}

# activate RELEASE: the machine uses this one from now on. Nothing is started or stopped.
activate() {
  local share
  share=$(brought "$1")
  point "$current" "$1" || return
  put "$share/sysusers.d/rcq.conf" "$etc_dir/sysusers.d/rcq.conf" || return
  put "$share/tmpfiles.d/rcq.conf" "$etc_dir/tmpfiles.d/rcq.conf" || return
  make_users || return
  make_directories || return
  put_settings "$share" || return
  put_units "$share" || return
  keep_ipc "$share" || return
  point "$local_dir/bin/rcq" "$current/bin/rcq" || return
  link_manuals "$share"
}

make_users() {
  getent passwd rcq >/dev/null && getent passwd rcq-notifier >/dev/null && getent group rcq-users >/dev/null && return
  change "making users rcq and rcq-notifier and group rcq-users" systemd-sysusers "$etc_dir/sysusers.d/rcq.conf"
}

make_directories() {
  [[ $(stat -c '%U %a' -- "$state_dir" "$run_dir" 2>/dev/null | tr '\n' ' ') == 'rcq 711 rcq 755 ' ]] && return
  change "making $state_dir and $run_dir" systemd-tmpfiles --create "$etc_dir/tmpfiles.d/rcq.conf"
}

# put_settings SHARE: an admin's file is never touched. What is new in the shipped one is put beside it.
put_settings() {
  local shipped=$1/rcq.toml before=${previous:-}/share/rcq/rcq.toml
  [[ -f $shipped ]] || shipped=$root/config/rcq.toml
  if [[ ! -e $settings_dir/rcq.toml ]]; then
    put "$shipped" "$settings_dir/rcq.toml"
  elif ! cmp -s -- "$shipped" "$settings_dir/rcq.toml" && ! cmp -s -- "$shipped" "$before"; then
    cmp -s -- "$shipped" "$settings_dir/rcq.toml.new" && return
    put "$shipped" "$settings_dir/rcq.toml.new" || return
    say "$settings_dir/rcq.toml stays as it is; this version's with new keys is rcq.toml.new beside it"
  fi
}

# put_units SHARE: and takes away those of ours that the release does not have.
put_units() {
  local before=$changes file
  for file in "$1"/systemd/rcq-*; do
    put "$file" "$units_dir/${file##*/}" || return
  done
  for file in "$units_dir"/rcq-*.*; do
    [[ -f $file && ! -e $1/systemd/${file##*/} ]] || continue
    change "removing $file" rm -f -- "$file" || return
  done
  ((changes == before)) || change "telling systemd" systemctl daemon-reload
}

# keep_ipc SHARE: logind reads its settings again on SIGHUP; where it does not run it reads them when it starts.
keep_ipc() {
  put "$1/logind.conf.d/rcq.conf" "$etc_dir/systemd/logind.conf.d/rcq.conf" || return
  systemctl -q is-active systemd-logind.service || return 0
  [[ $(removes_ipc) == 'b false' ]] || change "telling logind to leave shared memory to running jobs" reload_logind
}

removes_ipc() {
  busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager RemoveIPC 2>/dev/null
}

reload_logind() {
  local pid
  pid=$(systemctl show --property MainPID --value systemd-logind.service)
  # 0 where it has just ended, and 0 would be this very script.
  [[ $pid =~ ^[0-9]+$ ]] && ((pid > 1)) && kill -HUP "$pid"
}

# manual_places SHARE: for each manual and completion where it is looked for, and its place in the release; a pair a line.
manual_places() {
  local file name
  for file in "$1"/man/*.[1-9] "$1"/completions/*; do
    [[ -f $file ]] || continue
    name=${file##*/}
    case $file in
      */man/*) printf '%s %s\n' "share/man/man${name##*.}/$name" "man/$name" ;;
      */_*) printf '%s %s\n' "share/zsh/site-functions/$name" "completions/$name" ;;
      *.fish) printf '%s %s\n' "share/fish/vendor_completions.d/$name" "completions/$name" ;;
      *) printf '%s %s\n' "share/bash-completion/completions/${name%.bash}" "completions/$name" ;;
    esac
  done
}

# link_manuals SHARE: links into the current release, so that they change with it.
link_manuals() {
  local to from
  while read -r to from; do
    point "$local_dir/$to" "$current/share/rcq/$from" || return
  done < <(manual_places "$1")
}
