/**
 * What of the library is loaded when it is first called, from files beside its main one. A part is named by files in src/ that
 * export functions and nothing else at run time; it holds them, and all that is reached through them alone. What several parts
 * reach is in the first of them.
 */
export const parts: Readonly<Record<string, readonly string[]>> = {
  /** Types: their parser, and values by them. */
  types: [
    'btf/codec',
    'btf/flexible',
    'btf/print',
    'btf/flavours',
    'map/kernels-btf',
    'map/address-prefix',
    'map/inner-map',
    'map/many',
    'spec/resize',
    'object/kernel-btf',
    'object/btf-file',
  ],
  /** Records that programs write, and waiting for them. */
  events: ['map/event-source', 'map/event-types', 'map/wakeups', 'syscall/poll'],
  /** What is pinned, for those who only read. */
  pinned: [
    ...['pin/generation', 'pin/pinned', 'pin/stranger', 'pin/watch', 'pin/manifest-map', 'pin/link-parts'],
    ...['pin/trusted-path', 'pin/identity', 'pin/list', 'pin/above'],
    ...['link/attached', 'link/iterator-file', 'syscall/bpf-link-info', 'object/tokens', 'api/absent'],
  ],
  /** Reading an object's file. */
  read: ['spec/parse', 'spec/targets'],
  /** Creating its maps, loading its programs. */
  load: ['object/load', 'object/kernel-config', 'object/core-target', 'spec/struct-ops/match'],
  /** Running programs by hand. */
  run: ['object/run'],
  /** Attaching them. */
  attach: ['link/attach'],
  /** Pinning, finding what is pinned, and all that changes it. */
  pin: [
    ...['pin/apply', 'pin/found', 'pin/unlisted', 'pin/planning', 'pin/reuse', 'pin/upgrade', 'pin/rollback'],
    ...['pin/unpin', 'pin/users', 'pin/finish', 'pin/recover', 'pin/recorded', 'pin/inodes', 'plan/compare'],
    ...['plan/steps'],
  ],
}
