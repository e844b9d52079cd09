#!/bin/bash
# tests/booted/inside.sh: what is asked of echod's packages on a booted
# system; run.sh boots it.  Each point is a function, its lines are shown where
# it fails.  They build on each other, from installation to purge.
set -u
ini=/etc/echod.ini
drop_ins=/etc/systemd/system/echod.service.d
examples=/usr/share/doc/echod/examples
passed=0
failed=0
export LC_ALL=C.UTF-8 SYSTEMD_PAGER='' SYSTEMD_COLORS=0

# The service as it was installed, after a point that failed on its way.
start_anew() {
    rm -rf "$drop_ins"
    systemctl daemon-reload
    systemctl stop echod.socket
    with_default_ini
    systemctl restart echod.service
}

# point TITLE COMMAND...
point() {
    local title=$1 status
    shift
    (set -e; "$@") >/tmp/point 2>&1 </dev/null
    status=$?
    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
        echo "ok: $title"
        sed -n 's/^figure: /    /p' /tmp/point
    else
        failed=$((failed + 1))
        echo "not ok: $title"
        sed 's/^/    /' /tmp/point
        systemctl status -n 20 echod.service 2>&1 | sed 's/^/    /'
        start_anew >/dev/null 2>&1
    fi
}

# fails COMMAND...: "!" alone does not end a point.
fails() {
    if "$@"; then
        echo "did not fail: $*"
        return 1
    fi
}

# within SECONDS COMMAND...: it comes true in time.
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$until" ]; then
            echo "never: $*"
            return 1
        fi
        sleep 0.1
    done
}

# answers PORT: a line comes back, to a shell.
answers() {
    local fd line=
    exec {fd}<>"/dev/tcp/127.0.0.1/$1" || return 1
    echo hello >&"$fd"
    read -r -t 5 -u "$fd" line
    exec {fd}>&-
    [ "$line" = hello ]
}

# serves [PORT]: in both families, to echoc, which verifies what comes back.
serves() {
    [ "$(echo hello | echoc 127.0.0.1 "${1:-25000}")" = hello ] &&
        [ "$(echo hello | echoc ::1 "${1:-25000}")" = hello ]
}

silent() {
    fails answers "${1:-25000}" 2>/dev/null
}

main_pid() {
    systemctl show -P MainPID "${1:-echod.service}"
}

# logged TEXT: since the last mark.
mark() {
    journalctl --sync
    journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p' >/tmp/cursor
}

# (journalctl leaves out one more where it filters behind a cursor: grep does.)
new_lines() {
    journalctl --sync
    journalctl --after-cursor="$(cat /tmp/cursor)" -o short "$@"
}

logged() {
    new_lines | grep -e "$1"
}

with_ini() {
    printf '%s\n' "$@" >"$ini"
}

with_default_ini() {
    cat /tmp/default.ini >"$ini"
}

with_drop_in() {
    mkdir -p "$drop_ins"
    cat >"$drop_ins/test.conf"
    systemctl daemon-reload
}

without_drop_in() {
    rm -rf "$drop_ins"
    systemctl daemon-reload
}

# ---- the points ----

# Logs and caches are not echod's, and those who keep them have their ways.
all_files() {
    find / -xdev \( -path /out -o -path /packages -o -path /tmp -o \
        -path /run -o -path /proc -o -path /sys -o -path /dev -o \
        -path /var/log -o -path /var/cache -o -path '/var/lib/dpkg/*' -o \
        -path /var/lib/systemd -o -path /var/lib/rsyslog -o \
        -path /var/lib/logrotate -o -path /root \) -prune -o -print |
        LC_ALL=C sort
}

installs() {
    all_files >/tmp/before
    dpkg -i /packages/echod_*.deb /packages/echoc_*.deb
    cp "$ini" /tmp/default.ini
}

is_running_and_enabled() {
    systemctl is-active echod.service
    systemctl is-enabled echod.service
    [ "$(systemctl is-enabled echod.socket)" = disabled ]
}

is_nobody_that_may_nothing() {
    local status
    status=/proc/$(main_pid)/status
    cat "$status"
    fails grep -P '^Uid:\t0' "$status"
    grep -P '^CapEff:\t0+$' "$status"
    grep -P '^CapBnd:\t0+$' "$status"
    grep -P '^NoNewPrivs:\t1$' "$status"
    grep -P '^Seccomp:\t2$' "$status"
}

echoes() {
    serves
    head -c 3000000 /dev/urandom >/tmp/sent
    echoc localhost </tmp/sent >/tmp/received
    cmp /tmp/sent /tmp/received
}

is_in_the_journal() {
    mark
    answers 25000
    within 5 logged 'echod\[[0-9]*\]: disconnect id=.* in=6 out=6 .*reason=eof'
    new_lines -o json | grep '"SYSLOG_IDENTIFIER":"echod"' |
        grep disconnect >/tmp/json
    cat /tmp/json
    grep '"PRIORITY":"6"' /tmp/json
    grep '"SYSLOG_FACILITY":"3"' /tmp/json
    grep "\"SYSLOG_PID\":\"$(main_pid)\"" /tmp/json
    grep '"_SYSTEMD_UNIT":"echod.service"' /tmp/json
}

is_in_var_log_syslog() {
    within 5 grep -E 'echod\[[0-9]+\]: disconnect .*reason=eof' /var/log/syslog
    grep -E 'echod\[[0-9]+\]: connect ' /var/log/syslog
}

status_tells() {
    local fd
    exec {fd}<>/dev/tcp/127.0.0.1/25000
    within 5 eval 'systemctl status echod.service | grep "1 of at most"'
    exec {fd}>&-
    within 5 eval 'systemctl status echod.service | grep "0 of at most"'
}

has_man_pages() {
    local page
    for page in echod echod.ini echoc; do
        man "$page" >"/tmp/$page.txt" 2>"/tmp/$page.err"
        grep -q "^NAME" "/tmp/$page.txt"
        [ ! -s "/tmp/$page.err" ]
    done
    apropos echo >/tmp/apropos
    cat /tmp/apropos
    grep '^echod (8)' /tmp/apropos
    grep '^echod.ini (5)' /tmp/apropos
    grep '^echoc (1)' /tmp/apropos
}

# exposure UNIT MOST: in tenths.
exposure() {
    echo "figure: $1 $(systemd-analyze security "$1" | tail -n 1)"
    systemd-analyze security --threshold="$2" "$1" >/dev/null
}

units_are_right() {
    local said
    said=$(systemd-analyze verify echod.service echod.socket \
        echod@one.service 2>&1)
    echo "$said"
    [ -z "$said" ]
    exposure echod.service 11
}

reloads_and_keeps_its_clients() {
    local fd line pid
    pid=$(main_pid)
    mark
    exec {fd}<>/dev/tcp/127.0.0.1/25000
    with_ini '[limits]' 'max_clients = 900'
    systemctl reload echod.service
    within 5 logged 'reloaded /etc/echod.ini: .*limits.max_clients .*-> 900'
    within 5 eval 'systemctl status echod.service | grep "of at most 900"'
    echo still there >&"$fd"
    read -r -t 5 -u "$fd" line
    exec {fd}>&-
    [ "$line" = 'still there' ]
    [ "$(main_pid)" = "$pid" ]
    [ "$(systemctl show -P ActiveState echod.service)" = active ]
}

refuses_a_bad_file() {
    mark
    with_ini '[limits]' 'max_client = 9'
    fails systemctl reload echod.service
    systemctl is-active echod.service
    within 5 logged '/etc/echod.ini:2: '
    mark
    systemctl kill -s HUP --kill-who=main echod.service
    within 5 logged '/etc/echod.ini:2: '
    within 5 logged 'not reloaded'
    [ "$(systemctl show -P ActiveState echod.service)" = active ]
    serves
    with_default_ini
    systemctl reload echod.service
}

# pid is that of someone else and serves.
another_one_serves() {
    [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && serves
}

survives_a_crash() {
    local pid
    pid=$(main_pid)
    kill -SEGV "$pid"
    within 10 another_one_serves "$pid"
}

survives_a_hang() {
    local pid
    with_drop_in <<'END'
[Service]
WatchdogSec=1s
TimeoutAbortSec=1s
END
    systemctl restart echod.service
    pid=$(main_pid)
    mark
    # Longer than the watchdog waits: it is not silent by accident.
    sleep 3
    [ "$(main_pid)" = "$pid" ]
    kill -STOP "$pid"
    within 20 another_one_serves "$pid"
    logged 'Watchdog timeout'
    without_drop_in
    systemctl restart echod.service
}

does_not_try_again_in_vain() {
    with_ini '[server]' 'port = no'
    fails systemctl restart echod.service
    systemctl show -P ExecMainStatus echod.service | grep -x 78
    rm "$ini"
    fails systemctl restart echod.service
    systemctl show -P ExecMainStatus echod.service | grep -x 66
    sleep 2
    systemctl show -P ActiveState echod.service | grep -x failed
    systemctl show -P NRestarts echod.service | grep -x 0
    with_default_ini
    systemctl restart echod.service
    serves
}

waits_for_its_port() {
    local pid
    systemctl stop echod.service
    echod -e -o server.port=25000 2>/tmp/other.log &
    pid=$!
    within 5 answers 25000
    mark
    systemctl start --no-block echod.service
    within 5 logged 'cannot listen on .*Address already in use'
    kill "$pid"
    wait "$pid"
    within 10 systemctl is-active echod.service
    serves
}

does_without_rsyslog() {
    systemctl stop syslog.socket rsyslog.service
    serves
    mark
    systemctl start rsyslog.service
    answers 25000
    within 5 logged 'disconnect'
    within 5 eval 'tail -n 5 /var/log/syslog | grep disconnect'
}

# worker COUNT: so many connections, one after the other; how many answered.
worker() {
    local count=0 i
    for ((i = 0; i < $1; i++)); do
        if answers 25000; then
            count=$((count + 1))
        fi
    done
    echo "$count"
}

# account OF: connect and disconnect lines, logged and lost, are so many.
account() {
    local logged lost
    logged=$(new_lines | grep -c 'echod\[.*connect id=')
    lost=$(new_lines | sed -n 's/.*: \([0-9]*\) messages lost.*/\1/p' |
        awk '{ n += $1 } END { print n + 0 }')
    echo "lines logged $logged, lost $lost"
    [ $((logged + lost)) = "$1" ]
}

# Four workers: 2000 connections.
does_without_journald() {
    local pid answered i before after waiting=()
    with_drop_in <<'END'
[Service]
WatchdogSec=4s
END
    with_ini '[log]' 'rate = 0'
    systemctl restart echod.service
    pid=$(main_pid)
    mark
    systemctl kill -s STOP systemd-journald.service
    before=$SECONDS
    for i in 1 2 3 4; do
        worker 500 >"/tmp/worker.$i" &
        waiting+=($!)
    done
    wait "${waiting[@]}" || :
    # Two watchdog times, should it have gone quickly.
    while [ $((SECONDS - before)) -lt 8 ]; do
        sleep 0.5
    done
    after=$(main_pid)
    systemctl kill -s CONT systemd-journald.service
    answered=$(awk '{ n += $1 } END { print n }' /tmp/worker.?)
    echo "figure: answered $answered of 2000"
    [ "$answered" = 2000 ]
    [ "$after" = "$pid" ]
    answers 25000
    within 10 logged 'messages lost'
    within 10 account 4002 >/tmp/account
    sed -n '$s/^/figure: /p' /tmp/account
    mark
    answers 25000
    within 5 logged 'disconnect .*reason=eof'
    without_drop_in
    with_default_ini
    systemctl restart echod.service
}

is_activated_by_its_socket() {
    local i
    mkdir -p "$drop_ins"
    cp "$examples/socket-only.conf" "$drop_ins"
    systemctl daemon-reload
    systemctl stop echod.service
    systemctl start echod.socket
    [ "$(systemctl is-active echod.service)" = inactive ]
    mark
    serves
    systemctl is-active echod.service
    within 5 logged 'connect id=.* peer=127\.0\.0\.1:'
    exposure echod.service 2
    # The port is there all the time: nobody is refused in between.
    for i in 1 2 3; do
        systemctl restart --no-block echod.service
        serves
    done
    systemctl reload echod.service
    serves
    systemctl stop echod.socket echod.service
    without_drop_in
    systemctl start echod.service
}

runs_in_two_instances() {
    mkdir -p /etc/echod
    printf '[server]\nport = 25001\n' >/etc/echod/one.ini
    printf '[server]\nport = 25002\nlisten = *, unix:/run/echod-two/socket\n' \
        >/etc/echod/two.ini
    systemctl start echod@one.service echod@two.service
    serves 25001
    serves 25002
    [ "$(echo hello | echoc unix:/run/echod-two/socket)" = hello ]
    mark
    answers 25001
    within 5 eval 'new_lines -o json | grep echod@one | grep disconnect'
    fails eval 'new_lines -o json | grep echod@two | grep disconnect'
    systemctl stop echod@one.service
    silent 25001
    serves 25002
}

serves_port_7() {
    mkdir -p "$drop_ins"
    cp "$examples/port-7.conf" "$drop_ins"
    with_ini '[server]' 'port = 7'
    systemctl daemon-reload
    systemctl restart echod.service
    serves 7
    exposure echod.service 14
    without_drop_in
    with_default_ini
    systemctl restart echod.service
}

runs_by_its_init_script() {
    local pid
    export SYSTEMCTL_SKIP_REDIRECT=1
    systemctl stop echod.service
    /etc/init.d/echod start
    serves
    /etc/init.d/echod status
    pid=$(cat /run/echod.pid)
    [ "$(ps -o user= -p "$pid")" = nobody ]
    /etc/init.d/echod start
    /etc/init.d/echod reload
    kill -0 "$pid"
    with_ini '[server]' 'prot = 7'
    fails /etc/init.d/echod reload
    with_default_ini
    serves
    /etc/init.d/echod restart
    serves
    [ "$(cat /run/echod.pid)" != "$pid" ]
    /etc/init.d/echod stop
    silent
    fails /etc/init.d/echod status
    fails [ -e /run/echod.pid ]
    systemctl start echod.service
}

purges() {
    dpkg -P echod echoc
    silent
    rm -rf /etc/echod "$drop_ins"
}

# As an administrator does who has changed the file and answers "keep mine".
upgrades() {
    local instance
    dpkg -i /packages/older/echod.deb /packages/echoc_*.deb
    serves
    sed -i 's/^#* *max_clients *=.*/max_clients = 77/' "$ini"
    grep '^max_clients = 77' "$ini" || printf '[limits]\nmax_clients = 77\n' >>"$ini"
    cp "$ini" /tmp/edited.ini
    systemctl reload echod.service
    mkdir -p /etc/echod
    printf '[server]\nport = 25001\n' >/etc/echod/one.ini
    systemctl start echod@one.service
    instance=$(main_pid echod@one.service)
    dpkg --force-confold -i /packages/echod_*.deb
    cmp "$ini" /tmp/edited.ini
    cmp "$ini.dpkg-dist" /tmp/default.ini
    [ "$(dpkg-query -W -f '${Version}' echod)" != 0.9.0-1 ]
    systemctl is-enabled echod.service
    serves
    within 5 eval 'systemctl status echod.service | grep "of at most 77"'
    serves 25001
    [ "$(main_pid echod@one.service)" != "$instance" ]
}

removes() {
    dpkg -r echod
    silent
    silent 25001
    cmp "$ini" /tmp/edited.ini
    fails systemctl cat echod.service
}

leaves_nothing_behind() {
    dpkg -P echod echoc
    rm -r /etc/echod
    systemctl daemon-reload
    systemctl reset-failed
    all_files >/tmp/after
    diff /tmp/before /tmp/after
    fails eval 'find /run -name "*echod*" ! -path "/run/systemd/journal/*" |
        grep .'
    fails getent passwd echod
    fails eval 'systemctl list-unit-files | grep echod'
}

point 'dpkg -i installs both packages' installs
point 'the service is running and enabled, the socket unit is not' \
    is_running_and_enabled
point 'the process is nobody and may do nothing' is_nobody_that_may_nothing
point 'a real client gets its bytes back' echoes
point 'the journal has the lines, with severity, facility and unit' \
    is_in_the_journal
point '/var/log/syslog has the lines' is_in_var_log_syslog
point 'systemctl status tells how many clients there are' status_tells
point 'man and apropos find the pages' has_man_pages
point 'systemd-analyze has nothing to say, exposure at most 1.1' \
    units_are_right
point 'a good file is reloaded, clients stay' reloads_and_keeps_its_clients
point 'a bad file is refused, with its line, and changes nothing' \
    refuses_a_bad_file
point 'SIGSEGV: another one serves' survives_a_crash
point 'a hang: the watchdog starts another one' survives_a_hang
point 'a bad or missing file is not tried again and again' \
    does_not_try_again_in_vain
point 'a port that is taken is served as soon as it is free' \
    waits_for_its_port
point 'rsyslogd stopped: no client notices' does_without_rsyslog
point 'journald stopped: 2000 clients answered, the watchdog silent' \
    does_without_journald
point 'socket activation without a network, exposure at most 0.2' \
    is_activated_by_its_socket
point 'two instances side by side' runs_in_two_instances
point 'port 7, exposure at most 1.4' serves_port_7
point 'the init script starts, reloads and stops it, as nobody' \
    runs_by_its_init_script
point 'purge, for a new start' purges
point 'an edited file survives the upgrade from an older version' upgrades
point 'remove stops the service and keeps the file' removes
point 'purge leaves nothing' leaves_nothing_behind

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
