#!/usr/bin/env bash
# Run our tests on the trial sandbox (Odoo Enterprise in a virtual machine), or look at it. --help tells all.
#
# The way there: ssh to the Proxmox host, and from it `qm guest exec` into the machine, which hands
# a command to the guest agent and answers in JSON. Each call carries a bash script on its standard
# input: the variables it needs (declare -p), the in_guest_* function to run (declare -f) and its
# name. So no value of ours is ever parsed by the host's shell, and bash itself does the quoting.
set -euo pipefail
export LC_ALL=C # patterns such as [a-z] mean ASCII, and lengths are bytes

readonly EXIT_USAGE=64 EXIT_UNPROVEN=65 EXIT_UNREACHABLE=69 EXIT_SANDBOX=70 EXIT_TIMEOUT=124
readonly PRODUCTION=nexamain

# qm refuses more than 1 MiB of standard input, and the agent encodes it once more.
readonly CHUNK_BYTES=$((512 * 1024))
readonly LOG_BYTES=$((256 * 1024))
readonly CALL_SECONDS=30 # qm waits so long, then answers with the process id only
readonly HOST_SECONDS=120
readonly SSH_OPTIONS=(-T -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=3)

usage() {
    cat <<USAGE
Usage: scripts/fcb_test_on_trial.sh [--probe [--json] | --help]

Packs our addons, ships them to the trial sandbox, installs or updates them there, runs their
tests and shows the output. The last line is FCB_EXIT=<code>, also the exit code; 0 is a pass.
Refuses to work on the production database ($PRODUCTION).

--probe looks before anything is changed: it prints what is there (Odoo, modules, packages, our
tables, settings) and each assumption of ours about Enterprise as confirmed, different or not
found, with what it means for billing. It ships one Python file, runs it in "odoo shell" in a READ
ONLY transaction, and touches neither addons nor data. Whatever it finds, it ends with 0 if it
could ask. --json: as one line that begins with {. Look first, then run the tests.

Our addons need OCA's queue_job, which is not shipped: it has to be on Odoo's addons path in the
machine (--probe tells), or its folder among FCB_ADDONS. With fusion_billing_graphql among them as
well, its tests run, too. Tests tagged "community" are of our Community addon: always left out.

Settings (environment, with their defaults):
  FCB_SSH_HOST=pve-worker1      Proxmox host, as ssh knows it; no password can be asked for
  FCB_VM=316                    id of the virtual machine
  FCB_DB=trial                  database: letters, digits, _ and -
  FCB_ADDONS="enterprise/fusion_subscription fusion_centralize_billing"
                                folders, absolute or within this checkout, without spaces;
                                each is installed under its last name
  FCB_ADDONS_PATH=/opt/odoo/custom-addons
                                folder in the machine; must be on Odoo's addons path
  FCB_ODOO=odoo                 Odoo's command in the machine; words are split at spaces
  FCB_ODOO_CONF=/etc/odoo/odoo.conf
                                its configuration; empty: Odoo looks by itself
  FCB_ODOO_USER=odoo            user that runs it; empty: the guest agent's (root)
  FCB_TEST_TAGS=                Odoo's --test-tags; empty: all of the addons
  FCB_TIMEOUT=3600              seconds for Odoo; then it is stopped
  FCB_GRACE=120                 seconds more for all the rest
  FCB_POLL=5                    seconds between two looks at the run
  FCB_RECONNECTS=30             failed calls in a row, once connected, before giving up
  FCB_REMOTE_TMP=/tmp           folder in the machine for temporary files

Exit codes:
  0    tests ran and all passed; with --probe: all questions were asked
  $EXIT_USAGE   refused: a setting is wrong, or production was named; nothing was contacted
  $EXIT_UNPROVEN   Odoo succeeded but proves nothing: no test ran, an addon was not loaded, or the
       probe did not come to its end
  $EXIT_UNREACHABLE   no usable answer: ssh, the machine, its guest agent, or qm's JSON
  $EXIT_SANDBOX   the sandbox is not fit: no Odoo, another run going on, disk full, restarted ...
  $EXIT_TIMEOUT  timeout
  130, 143  interrupted
  other     Odoo's own: 1 tests failed, 255 the database could not be loaded
USAGE
}

# === LOCAL HELPERS === #

say() { printf 'fcb: %s\n' "$*" >&2; }

die() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

# The last act in every case. Only what is known to be finished is removed from the guest.
finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM
    exec >&3 2>&4 # a signal may have come while a function's output was redirected
    if [[ $guest_has_files == yes ]]; then
        deadline=$((SECONDS + HOST_SECONDS))
        # In a subshell, for it must not keep us from the lines below.
        (try_guest in_guest_remove && ((guest_code == 0))) || say "could not remove $run_dir from VM $FCB_VM"
    fi
    rm -rf "$work"
    printf 'FCB_EXIT=%s\n' "$code"
    exit "$code"
}

pause() {
    ((SECONDS < deadline)) || give_up "$EXIT_TIMEOUT" "no result within FCB_TIMEOUT + FCB_GRACE${problem:+; last: $problem}"
    sleep "$FCB_POLL"
}

# The guest cannot be asked any more; a run that was started goes on there, and so do its files.
give_up() {
    if [[ $launched == yes && -n $problem ]]; then
        guest_has_files=no
        say "the run may still be going on; its log and exit code are in VM $FCB_VM, $run_dir"
    fi
    die "$@"
}

# === SETTINGS === #

# Sets mode and form.
read_arguments() {
    mode=test form=table
    case $*:$# in
    :0) ;;
    --probe:1) mode=probe ;;
    '--probe --json:2') mode=probe form=json ;;
    *) die "$EXIT_USAGE" "unknown arguments: $(printf '%q ' "$@")(see --help)" ;;
    esac
}

read_settings() {
    : "${FCB_SSH_HOST:=pve-worker1}" "${FCB_VM:=316}" "${FCB_DB:=trial}"
    : "${FCB_ADDONS:=enterprise/fusion_subscription fusion_centralize_billing}"
    : "${FCB_ADDONS_PATH:=/opt/odoo/custom-addons}" "${FCB_ODOO:=odoo}"
    : "${FCB_ODOO_CONF=/etc/odoo/odoo.conf}" "${FCB_ODOO_USER=odoo}" "${FCB_TEST_TAGS:=}"
    : "${FCB_TIMEOUT:=3600}" "${FCB_GRACE:=120}" "${FCB_POLL:=5}" "${FCB_RECONNECTS:=30}"
    : "${FCB_REMOTE_TMP:=/tmp}"
}

# In every setting: a host, a path or a configuration file of that name is production's as well.
# In the database's name, quotes, blanks and the like do not help to hide it.
refuse_production() {
    local name value
    for name in "${!FCB_@}"; do
        value=${!name}
        [[ $name != FCB_DB ]] || value=${value//[^[:alnum:]]/}
        [[ ${value,,} != *"$PRODUCTION"* ]] || die "$EXIT_USAGE" "refused: $name names the production database"
    done
}

check_setting() {
    local name=$1 pattern=$2
    [[ ${!name} =~ ^$pattern$ ]] || die "$EXIT_USAGE" "refused: $name=$(printf %q "${!name}") is not of the form $pattern"
}

check_settings() {
    local path='/[A-Za-z0-9_.+@/-]*[A-Za-z0-9_]' count='[0-9]{1,6}'
    check_setting FCB_DB '[A-Za-z0-9][A-Za-z0-9_-]{0,62}'
    check_setting FCB_SSH_HOST '[A-Za-z0-9_][A-Za-z0-9_.@:-]*'
    check_setting FCB_VM '[1-9][0-9]{2,8}'
    check_setting FCB_ADDONS_PATH "$path"
    check_setting FCB_REMOTE_TMP "$path"
    check_setting FCB_ODOO_CONF "($path)?"
    check_setting FCB_ODOO_USER '([a-z_][a-z0-9_-]*)?'
    check_setting FCB_TIMEOUT '[1-9][0-9]{0,5}'
    check_setting FCB_GRACE "$count"
    check_setting FCB_RECONNECTS "$count"
    check_setting FCB_POLL '[0-9]{1,4}([.][0-9]{1,3})?'
    read -ra odoo_command <<<"$FCB_ODOO"
    [[ ${#odoo_command[@]} -gt 0 && $FCB_ODOO != *$'\n'* ]] || die "$EXIT_USAGE" "refused: FCB_ODOO is not a command"
}

find_addons() {
    local checkout folder name words
    checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    read -ra words -d '' <<<"$FCB_ADDONS" || true # without its delimiter, read reports the end as an error
    for folder in "${words[@]}"; do
        [[ $folder == /* ]] || folder=$checkout/$folder
        name=$(basename -- "$folder")
        [[ $name =~ ^[a-z][a-z0-9_]*$ ]] || die "$EXIT_USAGE" "refused: not an addon's name: $(printf %q "$name")"
        [[ -f $folder/__manifest__.py ]] || die "$EXIT_USAGE" "refused: no __manifest__.py in $folder"
        [[ " ${addon_names[*]} " != *" $name "* ]] || die "$EXIT_USAGE" "refused: addon $name is listed twice"
        addon_names+=("$name")
        addon_parents+=("$(dirname -- "$folder")")
    done
    ((${#addon_names[@]})) || die "$EXIT_USAGE" "refused: FCB_ADDONS is empty"
}

check_local_tools() {
    local tool
    for tool in ssh python3 tar gzip base64 sha256sum split timeout od; do
        command -v "$tool" >/dev/null || die "$EXIT_USAGE" "this machine lacks $tool"
    done
}

# -u skips what is not installed and -i what is: together they serve a first run and all later ones.
# --no-http does not keep Odoo from listening when it tests: port 0 is any free one, so a running
# Odoo service in the machine is not in the way. The configuration may send the log to a file or
# hush it, and we read the log.
prepare_odoo_arguments() {
    local names tags
    if [[ $mode == probe ]]; then
        odoo_arguments=(shell ${FCB_ODOO_CONF:+-c "$FCB_ODOO_CONF"} -d "$FCB_DB" --no-http --workers 0 --logfile= --log-level error)
        return
    fi
    names=$(IFS=, && printf '%s' "${addon_names[*]}")
    # As scripts/test --enterprise: tests of what only our Community addon does have that tag.
    tags=${FCB_TEST_TAGS:-/${names//,/,/}},-community
    odoo_arguments=(-d "$FCB_DB" -i "$names" -u "$names" --no-http --http-port 0 --http-interface 127.0.0.1 --workers 0
        --logfile= --log-level info --test-enable --test-tags "$tags" --stop-after-init)
    [[ -z $FCB_ODOO_CONF ]] || odoo_arguments=(-c "$FCB_ODOO_CONF" "${odoo_arguments[@]}")
}

# === TALKING TO THE GUEST === #

# Run a command on the host. Sets call_state to "done" or "running", with guest_code or guest_pid;
# the guest's output is in $work/out and $work/err. Fails with the reason in $problem.
ask_host() {
    local status=0 told
    # SC2029: the command is made here on purpose, of constants and checked numbers.
    # shellcheck disable=SC2029
    timeout --foreground "$HOST_SECONDS" ssh "${SSH_OPTIONS[@]}" "$FCB_SSH_HOST" "$1" >"$work/answer" 2>"$work/told" 3>&- 4>&- || status=$?
    told=$(head -c 500 "$work/told" | tr -s '[:space:]' ' ')
    if ((status)); then
        problem="VM $FCB_VM on $FCB_SSH_HOST does not answer (exit code $status): $told"
    elif ! read_answer >"$work/parsed" 2>/dev/null; then
        problem="qm's answer is not usable: $(head -c 200 "$work/answer" | tr -c '[:print:]' ' ') $told"
    else
        problem=
        read -r call_state guest_code guest_pid <"$work/parsed"
        return 0
    fi
    return 1
}

read_answer() {
    python3 - "$work" <<'PYTHON'
import json, pathlib, sys

work = pathlib.Path(sys.argv[1])
answer = json.loads((work / "answer").read_bytes().decode(errors="replace"), strict=False)
if answer.get("out-truncated") or answer.get("err-truncated"):
    sys.exit("the agent dropped a part of the output")
(work / "out").write_text(str(answer.get("out-data", "")), errors="replace", encoding="utf-8")
(work / "err").write_text(str(answer.get("err-data", "")), errors="replace", encoding="utf-8")
if answer.get("exited"):
    # A process that a signal killed has no exit code.
    print("done", int(answer["exitcode"]) if "exitcode" in answer else 128 + int(answer["signal"]), 0)
elif "exited" in answer:
    print("running", 0, 0)
else:
    print("running", 0, int(answer["pid"]))
PYTHON
}

# Run one in_guest_* function in the guest, its input (for in_guest_receive) on ours.
try_guest() {
    local pid
    {
        echo 'set -eu; cd /'
        declare -p "${GUEST_VARIABLES[@]}"
        declare -f "${GUEST_FUNCTIONS[@]}"
        # The data travels within the script; base64 cannot hold the end marker.
        printf '%s <<"FCB_END"\n' "$1"
        [[ -z ${2:-} ]] || cat "$2"
        printf 'FCB_END\n'
    } >"$work/script"
    ask_host "qm guest exec $FCB_VM --pass-stdin 1 --timeout $CALL_SECONDS -- /bin/bash -s" <"$work/script" || return
    pid=$guest_pid
    while [[ $call_state == running ]]; do
        pause
        ask_host "qm guest exec-status $FCB_VM $pid" </dev/null || return
    done
}

# As try_guest, but a call that got no answer is made again: all in_guest_* functions can be repeated.
# Before the first answer there is nothing to lose, and a wrong host is told at once.
guest() {
    local left=0
    [[ $guest_has_files == no ]] || left=$FCB_RECONNECTS
    until try_guest "$@"; do
        ((left-- > 0)) || give_up "$EXIT_UNREACHABLE" "$problem"
        say "$problem; trying again"
        pause
    done
}

guest_step() {
    guest "$@"
    ((guest_code == 0)) || die "$EXIT_SANDBOX" "the sandbox is not fit (exit code $guest_code): $(cat "$work/err" "$work/out")"
}

# === IN THE GUEST === #
# These functions are shipped and run there. Each may run twice if a connection drops.

readonly GUEST_VARIABLES=(mode run_id run_dir PRODUCTION LOG_BYTES log_offset chunk checksum addon_names odoo_command odoo_arguments
    FCB_ADDONS_PATH FCB_ODOO_CONF FCB_ODOO_USER FCB_TIMEOUT)
readonly GUEST_FUNCTIONS=(in_guest_prepare in_guest_receive in_guest_launch in_guest_job in_guest_unpack in_guest_install in_guest_swap in_guest_odoo
    in_guest_poll in_guest_remove in_guest_stop)

# shellcheck disable=SC2317,SC2329  # called by name, in the guest
{
    in_guest_prepare() {
        local tool
        for tool in base64 sha256sum tar gzip flock timeout "${odoo_command[0]}" ${FCB_ODOO_USER:+runuser}; do
            command -v "$tool" >/dev/null || { echo "command not found: $tool" && return 1; }
        done
        # The probe tells of it by itself.
        [[ $mode == probe || -d $FCB_ADDONS_PATH ]] || { echo "no such folder: $FCB_ADDONS_PATH" && return 1; }
        [[ -z $FCB_ODOO_USER ]] || id -u "$FCB_ODOO_USER" >/dev/null || return 1
        if [[ -n $FCB_ODOO_CONF ]]; then
            [[ -f $FCB_ODOO_CONF ]] || { echo "no such file: $FCB_ODOO_CONF" && return 1; }
            ! grep -qi "$PRODUCTION" "$FCB_ODOO_CONF" || { echo "$FCB_ODOO_CONF names production" && return 1; }
        fi
        [[ -d $run_dir ]] || mkdir -m 700 "$run_dir"
    }

    in_guest_receive() {
        cat >"$run_dir/incoming.$chunk.$$"
        mv "$run_dir/incoming.$chunk.$$" "$run_dir/part.$chunk"
    }

    # The agent waits for the end of the output of what it started, so the run must not inherit it.
    # set -m gives the run a process group of its own, by which it can be stopped.
    in_guest_launch() {
        mkdir "$run_dir/started" 2>/dev/null || return 0
        set -m
        in_guest_job </dev/null >"$run_dir/log" 2>&1 &
        echo $! >"$run_dir/job.pid"
    }

    in_guest_job() {
        local result='install 1'
        set +em
        umask 022
        if in_guest_unpack && { [[ $mode == probe ]] || in_guest_install; }; then
            in_guest_odoo
            result="odoo $?"
            # 137: it had to be killed because it did not stop when told to.
            [[ $result != 'odoo 124' && ! ($result == 'odoo 137' && $SECONDS -ge $FCB_TIMEOUT) ]] || result='timeout 124'
        fi
        echo "$result" >"$run_dir/exit.new"
        mv "$run_dir/exit.new" "$run_dir/exit"
    }

    in_guest_unpack() {
        cat "$run_dir"/part.* | base64 -d >"$run_dir/payload" || return
        echo "$checksum  $run_dir/payload" | sha256sum -c --quiet
    }

    # The lock is the kernel's: it lasts until Odoo has ended, however that happens.
    in_guest_install() {
        local fresh=$FCB_ADDONS_PATH/.fcb-$run_id
        exec 9<"$FCB_ADDONS_PATH" || return
        flock -n 9 || { echo "another run is using $FCB_ADDONS_PATH" && return 1; }
        mkdir "$fresh" "$fresh/new" "$fresh/old" || return
        tar -xzf "$run_dir/payload" -C "$fresh/new" --no-same-owner || return
        in_guest_swap "$fresh" || return
        rm -rf "$fresh"
    }

    # Unpacked beside their place, so that the change is a rename: Odoo never sees half an addon.
    in_guest_swap() {
        local name
        for name in "${addon_names[@]}"; do
            if [[ -e $FCB_ADDONS_PATH/$name || -L $FCB_ADDONS_PATH/$name ]]; then
                mv "$FCB_ADDONS_PATH/$name" "$1/old/$name" || return
            fi
            mv "$1/new/$name" "$FCB_ADDONS_PATH/$name" || return
        done
    }

    in_guest_odoo() {
        local as_user=() input=/dev/null
        # Opened by us: Odoo's user cannot look into our folder.
        [[ $mode != probe ]] || input=$run_dir/payload
        if [[ -n $FCB_ODOO_USER ]]; then
            as_user=(runuser -u "$FCB_ODOO_USER" -- env "HOME=$(getent passwd "$FCB_ODOO_USER" | cut -d: -f6)")
        fi
        SECONDS=0
        timeout --kill-after=10 "$FCB_TIMEOUT" "${as_user[@]}" "${odoo_command[@]}" "${odoo_arguments[@]}" <"$input" &
        echo $! >"$run_dir/odoo.pid"
        wait $!
    }

    # First the state, then the log: a run that was over before we read has no more to say after it.
    in_guest_poll() {
        local state=running
        if [[ -f $run_dir/job.pid ]] && ! kill -0 "$(<"$run_dir/job.pid")" 2>/dev/null; then
            state='vanished 0'
        fi
        [[ ! -f $run_dir/exit ]] || state=$(<"$run_dir/exit")
        [[ -d $run_dir ]] || state='vanished 0'
        echo "$state"
        # As base64, because the log may hold any byte and JSON may not.
        [[ ! -f $run_dir/log ]] || tail -c "+$((log_offset + 1))" "$run_dir/log" | head -c "$LOG_BYTES" | base64 -w 0
    }

    in_guest_remove() {
        local fresh=$FCB_ADDONS_PATH/.fcb-$run_id name
        in_guest_stop
        for name in "${addon_names[@]}"; do
            # Stopped in the midst of the swap: give the old addon back.
            [[ ! -e $fresh/old/$name || -e $FCB_ADDONS_PATH/$name ]] || mv "$fresh/old/$name" "$FCB_ADDONS_PATH/$name"
        done
        rm -rf "$fresh" "$run_dir"
    }

    # timeout(1) has made a process group of its own with Odoo in it, hence two groups.
    # Not once there is a result: the numbers could belong to other processes by then.
    in_guest_stop() {
        local file _try
        [[ -f $run_dir/job.pid ]] || return 0
        [[ ! -f $run_dir/odoo.pid || -f $run_dir/exit ]] || kill -s TERM -- "-$(<"$run_dir/odoo.pid")" 2>/dev/null || true
        for _try in {1..50}; do
            [[ ! -f $run_dir/exit ]] || return 0
            kill -0 "$(<"$run_dir/job.pid")" 2>/dev/null || break
            sleep 0.1
        done
        for file in "$run_dir/odoo.pid" "$run_dir/job.pid"; do
            [[ ! -f $file ]] || kill -s KILL -- "-$(<"$file")" 2>/dev/null || true
        done
    }
}

# === STEPS === #

pack_addons() {
    local i members=()
    for i in "${!addon_names[@]}"; do
        members+=(-C "${addon_parents[i]}" "${addon_names[i]}")
    done
    tar -c --exclude=__pycache__ --exclude='*.pyc' --exclude=.git --owner=0 --group=0 --mode=u=rwX,go=rX \
        "${members[@]}" | gzip -n >"$work/payload"
}

pack_probe() {
    python3 -B "$(dirname "${BASH_SOURCE[0]}")/enterprise_probe/bundle.py" "$FCB_ADDONS_PATH" "$form" >"$work/payload"
}

ship() {
    local part
    checksum=$(sha256sum <"$work/payload" | cut -d' ' -f1)
    base64 "$work/payload" | split -b "$CHUNK_BYTES" -d -a 4 - "$work/part."
    for part in "$work"/part.*; do
        chunk=${part##*.}
        # A chunk may end within a line; the end marker must start one.
        echo >>"$part"
        guest_step in_guest_receive "$part"
    done
}

# Show what is new in the log; tells by its result whether there may be more right now.
show_log() {
    local size
    tail -n +2 "$work/out" | base64 -d >"$work/piece"
    tee -a "$work/log" <"$work/piece"
    size=$(wc -c <"$work/piece")
    log_offset=$((log_offset + size))
    ((size == LOG_BYTES))
}

# Sets run_state and run_code once the run is over and its whole log was shown.
follow() {
    run_state=running
    while [[ $run_state == running ]]; do
        guest_step in_guest_poll
        read -r run_state run_code <"$work/out" || true # "running" stands alone
        if show_log; then
            run_state=running
        elif [[ $run_state == running ]]; then
            pause
        fi
    done
}

judge() {
    case $run_state in
    odoo) ;;
    timeout) die "$EXIT_TIMEOUT" "Odoo did not end within $FCB_TIMEOUT s and was stopped" ;;
    install) die "$EXIT_SANDBOX" "the addons could not be put in place, see above" ;;
    *) die "$EXIT_SANDBOX" "the run vanished without a result: was the machine restarted, or the run killed?" ;;
    esac
    if [[ $mode == probe ]]; then
        ((run_code == 0)) || die "$run_code" "odoo shell ended with $run_code: could it load database $FCB_DB?"
        check_everything_was_asked
    else
        ((run_code == 0)) || die "$run_code" "Odoo ended with $run_code (1: tests failed, 255: the database could not be loaded)"
        check_something_was_tested
        check_addons_were_loaded
    fi
}

# Odoo's shell is content with any input.
check_everything_was_asked() {
    grep -Eq '^probe: [0-9]+ rows: ' "$work/log" || die "$EXIT_UNPROVEN" "the probe did not come to its end"
}

# Odoo is content when no test matches the tags.
check_something_was_tested() {
    local summary failed errors tests
    summary=$(grep -Eo '[0-9]+ failed, [0-9]+ error\(s\) of [0-9]+ tests when loading database' "$work/log" | tail -n 1) || true
    [[ -n $summary ]] || die "$EXIT_UNPROVEN" "no test summary in the log: does the configuration send it elsewhere?"
    read -r failed _ errors _ _ tests _ <<<"$summary"
    ((tests > 0)) || die "$EXIT_UNPROVEN" "no test ran: are the test tags right?"
    ((failed + errors == 0)) || die 1 "$failed tests failed, $errors ended in an error"
    say "$tests tests passed"
}

# Odoo is also content when an addon is not on its addons path or lacks a dependency.
check_addons_were_loaded() {
    local name
    for name in "${addon_names[@]}"; do
        grep -q "Module $name loaded in " "$work/log" ||
            die "$EXIT_UNPROVEN" "$name was neither installed nor updated: is $FCB_ADDONS_PATH on Odoo's addons path, is a dependency missing?"
    done
}

main() {
    case $*:$# in
    --help:1 | -h:1) usage && exit 0 ;;
    esac
    # From here on every end, also an unforeseen one, is told by FCB_EXIT.
    work=$(mktemp -d "${TMPDIR:-/tmp}/fcb.XXXXXXXX")
    guest_has_files=no launched=no problem='' chunk='' checksum='' log_offset=0
    addon_names=() addon_parents=()
    exec 3>&1 4>&2
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    read_arguments "$@"
    read_settings
    refuse_production
    check_settings
    check_local_tools
    [[ $mode == probe ]] || find_addons
    prepare_odoo_arguments
    run_id=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    run_dir=$FCB_REMOTE_TMP/fcb_run.$run_id
    deadline=$((SECONDS + FCB_TIMEOUT + FCB_GRACE))

    if [[ $mode == probe ]]; then
        pack_probe
        say "shipping the probe to VM $FCB_VM on $FCB_SSH_HOST"
    else
        pack_addons
        say "shipping ${addon_names[*]} to VM $FCB_VM on $FCB_SSH_HOST"
    fi
    guest_step in_guest_prepare
    guest_has_files=yes
    ship
    say "running the ${mode/test/tests} on database $FCB_DB"
    launched=yes
    guest_step in_guest_launch
    deadline=$((SECONDS + FCB_TIMEOUT + FCB_GRACE))
    follow
    judge
}

main "$@"
