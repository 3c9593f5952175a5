import type { Architecture } from './architectures.ts'

/**
 * The first program of a machine: mounts what a system has mounted, loads the modules, runs the tests, turns the
 * machine off.
 */
export function initScript(architecture: Architecture, checkout: string, args: readonly string[]): string {
  const output = `/dev/${architecture.output}`
  const report = `/dev/${architecture.report}`
  return `#!/bin/sh
export PATH=/usr/bin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ln -s /proc/self/fd /dev/fd
ip link set lo up
modules=/lib/modules/$(uname -r)
while read -r module; do insmod $modules/$module.ko; done < $modules/order

# what is written must arrive as it is
for port in ${output} ${report}; do stty -F $port raw -echo; done
ulimit -n 20000
cd '${checkout}'
export CI=true NO_COLOR=1 BPFPIN_MACHINE=$(uname -r)
node --import ./test/ts-hook.mjs --enable-source-maps test/run.mjs --report ${report} ${args.map(quoted).join(' ')} > ${output} 2>&1
poweroff -f
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
