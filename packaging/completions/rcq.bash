# bash completion for rcq. Made by packaging/pages: change what it is made from.
# shellcheck shell=bash

_rcq() {
  local cur prev verb path at taken='' inner='' options='' valued='' operands='' words=''
  # `--option=value` comes as three words.
  cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  verb=${COMP_WORDS[1]} path=$verb
  if ((COMP_CWORD == 1)); then
    _rcq_words "submit run shell wait ingest import queue show why logs results cancel hold release requeue redo adopt edit gpus nodes plan drain resume reserve reservations unreserve usage stats simulate login logout whoami passwd token notify account group service demo web engine audit doctor backup restore replay --help --version"
    return
  fi

  case $verb in
    import) inner='slurm tsp' ;;
    token) inner='create list revoke' ;;
    notify) inner='show off set test' ;;
    account) inner='add list set disable passwd' ;;
    group) inner='add set list remove' ;;
    service) inner='list set' ;;
  esac
  if [[ $inner ]]; then
    if ((COMP_CWORD == 2)); then
      _rcq_words "$inner --help"
      return
    fi
    path="$verb ${COMP_WORDS[2]}"
  fi
  case "$path" in
    'submit')
      options='-h --help --gpus --gpu-type --gpu-memory --share --no-share --gpu-power --cores --memory --time --priority --preemptible --no-preemptible --idle-ok --no-idle-ok --name --group --service --workdir --env --after --begin --tag --retries --image --anywhere --no-anywhere --cron --file --snapshot --job-id --array --json --parsable --skip-sbatch --wait --dry-run'
      valued='--gpus --gpu-type --gpu-memory --gpu-power --cores --memory --time --priority --name --group --service --workdir --env --after --begin --tag --retries --image --cron --file --job-id --array --skip-sbatch'
      operands='command'
      ;;
    'run')
      options='-h --help --gpus --gpu-type --gpu-memory --share --no-share --gpu-power --cores --memory --time --priority --preemptible --no-preemptible --idle-ok --no-idle-ok --name --group --service --workdir --env --after --begin --tag --file --job-id'
      valued='--gpus --gpu-type --gpu-memory --gpu-power --cores --memory --time --priority --name --group --service --workdir --env --after --begin --tag --file --job-id'
      operands='command'
      ;;
    'shell')
      options='-h --help --gpus --gpu-type --gpu-memory --share --no-share --gpu-power --cores --memory --time --priority --preemptible --no-preemptible --idle-ok --no-idle-ok --name --group --service --workdir --env --after --begin --tag --file --job-id --for'
      valued='--gpus --gpu-type --gpu-memory --gpu-power --cores --memory --time --priority --name --group --service --workdir --env --after --begin --tag --file --job-id --for'
      operands='command'
      ;;
    'wait')
      options='-h --help --timeout --any --json'
      valued='--timeout'
      operands='job'
      ;;
    'ingest')
      options='-h --help --format --dry-run --resume --errors --json'
      valued='--format --errors'
      operands='file'
      ;;
    'import slurm')
      options='-h --help -o --output --in-place --skip-sbatch'
      valued='-o --output --skip-sbatch'
      operands='file'
      ;;
    'import tsp')
      options='-h --help --dry-run --take --keep --tsp --gpus --gpu-type --gpu-memory --share --no-share --gpu-power --cores --memory --time --priority --preemptible --no-preemptible --idle-ok --no-idle-ok --name --group --service --workdir --env --after --begin --tag --json'
      valued='--keep --tsp --gpus --gpu-type --gpu-memory --gpu-power --cores --memory --time --priority --name --group --service --workdir --env --after --begin --tag'
      ;;
    'queue')
      options='-h --help --state --mine --all --account --group --array --search --sort --reverse --fold --expand --since --until --by --limit --format --json --columns --times --raw'
      valued='--state --account --group --array --search --sort --since --until --by --limit --format --columns --times'
      ;;
    'show')
      options='-h --help --diff --json'
      operands='job'
      ;;
    'why')
      options='-h --help --json'
      operands='job'
      ;;
    'logs')
      options='-h --help -f --follow --stderr'
      operands='job'
      ;;
    'results')
      options='-h --help -o --output --force --code'
      valued='-o --output'
      operands='job'
      ;;
    'cancel')
      options='-h --help --all-mine --yes'
      operands='job'
      ;;
    'hold')
      options='-h --help'
      operands='job'
      ;;
    'release')
      options='-h --help'
      operands='job'
      ;;
    'requeue')
      options='-h --help'
      operands='job'
      ;;
    'redo')
      options='-h --help --json'
      operands='job'
      ;;
    'adopt')
      options='-h --help --time-limit --name --group --json'
      valued='--time-limit --name --group'
      ;;
    'edit')
      options='-h --help --gpus --gpu-type --gpu-memory --share --no-share --gpu-power --cores --memory --time --priority --preemptible --no-preemptible --idle-ok --no-idle-ok --name --group --service --workdir --env --after --begin --tag --retries --image --anywhere --no-anywhere --cron --unset'
      valued='--gpus --gpu-type --gpu-memory --gpu-power --cores --memory --time --priority --name --group --service --workdir --env --after --begin --tag --retries --image --cron --unset'
      operands='command'
      ;;
    'gpus')
      options='-h --help --watch --format --json --columns --times --raw'
      valued='--format --columns --times'
      ;;
    'nodes')
      options='-h --help --format --json --columns --times --raw'
      valued='--format --columns --times'
      ;;
    'plan')
      options='-h --help --hours --ascii --json'
      valued='--hours'
      ;;
    'drain')
      options='-h --help --why'
      valued='--why'
      operands='gpu'
      ;;
    'resume')
      options='-h --help'
      operands='gpu'
      ;;
    'reserve')
      options='-h --help --from --for --json'
      valued='--from --for'
      operands='gpu'
      ;;
    'reservations')
      options='-h --help --format --json --columns --times --raw'
      valued='--format --columns --times'
      ;;
    'unreserve')
      options='-h --help'
      operands='reservation'
      ;;
    'usage')
      options='-h --help --group --since --until --month --json --csv'
      valued='--group --since --until --month'
      ;;
    'stats')
      options='-h --help --json'
      ;;
    'simulate')
      options='-h --help --whatif --days --database --gpus --cores --memory-gb --groups --thermal --policy --policies --against --estimates --config --swf-cores-per-gpu --cut --shift --load --schedule --plot --json'
      valued='--days --database --gpus --cores --memory-gb --groups --policy --policies --against --estimates --config --swf-cores-per-gpu --cut --shift --load --schedule --plot'
      operands='file'
      ;;
    'login')
      options='-h --help --json --password-stdin'
      ;;
    'logout')
      options='-h --help'
      ;;
    'whoami')
      options='-h --help --json'
      ;;
    'passwd')
      options='-h --help --password-stdin'
      ;;
    'token create')
      options='-h --help --days --read-only --json'
      valued='--days'
      ;;
    'token list')
      options='-h --help --all --account --format --json --columns --times --raw'
      valued='--account --format --columns --times'
      ;;
    'token revoke')
      options='-h --help --account'
      valued='--account'
      operands='token'
      ;;
    'notify show')
      options='-h --help --json'
      ;;
    'notify off')
      options='-h --help --json'
      ;;
    'notify set')
      options='-h --help --on --mail --webhook --new-secret --command --no-command --terminal --min-run --json'
      valued='--on --mail --webhook --terminal --min-run'
      ;;
    'notify test')
      options='-h --help --json'
      ;;
    'account add')
      options='-h --help --role --group --unix-user --no-password --password-stdin --one-time'
      valued='--role --group --unix-user'
      ;;
    'account list')
      options='-h --help --format --json --columns --times --raw'
      valued='--format --columns --times'
      ;;
    'account set')
      options='-h --help --role --group --unix-user --manager --no-manager --enable --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --staged --gpus-of'
      valued='--role --group --unix-user --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --staged --gpus-of'
      operands='account'
      ;;
    'account disable')
      options='-h --help'
      operands='account'
      ;;
    'account passwd')
      options='-h --help --password-stdin --one-time'
      operands='account'
      ;;
    'group add')
      options='-h --help --priority --share --guarantee --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --staged --gpus-of'
      valued='--priority --share --guarantee --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --staged --gpus-of'
      ;;
    'group set')
      options='-h --help --priority --share --guarantee --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --staged --gpus-of'
      valued='--priority --share --guarantee --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --staged --gpus-of'
      operands='group'
      ;;
    'group list')
      options='-h --help --format --json --columns --times --raw'
      valued='--format --columns --times'
      ;;
    'group remove')
      options='-h --help'
      operands='group'
      ;;
    'service list')
      options='-h --help --format --json --columns --times --raw'
      valued='--format --columns --times'
      ;;
    'service set')
      options='-h --help --jobs-per-account --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --gpus-of'
      valued='--jobs-per-account --gpus --gpu-memory --cores --memory --jobs --gpu-hours --queued --submissions --ingest --gpus-of'
      operands='service'
      ;;
    'demo')
      options='-h --help --gpus --real'
      valued='--gpus'
      ;;
    'web')
      options='-h --help --port --host --sessions'
      valued='--port --host --sessions'
      ;;
    'engine')
      options='-h --help --system --config --socket --state-dir'
      valued='--config --socket --state-dir'
      ;;
    'audit')
      options='-h --help --account --action --target --since --until --limit --verify --format --json --columns --times --raw'
      valued='--account --action --target --since --until --limit --format --columns --times'
      ;;
    'doctor')
      options='-h --help --system --personal --config --json'
      valued='--config'
      ;;
    'backup')
      options='-h --help --to --system --config --state-dir'
      valued='--to --config --state-dir'
      ;;
    'restore')
      options='-h --help --system --config --state-dir'
      valued='--config --state-dir'
      operands='file'
      ;;
    'replay')
      options='-h --help --since --last --database --show --json'
      valued='--since --last --database --show'
      ;;
  esac
  # What stands before: whether an option waits for its value, or the job's own command has begun.
  for ((at = 2; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == '=' ]] && continue
    if [[ ${COMP_WORDS[at]} == -- ]]; then
      taken=yes
    elif [[ " $valued " == *" ${COMP_WORDS[at]} "* ]]; then
      ((at++))
    elif [[ ${COMP_WORDS[at]} != -* && $operands == command ]]; then
      taken=yes
      operands='file'
    fi
    [[ $taken ]] && break
  done
  if [[ ! $taken && " $valued " == *" $prev "* ]]; then
    case "$path $prev" in
      'submit --group') _rcq_kind group '' ;;
      'submit --service') _rcq_kind service '' ;;
      'submit --workdir') _rcq_kind directory '' ;;
      'run --group') _rcq_kind group '' ;;
      'run --service') _rcq_kind service '' ;;
      'run --workdir') _rcq_kind directory '' ;;
      'shell --group') _rcq_kind group '' ;;
      'shell --service') _rcq_kind service '' ;;
      'shell --workdir') _rcq_kind directory '' ;;
      'ingest --format') _rcq_kind words 'csv ndjson' ;;
      'ingest --errors') _rcq_kind file '' ;;
      'import slurm -o' | 'import slurm --output') _rcq_kind directory '' ;;
      'import tsp --group') _rcq_kind group '' ;;
      'import tsp --service') _rcq_kind service '' ;;
      'import tsp --workdir') _rcq_kind directory '' ;;
      'queue --state') _rcq_kind list 'held pending scheduled running completed failed cancelled preempted all' ;;
      'queue --account') _rcq_kind account '' ;;
      'queue --group') _rcq_kind group '' ;;
      'queue --sort') _rcq_kind words 'queue id submitted started ended priority gpus time_limit name account' ;;
      'queue --by') _rcq_kind words 'submitted started ended' ;;
      'queue --format') _rcq_kind words 'table json ndjson csv' ;;
      'queue --times') _rcq_kind words 'iso unix' ;;
      'results -o' | 'results --output') _rcq_kind file '' ;;
      'adopt --group') _rcq_kind group '' ;;
      'edit --group') _rcq_kind group '' ;;
      'edit --service') _rcq_kind service '' ;;
      'edit --workdir') _rcq_kind directory '' ;;
      'gpus --format') _rcq_kind words 'table json ndjson csv' ;;
      'gpus --times') _rcq_kind words 'iso unix' ;;
      'nodes --format') _rcq_kind words 'table json ndjson csv' ;;
      'nodes --times') _rcq_kind words 'iso unix' ;;
      'reservations --format') _rcq_kind words 'table json ndjson csv' ;;
      'reservations --times') _rcq_kind words 'iso unix' ;;
      'usage --group') _rcq_kind group '' ;;
      'simulate --database') _rcq_kind file '' ;;
      'simulate --groups') _rcq_kind file '' ;;
      'simulate --estimates') _rcq_kind words 'history limit actual last2' ;;
      'simulate --config') _rcq_kind file '' ;;
      'simulate --schedule') _rcq_kind file '' ;;
      'simulate --plot') _rcq_kind file '' ;;
      'token list --account') _rcq_kind account '' ;;
      'token list --format') _rcq_kind words 'table json ndjson csv' ;;
      'token list --times') _rcq_kind words 'iso unix' ;;
      'token revoke --account') _rcq_kind account '' ;;
      'notify set --terminal') _rcq_kind words 'off bell message both' ;;
      'account add --role') _rcq_kind words 'user admin' ;;
      'account add --group') _rcq_kind group '' ;;
      'account list --format') _rcq_kind words 'table json ndjson csv' ;;
      'account list --times') _rcq_kind words 'iso unix' ;;
      'account set --role') _rcq_kind words 'user admin' ;;
      'account set --group') _rcq_kind group '' ;;
      'group list --format') _rcq_kind words 'table json ndjson csv' ;;
      'group list --times') _rcq_kind words 'iso unix' ;;
      'service list --format') _rcq_kind words 'table json ndjson csv' ;;
      'service list --times') _rcq_kind words 'iso unix' ;;
      'engine --config') _rcq_kind file '' ;;
      'engine --socket') _rcq_kind file '' ;;
      'engine --state-dir') _rcq_kind directory '' ;;
      'audit --account') _rcq_kind account '' ;;
      'audit --format') _rcq_kind words 'table json ndjson csv' ;;
      'audit --times') _rcq_kind words 'iso unix' ;;
      'doctor --config') _rcq_kind file '' ;;
      'backup --to') _rcq_kind file '' ;;
      'backup --config') _rcq_kind file '' ;;
      'backup --state-dir') _rcq_kind directory '' ;;
      'restore --config') _rcq_kind file '' ;;
      'restore --state-dir') _rcq_kind directory '' ;;
      'replay --database') _rcq_kind file '' ;;
    esac
  elif [[ ! $taken && $cur == -* ]]; then
    _rcq_words "$options"
  else
    _rcq_kind "$operands" "$words"
  fi
}

# _rcq_words LIST: those that begin as the word does.
_rcq_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# _rcq_kind KIND LIST
_rcq_kind() {
  case $1 in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    command) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -c -f -- "$cur") ;;
    list) _rcq_list "$2" ;;
    words) _rcq_words "$2" ;;
    ?*) _rcq_asked "$1" ;;
  esac
}

# _rcq_list LIST: the same for the last of several with commas between.
_rcq_list() { mapfile -t COMPREPLY < <(compgen -W "$1" -P "${cur%"${cur##*,}"}" -- "${cur##*,}"); }

# _rcq_asked KIND: what the engine knows. These are names that other people chose: they are quoted, and never expanded.
_rcq_asked() {
  local word
  while IFS= read -r word; do
    word=${word%%$'	'*}
    if [[ $word == "$cur"* ]]; then
      printf -v word %q "$word"
      COMPREPLY+=("$word")
    fi
  done < <("${COMP_WORDS[0]}" __ids "$1" 2>/dev/null)
}

complete -F _rcq rcq
