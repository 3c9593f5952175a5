// Made by scripts/gen-attr.ts from the BTF of Linux 6.18; not edited by hand.
// Offsets in bytes. `size_` is the size of the whole.

/** Commands of bpf(2). */
export const command = {
  BPF_MAP_CREATE: 0,
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_UPDATE_ELEM: 2,
  BPF_MAP_DELETE_ELEM: 3,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_PROG_LOAD: 5,
  BPF_OBJ_PIN: 6,
  BPF_OBJ_GET: 7,
  BPF_PROG_ATTACH: 8,
  BPF_PROG_DETACH: 9,
  BPF_PROG_TEST_RUN: 10,
  BPF_PROG_RUN: 10,
  BPF_PROG_GET_NEXT_ID: 11,
  BPF_MAP_GET_NEXT_ID: 12,
  BPF_PROG_GET_FD_BY_ID: 13,
  BPF_MAP_GET_FD_BY_ID: 14,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_PROG_QUERY: 16,
  BPF_RAW_TRACEPOINT_OPEN: 17,
  BPF_BTF_LOAD: 18,
  BPF_BTF_GET_FD_BY_ID: 19,
  BPF_TASK_FD_QUERY: 20,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: 21,
  BPF_MAP_FREEZE: 22,
  BPF_BTF_GET_NEXT_ID: 23,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: 25,
  BPF_MAP_UPDATE_BATCH: 26,
  BPF_MAP_DELETE_BATCH: 27,
  BPF_LINK_CREATE: 28,
  BPF_LINK_UPDATE: 29,
  BPF_LINK_GET_FD_BY_ID: 30,
  BPF_LINK_GET_NEXT_ID: 31,
  BPF_ENABLE_STATS: 32,
  BPF_ITER_CREATE: 33,
  BPF_LINK_DETACH: 34,
  BPF_PROG_BIND_MAP: 35,
  BPF_TOKEN_CREATE: 36,
  BPF_PROG_STREAM_READ_BY_FD: 37,
} as const

/** BPF_LINK_TYPE_* */
export const linkType = {
  UNSPEC: 0,
  RAW_TRACEPOINT: 1,
  TRACING: 2,
  CGROUP: 3,
  ITER: 4,
  NETNS: 5,
  XDP: 6,
  PERF_EVENT: 7,
  KPROBE_MULTI: 8,
  STRUCT_OPS: 9,
  NETFILTER: 10,
  TCX: 11,
  UPROBE_MULTI: 12,
  NETKIT: 13,
  SOCKMAP: 14,
} as const

/** BPF_PERF_EVENT_* */
export const perfEventType = {
  UNSPEC: 0,
  UPROBE: 1,
  URETPROBE: 2,
  KPROBE: 3,
  KRETPROBE: 4,
  TRACEPOINT: 5,
  EVENT: 6,
} as const

/** union bpf_attr: the unnamed struct of map_type */
export const mapCreate = {
  map_type: 0, // u32
  key_size: 4, // u32
  value_size: 8, // u32
  max_entries: 12, // u32
  map_flags: 16, // u32
  inner_map_fd: 20, // u32
  numa_node: 24, // u32
  map_name: 28, // u8[16]
  map_ifindex: 44, // u32
  btf_fd: 48, // u32
  btf_key_type_id: 52, // u32
  btf_value_type_id: 56, // u32
  btf_vmlinux_value_type_id: 60, // u32
  map_extra: 64, // u64
  value_type_btf_obj_fd: 72, // s32
  map_token_fd: 76, // s32
  excl_prog_hash: 80, // u64
  excl_prog_hash_size: 88, // u32
  size_: 96,
} as const

/** union bpf_attr: the unnamed struct of map_fd */
export const mapElement = {
  map_fd: 0, // u32
  key: 8, // u64
  value: 16, // u64
  next_key: 16, // u64
  flags: 24, // u64
  size_: 32,
} as const

/** union bpf_attr: batch */
export const mapBatch = {
  in_batch: 0, // u64
  out_batch: 8, // u64
  keys: 16, // u64
  values: 24, // u64
  count: 32, // u32
  map_fd: 36, // u32
  elem_flags: 40, // u64
  flags: 48, // u64
  size_: 56,
} as const

/** union bpf_attr: the unnamed struct of prog_type */
export const progLoad = {
  prog_type: 0, // u32
  insn_cnt: 4, // u32
  insns: 8, // u64
  license: 16, // u64
  log_level: 24, // u32
  log_size: 28, // u32
  log_buf: 32, // u64
  kern_version: 40, // u32
  prog_flags: 44, // u32
  prog_name: 48, // u8[16]
  prog_ifindex: 64, // u32
  expected_attach_type: 68, // u32
  prog_btf_fd: 72, // u32
  func_info_rec_size: 76, // u32
  func_info: 80, // u64
  func_info_cnt: 88, // u32
  line_info_rec_size: 92, // u32
  line_info: 96, // u64
  line_info_cnt: 104, // u32
  attach_btf_id: 108, // u32
  attach_prog_fd: 112, // u32
  attach_btf_obj_fd: 112, // u32
  core_relo_cnt: 116, // u32
  fd_array: 120, // u64
  core_relos: 128, // u64
  core_relo_rec_size: 136, // u32
  log_true_size: 140, // u32
  prog_token_fd: 144, // s32
  fd_array_cnt: 148, // u32
  signature: 152, // u64
  signature_size: 160, // u32
  keyring_id: 164, // s32
  size_: 168,
} as const

/** union bpf_attr: the unnamed struct of pathname */
export const object = {
  pathname: 0, // u64
  bpf_fd: 8, // u32
  file_flags: 12, // u32
  path_fd: 16, // s32
  size_: 24,
} as const

/** union bpf_attr: the unnamed struct of ids */
export const progAttach = {
  target_fd: 0, // u32
  target_ifindex: 0, // u32
  attach_bpf_fd: 4, // u32
  attach_type: 8, // u32
  attach_flags: 12, // u32
  replace_bpf_fd: 16, // u32
  relative_fd: 20, // u32
  relative_id: 20, // u32
  expected_revision: 24, // u64
  size_: 32,
} as const

/** union bpf_attr: test */
export const testRun = {
  prog_fd: 0, // u32
  retval: 4, // u32
  data_size_in: 8, // u32
  data_size_out: 12, // u32
  data_in: 16, // u64
  data_out: 24, // u64
  repeat: 32, // u32
  duration: 36, // u32
  ctx_size_in: 40, // u32
  ctx_size_out: 44, // u32
  ctx_in: 48, // u64
  ctx_out: 56, // u64
  flags: 64, // u32
  cpu: 68, // u32
  batch_size: 72, // u32
  size_: 80,
} as const

/** union bpf_attr: the unnamed struct of ids */
export const byId = {
  start_id: 0, // u32
  prog_id: 0, // u32
  map_id: 0, // u32
  btf_id: 0, // u32
  link_id: 0, // u32
  next_id: 4, // u32
  open_flags: 8, // u32
  fd_by_id_token_fd: 12, // s32
  size_: 16,
} as const

/** union bpf_attr: info */
export const infoByFd = {
  bpf_fd: 0, // u32
  info_len: 4, // u32
  info: 8, // u64
  size_: 16,
} as const

/** union bpf_attr: query */
export const progQuery = {
  target_fd: 0, // u32
  target_ifindex: 0, // u32
  attach_type: 4, // u32
  query_flags: 8, // u32
  attach_flags: 12, // u32
  prog_ids: 16, // u64
  prog_cnt: 24, // u32
  count: 24, // u32
  prog_attach_flags: 32, // u64
  link_ids: 40, // u64
  link_attach_flags: 48, // u64
  revision: 56, // u64
  size_: 64,
} as const

/** union bpf_attr: raw_tracepoint */
export const rawTracepoint = {
  name: 0, // u64
  prog_fd: 8, // u32
  cookie: 16, // u64
  size_: 24,
} as const

/** union bpf_attr: the unnamed struct of btf */
export const btfLoad = {
  btf: 0, // u64
  btf_log_buf: 8, // u64
  btf_size: 16, // u32
  btf_log_size: 20, // u32
  btf_log_level: 24, // u32
  btf_log_true_size: 28, // u32
  btf_flags: 32, // u32
  btf_token_fd: 36, // s32
  size_: 40,
} as const

/** union bpf_attr: task_fd_query */
export const taskFdQuery = {
  pid: 0, // u32
  fd: 4, // u32
  flags: 8, // u32
  buf_len: 12, // u32
  buf: 16, // u64
  prog_id: 24, // u32
  fd_type: 28, // u32
  probe_offset: 32, // u64
  probe_addr: 40, // u64
  size_: 48,
} as const

/** union bpf_attr: link_create */
export const linkCreate = {
  prog_fd: 0, // u32
  map_fd: 0, // u32
  target_fd: 4, // u32
  target_ifindex: 4, // u32
  attach_type: 8, // u32
  flags: 12, // u32
  target_btf_id: 16, // u32
  iter_info: 16, // u64
  iter_info_len: 24, // u32
  perf_event: {
    bpf_cookie: 16, // u64
  },
  kprobe_multi: {
    flags: 16, // u32
    cnt: 20, // u32
    syms: 24, // u64
    addrs: 32, // u64
    cookies: 40, // u64
  },
  tracing: {
    target_btf_id: 16, // u32
    cookie: 24, // u64
  },
  netfilter: {
    pf: 16, // u32
    hooknum: 20, // u32
    priority: 24, // s32
    flags: 28, // u32
  },
  tcx: {
    relative_fd: 16, // u32
    relative_id: 16, // u32
    expected_revision: 24, // u64
  },
  uprobe_multi: {
    path: 16, // u64
    offsets: 24, // u64
    ref_ctr_offsets: 32, // u64
    cookies: 40, // u64
    cnt: 48, // u32
    flags: 52, // u32
    pid: 56, // u32
  },
  netkit: {
    relative_fd: 16, // u32
    relative_id: 16, // u32
    expected_revision: 24, // u64
  },
  cgroup: {
    relative_fd: 16, // u32
    relative_id: 16, // u32
    expected_revision: 24, // u64
  },
  size_: 64,
} as const

/** union bpf_attr: link_update */
export const linkUpdate = {
  link_fd: 0, // u32
  new_prog_fd: 4, // u32
  new_map_fd: 4, // u32
  flags: 8, // u32
  old_prog_fd: 12, // u32
  old_map_fd: 12, // u32
  size_: 16,
} as const

/** union bpf_attr: link_detach */
export const linkDetach = {
  link_fd: 0, // u32
  size_: 4,
} as const

/** union bpf_attr: enable_stats */
export const enableStats = {
  type: 0, // u32
  size_: 4,
} as const

/** union bpf_attr: iter_create */
export const iterCreate = {
  link_fd: 0, // u32
  flags: 4, // u32
  size_: 8,
} as const

/** union bpf_attr: prog_bind_map */
export const progBindMap = {
  prog_fd: 0, // u32
  map_fd: 4, // u32
  flags: 8, // u32
  size_: 12,
} as const

/** union bpf_attr: token_create */
export const tokenCreate = {
  flags: 0, // u32
  bpffs_fd: 4, // u32
  size_: 8,
} as const

/** union bpf_attr: prog_stream_read */
export const progStreamRead = {
  stream_buf: 0, // u64
  stream_buf_len: 8, // u32
  stream_id: 12, // u32
  prog_fd: 16, // u32
  size_: 24,
} as const

/** struct bpf_map_info */
export const mapInfo = {
  type: 0, // u32
  id: 4, // u32
  key_size: 8, // u32
  value_size: 12, // u32
  max_entries: 16, // u32
  map_flags: 20, // u32
  name: 24, // u8[16]
  ifindex: 40, // u32
  btf_vmlinux_value_type_id: 44, // u32
  netns_dev: 48, // u64
  netns_ino: 56, // u64
  btf_id: 64, // u32
  btf_key_type_id: 68, // u32
  btf_value_type_id: 72, // u32
  btf_vmlinux_id: 76, // u32
  map_extra: 80, // u64
  hash: 88, // u64
  hash_size: 96, // u32
  size_: 104,
} as const

/** struct bpf_prog_info */
export const progInfo = {
  type: 0, // u32
  id: 4, // u32
  tag: 8, // u8[8]
  jited_prog_len: 16, // u32
  xlated_prog_len: 20, // u32
  load_time: 40, // u64
  created_by_uid: 48, // u32
  nr_map_ids: 52, // u32
  map_ids: 56, // u64
  name: 64, // u8[16]
  ifindex: 80, // u32
  gpl_compatible: 84, // bit 0
  btf_id: 128, // u32
  run_time_ns: 192, // u64
  run_cnt: 200, // u64
  recursion_misses: 208, // u64
  verified_insns: 216, // u32
  attach_btf_obj_id: 220, // u32
  attach_btf_id: 224, // u32
  size_: 232,
} as const

/** struct bpf_btf_info */
export const btfInfo = {
  btf: 0, // u64
  btf_size: 8, // u32
  id: 12, // u32
  name: 16, // u64
  name_len: 24, // u32
  kernel_btf: 28, // u32
  size_: 32,
} as const

/** struct bpf_link_info */
export const linkInfo = {
  type: 0, // u32
  id: 4, // u32
  prog_id: 8, // u32
  raw_tracepoint: {
    tp_name: 16, // u64
    tp_name_len: 24, // u32
    cookie: 32, // u64
  },
  tracing: {
    attach_type: 16, // u32
    target_obj_id: 20, // u32
    target_btf_id: 24, // u32
    cookie: 32, // u64
  },
  cgroup: {
    cgroup_id: 16, // u64
    attach_type: 24, // u32
  },
  iter: {
    target_name: 16, // u64
    target_name_len: 24, // u32
    map: {
      map_id: 28, // u32
    },
    cgroup: {
      cgroup_id: 32, // u64
      order: 40, // u32
    },
    task: {
      tid: 32, // u32
      pid: 36, // u32
    },
  },
  netns: {
    netns_ino: 16, // u32
    attach_type: 20, // u32
  },
  xdp: {
    ifindex: 16, // u32
  },
  struct_ops: {
    map_id: 16, // u32
  },
  netfilter: {
    pf: 16, // u32
    hooknum: 20, // u32
    priority: 24, // s32
    flags: 28, // u32
  },
  kprobe_multi: {
    addrs: 16, // u64
    count: 24, // u32
    flags: 28, // u32
    missed: 32, // u64
    cookies: 40, // u64
  },
  uprobe_multi: {
    path: 16, // u64
    offsets: 24, // u64
    ref_ctr_offsets: 32, // u64
    cookies: 40, // u64
    path_size: 48, // u32
    count: 52, // u32
    flags: 56, // u32
    pid: 60, // u32
  },
  perf_event: {
    type: 16, // u32
    uprobe: {
      file_name: 24, // u64
      name_len: 32, // u32
      offset: 36, // u32
      cookie: 40, // u64
      ref_ctr_offset: 48, // u64
    },
    kprobe: {
      func_name: 24, // u64
      name_len: 32, // u32
      offset: 36, // u32
      addr: 40, // u64
      missed: 48, // u64
      cookie: 56, // u64
    },
    tracepoint: {
      tp_name: 24, // u64
      name_len: 32, // u32
      cookie: 40, // u64
    },
    event: {
      config: 24, // u64
      type: 32, // u32
      cookie: 40, // u64
    },
  },
  tcx: {
    ifindex: 16, // u32
    attach_type: 20, // u32
  },
  netkit: {
    ifindex: 16, // u32
    attach_type: 20, // u32
  },
  sockmap: {
    map_id: 16, // u32
    attach_type: 20, // u32
  },
  size_: 64,
} as const

/** struct perf_event_attr */
export const perfEventAttr = {
  type: 0, // u32
  size: 4, // u32
  config: 8, // u64
  sample_period: 16, // u64
  sample_type: 24, // u64
  freq: 41, // bit 2
  wakeup_events: 48, // u32
  config1: 56, // u64
  config2: 64, // u64
  size_: 136,
} as const
