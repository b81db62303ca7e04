#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What any kernel must do: a line of TAP for each check; exits 1 when one failed.
number=0
failed=0

tell() { # VERDICT NAME
    number=$((number + 1))
    echo "$1 $number $2"
}

check() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >/dev/null 2>&1; then
        tell ok "$name"
        return
    fi
    tell "not ok" "$name"
    failed=1
}

no_oops() { ! dmesg | grep -qE 'Oops|BUG:|Call Trace'; }
loopback() { ping -c 1 -W 2 127.0.0.1; }

echo "TAP version 13"
echo "1..5"
check proc-mounted grep -q ' /proc ' /proc/mounts
check tmp-writable touch /tmp/smoke
check loopback loopback
check no-oops no_oops
if [ -d /sys/devices/system/cpu/cpu0/cpufreq ]; then
    check cpufreq grep -q . /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
else
    tell ok "cpufreq # SKIP the machine has none"
fi
exit $failed
