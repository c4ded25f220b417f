# What runs on the target, under any POSIX sh, for one command of one job.
#
# It is read over stdin together with what it is to do (see fabric_wrapper.py), so nothing of it is ever in an
# argument list. hf_* variables and the function hf_env come with it; hf_main gets the command's words.
#
# A job has the files hf_at...: keeper (who waits for the command), go (made just before the command starts: whoever
# makes it decides whether it starts at all), child (the command's process), out, err, and rc, which holds three digits
# if and only if the end is known. They are hf_dir/keeper and so on where the base was given, in a directory whose making
# forbids a second start; elsewhere hf_dir.keeper and so on, and it is the making of rc that forbids it: a directory for
# each job costs a process, as much as all the rest.
#
# With hf_mode=serve it stays, and begins one command after the other as they are asked for on stdin: the next one
# then costs no login, no shell and no reading of this file. Each still gets a keeper, a directory and a session.
#
# Processes are what a short command's time goes into here: a word of the shell is taken before a program.

hf_say() { printf '%s %s\n' "$hf_nonce" "$*"; }

hf_nap() { sleep 0.1 2>/dev/null || sleep 1; }

# Takes hf_line apart, which is the stat of process $1.
hf_read_stat() {
  set -f
  set -- "$1" ${hf_line##*") "}
  set +f
  [ "$2" != Z ] || return 1
  hf_who="$1 ${21}-$hf_boot"
}

# hf_who is "pid start", so that a process number that was given away again is not taken for the old process.
hf_identity() {
  hf_who="$1 gone"
  kill -0 "$1" 2>/dev/null || return 1
  if [ -r "/proc/$1/stat" ]; then
    { read -r hf_line <"/proc/$1/stat"; } 2>/dev/null || return 1
    hf_read_stat "$1"
  else
    hf_who="$1 $(ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '-')"
  fi
}

# hf_rc is the exit code, where the end is known. Three digits, so that a number is never read half written.
hf_known() {
  hf_rc=
  { read -r hf_rc <"${hf_at}rc"; } 2>/dev/null
  case $hf_rc in [0-9][0-9][0-9]) return 0 ;; *) return 1 ;; esac
}

# Makes the file $1, which only one can.
hf_first() {
  set -C
  { printf '' >"$1"; } 2>/dev/null
  hf_made_it=$?
  set +C
  return "$hf_made_it"
}

# Whoever makes this decides whether the command starts.
hf_go() { hf_first "${hf_at}go"; }

# Whether somebody has begun the job.
hf_there() { [ -e "$hf_claimed" ]; }

# Begins the job, which only one can. Room for the exit code is taken now: the disk may be full when the command ends.
hf_claim() {
  if [ "$hf_given" = 1 ]; then
    [ "$hf_made" = 1 ] || mkdir "$hf_dir" || return
    printf '   \n' >"${hf_at}rc"
    return 0
  fi
  # A go without an rc was left by who forestalled an earlier begin. It must go before anybody else can forestall this one.
  [ ! -e "${hf_at}go" ] || hf_there || rm -f "${hf_at}go"
  hf_first "${hf_at}rc" || return
  printf '   \n' >"${hf_at}rc" && return
  hf_drop
  return 1
}

hf_alive() {
  [ -s "$1" ] || return 1
  read -r hf_pid hf_start <"$1" || return 1
  hf_identity "$hf_pid" && [ "$hf_who" = "$hf_pid $hf_start" ]
}

# One short line in one write: a reader finds the file empty or the line whole, and an empty file says nothing.
hf_write() { printf '%s\n' "$2" >"${hf_at}$1"; }

# The command itself, in a session of its own, so that it and its children can be stopped together.
hf_command() {
  hf_env
  umask "$hf_umask"
  if [ -n "$hf_setsid" ]; then
    exec "$hf_setsid" "$@"
  else
    exec "$@"
  fi
}

# Waits for the command and keeps its exit code, whatever becomes of the connection.
hf_keep() {
  # $$ is the shell this one was forked from. A shell reads byte by byte: the file is long, and read once.
  if [ -r /proc/self/stat ]; then
    read -r hf_me hf_line </proc/self/stat
    hf_read_stat "$hf_me"
  else
    hf_identity "$(exec sh -c 'echo $PPID')"
  fi
  hf_write keeper "$hf_who"
  hf_go || exit 0
  if [ "$hf_has_stdin" = 1 ]; then
    printf '%s' "$hf_stdin" | hf_command "$@" >"${hf_at}out" 2>"${hf_at}err" &
  else
    hf_command "$@" </dev/null >"${hf_at}out" 2>"${hf_at}err" &
  fi
  hf_child=$!
  hf_identity "$hf_child"
  hf_write child "$hf_who"
  wait "$hf_child"
  printf '%03d\n' "$?" 1<>"${hf_at}rc"
}

# A line each few seconds, so that the other side can tell a long command from a dead link.
hf_beats() {
  while :; do
    sleep "$hf_beat" >/dev/null 2>&1
    hf_say beat || exit 0
  done
}

hf_beats_on() {
  hf_beating=
  [ "$hf_beat" != 0 ] || return 0
  hf_beats &
  hf_beating=$!
}

hf_beats_off() {
  [ -n "$hf_beating" ] || return 0
  { kill "$hf_beating"; wait "$hf_beating"; } 2>/dev/null
}

hf_piece() {
  if [ -z "$hf_head" ]; then
    if head -c 1 </dev/null >/dev/null 2>&1; then hf_head=yes; else hf_head=no; fi
  fi
  if [ "$hf_head" = yes ]; then head -c "$2" "$1"; else cat "$1"; fi
}

hf_size() {
  hf_bytes=0
  [ ! -s "$1" ] || hf_bytes=$(($(wc -c <"$1")))
}

# Tells the end and sends what was printed.
hf_tell() {
  hf_size "${hf_at}out"
  hf_out=$hf_bytes
  hf_size "${hf_at}err"
  hf_err=$hf_bytes
  if [ "$hf_send" != 1 ] || [ "$hf_out$hf_err" = 00 ]; then
    # One write: each is a packet, and wakes everybody on its way.
    printf '%s result %s 0 0\n%s end\n' "$hf_nonce" "$hf_rc" "$hf_nonce"
  else
    hf_say result "$hf_rc" "$hf_out" "$hf_err"
    [ "$hf_out" = 0 ] || hf_piece "${hf_at}out" "$hf_out"
    [ "$hf_err" = 0 ] || hf_piece "${hf_at}err" "$hf_err"
    hf_say end
  fi
}

hf_drop() {
  if [ "$hf_given" = 1 ]; then
    rm -rf "$hf_dir"
  else
    rm -f "${hf_at}keeper" "${hf_at}go" "${hf_at}child" "${hf_at}out" "${hf_at}err" "${hf_at}rc"
  fi
}

# Tells the end, and takes the directory away when the other side says that it has it all. hf_known came before.
hf_result() {
  hf_tell
  [ "$hf_mode" != serve ] || exit 0
  hf_answer=
  read -r hf_answer
  if [ "$hf_answer" = taken ]; then
    hf_drop
    rmdir "$hf_base" 2>/dev/null
  fi
  exit 0
}

hf_refuse() {
  hf_say refused "$(printf '%s' "$1" | tr '\n' ' ')"
  exit 0
}

hf_absent() {
  hf_say absent
  exit 0
}

# Settles whether a command that was never begun may still begin: after this it never will, however late its keeper is.
# With a directory it finds nowhere to put its go; without one the go is left there for it to find.
hf_forestall() {
  if hf_go; then
    if [ "$hf_given" = 1 ]; then hf_drop; else rm -f "${hf_at}keeper" "${hf_at}rc"; fi
    hf_absent
  fi
}

# Follows a command that somebody else started, until its end is known or cannot be known any more.
hf_follow() {
  hf_beats_on
  hf_tries=0
  until hf_known; do
    if hf_alive "${hf_at}keeper" || hf_alive "${hf_at}child"; then
      hf_tries=0
    else
      # Looked at more than once: rc may have been written between two looks.
      hf_tries=$((hf_tries + 1))
      if [ "$hf_tries" -gt 20 ] && ! hf_known; then
        hf_beats_off
        hf_forestall
        hf_say gone
        exit 0
      fi
    fi
    hf_nap
  done
  hf_beats_off
  hf_result
}

# A base that was given is somebody else's to make: where it has gone, the job was given up.
hf_ground() { [ "$hf_given" = 1 ] || mkdir -p "$hf_base"; }

hf_start() {
  hf_tries=0
  until hf_problem=$(hf_ground 2>&1 && hf_claim 2>&1); do
    if hf_there; then
      hf_say exists
      hf_follow
    fi
    # The last job's files being taken away can take the base with them.
    hf_tries=$((hf_tries + 1))
    [ "$hf_tries" -lt 5 ] || hf_refuse "$hf_problem"
  done
  trap '' HUP
  hf_keep "$@" </dev/null >/dev/null 2>&1 &
  hf_keeper=$!
  hf_say started
  hf_beats_on
  wait "$hf_keeper"
  hf_beats_off
  hf_known || hf_follow
  hf_result
}

hf_attach() {
  hf_there || hf_absent
  hf_say found
  hf_follow
}

hf_signal() {
  read -r hf_pid hf_start <"${hf_at}child" || return 0
  kill -s "$1" -- "-$hf_pid" 2>/dev/null || kill -s "$1" "$hf_pid" 2>/dev/null
}

hf_stop() {
  hf_there || hf_absent
  ! hf_known || hf_result
  hf_forestall
  hf_tries=0
  until [ -s "${hf_at}child" ] || [ "$hf_tries" -ge 20 ]; do
    hf_tries=$((hf_tries + 1))
    hf_nap
  done
  if hf_alive "${hf_at}child"; then
    hf_say stopping
    hf_signal TERM
    hf_end=$(($(date +%s) + hf_grace))
    while ! hf_known && [ "$(date +%s)" -lt "$hf_end" ]; do hf_nap; done
    hf_known || hf_signal KILL
  fi
  hf_follow
}

# Whether the command's program is there for this account, looked up as exec would.
hf_check() {
  hf_env
  case $1 in
    */*) [ ! -f "$1" ] || [ ! -x "$1" ] || hf_found=$1 ;;
    *)
      IFS=:
      set -f
      for hf_place in $PATH; do
        if [ -f "$hf_place/$1" ] && [ -x "$hf_place/$1" ]; then
          hf_found=$hf_place/$1
          break
        fi
      done
      unset IFS
      ;;
  esac
  hf_near=$hf_base
  while [ ! -e "$hf_near" ]; do hf_near=${hf_near%/*}; done
  [ -d "$hf_near" ] && [ -w "$hf_near" ] || hf_refuse "$hf_near cannot be written to"
  if [ -n "$hf_found" ]; then hf_say present "$hf_found"; else hf_say missing; fi
}

# Signs of life on stderr, which carries nothing else here, for as long as the serving shell lives.
hf_pulse() {
  while sleep "$hf_beat" && kill -0 "$$" 2>/dev/null; do
    printf 'beat\n' >&2 || exit 0
  done
}

# Reads one request: one line that is whole in itself and begins with "!", or lines of shell up to the mark.
# Nothing is done unless all of it has come.
hf_request() {
  hf_text=
  while IFS= read -r hf_line; do
    case $hf_line in
      !*)
        hf_text=${hf_line#!}
        return 0
        ;;
      "$hf_mark") return 0 ;;
    esac
    hf_text=$hf_text$hf_line$hf_newline
  done
  return 1
}

hf_serve() {
  hf_newline='
'
  hf_left=
  trap '' HUP
  [ "$hf_beat" = 0 ] || hf_pulse </dev/null >/dev/null &
  hf_say ready
  while hf_request; do eval "$hf_text"; done
  hf_clear
  [ "$hf_given" = 1 ] || rmdir "$hf_base" 2>/dev/null
}

# hf_run RUN NAME NONCE WORD...: hf_take for a command in the usual place, without input or environment of its own.
hf_run() {
  hf_base=$HOME/.holdfast/jobs/$1
  hf_name=$2
  hf_nonce=$3
  shift 3
  hf_given=0
  hf_made=0
  hf_send=1
  hf_has_stdin=0
  hf_stdin=
  hf_env() { :; }
  hf_take "$@"
}

# Within hf_serve: begins the command, and tells its end. What is not the usual course happens in a shell of its own.
hf_take() {
  hf_place
  if hf_claim 2>/dev/null; then
    hf_keep "$@" </dev/null >/dev/null 2>&1 &
    wait "$!"
    if hf_known; then hf_tell; else (hf_follow); fi
  else
    # Where the shell beside is killed, what it had begun is followed from here.
    (hf_start "$@") || (hf_follow)
  fi
}

# hf_taken RUN NAME: the other side has it all. What several jobs have left goes at once, for one process.
hf_taken() {
  if [ "$hf_left_in" != "$HOME/.holdfast/jobs/$1" ]; then
    hf_clear
    hf_left_in=$HOME/.holdfast/jobs/$1
  fi
  hf_left="$hf_left $2"
  [ "${#hf_left}" -lt 800 ] || hf_clear
}

hf_clear() {
  [ -n "$hf_left" ] || return 0
  set --
  # The names hold nothing that a shell would take for more than themselves.
  for hf_one in $hf_left; do
    hf_one=$hf_left_in/$hf_one
    set -- "$@" "$hf_one.keeper" "$hf_one.go" "$hf_one.child" "$hf_one.out" "$hf_one.err" "$hf_one.rc"
  done
  rm -f "$@"
  hf_left=
}

hf_place() {
  hf_dir=$hf_base/$hf_name
  if [ "$hf_given" = 1 ]; then
    hf_at=$hf_dir/
    hf_claimed=$hf_dir
  else
    hf_at=$hf_dir.
    hf_claimed=$hf_dir.rc
  fi
}

hf_main() {
  hf_umask=$(umask)
  umask 077
  hf_boot=
  [ ! -r /proc/sys/kernel/random/boot_id ] || read -r hf_boot </proc/sys/kernel/random/boot_id
  hf_place
  hf_found=
  hf_head=
  hf_left_in=
  # Looked up once, and not for each command.
  hf_setsid=$(command -v setsid 2>/dev/null)
  "hf_$hf_mode" "$@"
}
