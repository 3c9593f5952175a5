// Gives Prometheus what examples/syscount counts. It opens the pins read-only and has no object file: whoever pinned the object may
// upgrade it meanwhile, and the next scrape sees the new generation.
//
//   exporter.mjs [--listen 127.0.0.1:9435] [--root /sys/fs/bpf]
//
// It needs to be the owner of the pins, or read permission on them (bpfpin pin --mode 0755), and no capability.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { openPinned } from 'bpfpin'

const { values: options } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:9435' },
    root: { type: 'string', default: '/sys/fs/bpf' },
  },
})

let open

const server = createServer((request, response) => {
  if (request.method !== 'GET' || request.url !== '/metrics') {
    response.writeHead(404).end('the metrics are at /metrics\n')
    return
  }
  try {
    const text = metrics(current())
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
  } catch (error) {
    // not pinned, or not for this user: Prometheus shows the target as down, and tries again
    close()
    response.writeHead(503).end(`${error.message}\n`)
  }
})

/** The object as it is pinned now. */
function current() {
  if (open) {
    // throws where it was unpinned
    open.refresh()
    return open
  }
  open = openPinned('syscount', { root: options.root, readOnly: true })
  return open
}

function close() {
  open?.close()
  open = undefined
}

function metrics(syscount) {
  const processes = [...syscount.maps.get('processes')]
  const perProcess = field => processes.map(([pid, process]) => [{ pid, name: process.name }, process[field]])
  return [
    ...family('syscount_total', 'counter', 'System calls of all processes.', [
      [{}, syscount.variables.get('total').get()],
    ]),
    ...family('syscount_calls_total', 'counter', 'System calls by process.', perProcess('calls')),
    ...family('syscount_errors_total', 'counter', 'Those of them that failed.', perProcess('errors')),
    ...family('syscount_generation', 'gauge', 'How often the object was upgraded, and 1.', [
      [{}, syscount.generation],
    ]),
    '',
  ].join('\n')
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function family(name, type, help, samples) {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`),
  ]
}

/** A process may have any name: a quote, a backslash or a line end is written with a backslash. */
function labelText(labels) {
  const escaped = value => String(value).replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const [, host = '127.0.0.1', port = '9435'] = /^(.*):(\d+)$/.exec(options.listen) ?? []
server.listen({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) }, () => {
  console.log(`listening at http://${host}:${server.address().port}/metrics`)
})
server.on('error', error => {
  console.error(`exporter: ${error.message}`)
  process.exitCode = 1
})
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    close()
    server.close()
    server.closeAllConnections()
  })
}
