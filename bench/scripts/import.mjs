import * as bpfpin from 'bpfpin'

// a bundler leaves out what is not used
globalThis.bpfpin = bpfpin
