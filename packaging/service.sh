# shellcheck shell=bash
# Starts, stops and asks the engine and its launcher. Jobs are units of their own, which nothing here touches.
# Sourced by appliance.sh; functions return 1 where a step failed. Must not know why.

: "${root:?install.sh sources this file}" "${dry_run:?}" "${current:?}" "${units_dir:?}" "${run_dir:?}" "${log?}" "${healthy_within_s:?}"

accounts='' # whether there are any, as the engine last told: True or False
stopped=0   # whether this run stopped it

engine_enabled() { systemctl -q is-enabled rcq-engine.service rcq-launcher.socket 2>/dev/null; }
engine_active() { ((!stopped)) && systemctl -q is-active rcq-engine.service && systemctl -q is-active rcq-launcher.socket; }

# start_engine: for this boot and all others; returns when the engine answers.
start_engine() {
  engine_enabled || change "enabling it for every boot" systemctl -q enable rcq-launcher.socket rcq-engine.service || return
  engine_active || change "starting it" systemctl start rcq-launcher.socket rcq-engine.service || return
  stopped=0
  ((dry_run)) || wait_healthy
}

# stop_engine: the launcher goes as well, so that both are of one release. What they were asked to do is in systemd.
stop_engine() {
  stopped=1
  change "stopping the engine (jobs run on)" halt_engine
}

# halt_engine: systemctl fails for a unit that is not there, and an older release has fewer.
halt_engine() {
  local unit
  local -a there=()
  stopped=1
  for unit in rcq-engine.service rcq-{launcher,notifier}.socket rcq-{launcher,notifier}.service; do
    [[ ! -e $units_dir/$unit ]] || there+=("$unit")
  done
  ((${#there[@]} == 0)) || systemctl stop "${there[@]}"
}

# ask_health: tells accounts, or fails with the reason.
ask_health() {
  "$current/bin/python" -I -c '
import sys
from rcq_tui.client.wire import Wire
from engine.protocol.errors import RcqError
try:
    print(Wire(sys.argv[1], timeout_s=10).request("GET", "/healthz")["accounts"])
except RcqError as error:
    sys.exit(str(error))
' "$run_dir/rcq.sock" </dev/null
}

wait_healthy() {
  local until=$((SECONDS + healthy_within_s))
  while ((SECONDS < until)); do
    # shellcheck disable=SC2034  # firstadmin.sh reads it
    accounts=$(ask_health 2>"$log") && return
    sleep 0.5
  done
  return 1
}

# why_not: the engine's last words, for a message.
why_not() {
  local told
  told=$(journalctl -q -u rcq-engine.service -n 20 -o cat --no-pager 2>/dev/null | grep -E 'rcq engine: |Error' | tail -n 1)
  printf '%s' "${told:-$(tail -n 1 "$log")}"
}
