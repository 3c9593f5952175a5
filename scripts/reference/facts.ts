// What the manual and docs/cli.md say besides what the commands say of themselves.

export const summary: string =
  'load BPF objects, pin them as a whole on bpffs, find them again, upgrade them in place'

export const description: string =
  'bpfpin loads a BPF object, attaches its programs, and pins maps, programs and links together in one directory on bpffs, so that ' +
  'they outlive the process. Run again, it finds them; given another version of the object, it puts that in their place, and maps keep ' +
  'what is in them. A NAME is that of the object, its file name less .bpf.o or .o; a path that begins with neither / nor ./ is below the root.'

export const exitCodes: readonly (readonly [string, string])[] = [
  ['0', 'It is done. Of doctor: bpfpin can pin here.'],
  ['1', 'It failed; stderr says what, why, and what to do. Of doctor: something is missing.'],
  ['2', 'The command line asks for something that does not exist.'],
  ['3', 'Refused, and nothing was changed: a map does not fit, others use it, or a link would miss events.'],
]

export const files: readonly (readonly [string, string])[] = [
  [
    '/sys/fs/bpf/NAME/maps, programs, links',
    "The pins of an object. bpffs takes no dots: '.bss' is pinned as ':bss'.",
  ],
  [
    '/sys/fs/bpf/NAME/~object',
    'Its manifest: what belongs together, which generation it is, and the types of its maps.',
  ],
  ['/sys/fs/bpf/NAME~prev', 'The generation before, kept for rollback.'],
  [
    '/sys/fs/bpf/NAME~next',
    'One that is being built or removed, or what is left of that: the next call clears it.',
  ],
]

export const environment: readonly (readonly [string, string])[] = [
  ['NO_COLOR', 'No colours, also on a terminal.'],
  ['LIBBPF_BPF_TOKEN_PATH', 'In a user namespace: the bpffs that delegates BPF to it; empty for none.'],
]

export const jsonRules: string =
  'With --json exactly one document is printed on stdout, also for an error: {"error": {"code", "message", "hint", ...}}. What goes on (log, --watch) prints one a line. Names in it ' +
  'are those of the object (.bss), paths those of the pins (maps/:bss). A decoded integer is a number up to 2^53 - 1 and beyond that a string of its ' +
  'digits; bytes are an array of numbers; a per-CPU value is an array with one value a CPU.'
