import 'bpfpin'
