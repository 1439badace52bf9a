# shellcheck shell=bash
# The first account of a new appliance, and the words on what to do next. Sourced by appliance.sh.
# Must not know how passwords are kept.

: "${root:?install.sh sources this file}" "${dry_run:?}" "${current:?}" "${run_dir:?}" "${admin?}" "${accounts?}" "${log?}"

password='' # shown once, at the very end

# caller: the Unix user who called sudo; nothing for root itself.
caller() {
  local name=${SUDO_USER:-}
  [[ -n $name && $name != root ]] && getent passwd -- "$name" >/dev/null && printf '%s' "$name"
}

in_group() { id -nG -- "$1" 2>/dev/null | tr ' ' '\n' | grep -qx rcq-users; }

# first_admin: where there is no account yet. Only root and the engine's own user may make that one.
first_admin() {
  local person
  person=$(caller) || person=''
  admin=${admin:-${person:-admin}}
  if ((dry_run)); then
    step "making the first admin's account $admin, unless there is an account"
    return
  fi
  [[ $accounts == False ]] || return 0
  if [[ -n $person ]] && ! in_group "$person"; then
    change "letting $person run jobs" usermod -aG rcq-users "$person" || die "usermod failed: $(tail -n 1 "$log")"
  fi
  password=$("$current/bin/python" -I -c 'import secrets; print(secrets.token_urlsafe(15))')
  change "making the first admin's account $admin" add_admin "$admin" "$person" || {
    tail -n 5 "$log" >&2
    die "no account was made. Give another name: $(again) --admin NAME"
  }
}

# add_admin NAME UNIX-USER
add_admin() {
  local -a command=(runuser -u rcq -- env -i HOME=/ PATH=/usr/bin:/bin LANG=C.UTF-8 "RCQ_SOCKET=$run_dir/rcq.sock" "$current/bin/rcq")
  local -a words=(account add "$1" --role admin --password-stdin --one-time)
  [[ -z $2 ]] || words+=(--unix-user "$2")
  printf '%s\n' "$password" | "${command[@]}" "${words[@]}"
}

# what_next: for whoever has just installed.
what_next() {
  local person
  if [[ -n $password ]]; then
    person=$(caller) || person=''
    say "The first admin is $admin, one-time password (shown only now): $password"
    say "  next: rcq login $admin${person:+, or as Unix user $person just: rcq}"
  fi
  say 'To let ada in: usermod -aG rcq-users ada; rcq account add ada --unix-user ada --no-password'
  say "Settings: /etc/rcq/rcq.toml, then systemctl restart rcq-engine (jobs run on). Is all well? rcq doctor"
}
