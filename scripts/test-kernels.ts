// `npm run test:kernels` runs the kernel tests on other kernels, each in a virtual machine: docs/testing.md.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { commandLine, numberOf } from '../test/runner/command-line.mjs'
import type { Architecture } from './vm/architectures.ts'
import { writeImage } from './vm/image.ts'
import { type Kernel, kernelOf } from './vm/kernels.ts'
import { type MachineEnd, runMachine } from './vm/machine.ts'
import { type FileReport, ranNowhere } from './vm/report.ts'
import { systemFor } from './vm/system.ts'

const usage = `Usage: npm run test:kernels -- [options] [filter...]

  --kernel NAME     only this one, 6.1 or 6.12 or arm64; may be repeated
  --all             every test that can run there, which takes half an hour a kernel
  --timeout SEC     for one machine; default 900, and with --all 5400
  --help            this

The last line is 'N passed, N failed, N skipped' over all of them.`

const { values: options, positionals: filters } = commandLine(usage, {
  allowPositionals: true,
  options: {
    kernel: { type: 'string', multiple: true, default: ['6.1', '6.12', 'arm64'] },
    timeout: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
})
const timeoutSeconds = numberOf('timeout', options.timeout ?? (options.all ? '5400' : '900'))
const checkout = resolve(import.meta.dirname, '..')
const sum = { passed: 0, failed: 0, skipped: 0 }

process.on('exit', code => {
  if (sum.failed === 0 && (code !== 0 || sum.passed === 0)) sum.failed = 1
  if (sum.failed > 0) process.exitCode = 1
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
})

if (process.arch !== 'x64') throw new Error(`the machines are made on x86-64, this is ${process.arch}`)

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-machines-'))
process.on('exit', () => rmSync(scratch, { recursive: true }))
const kernels = options.kernel.map(kernelOf)
const images = new Map<Architecture, string>()
for (const architecture of new Set(kernels.map(kernel => kernel.architecture))) {
  const image = join(scratch, `${architecture.name}.cpio`)
  images.set(architecture, image)
  const its = kernels.filter(kernel => kernel.architecture === architecture)
  const chosen = filters.length > 0 ? filters : its.flatMap(kernel => kernel.filters)
  await writeImage(image, systemFor(architecture), checkout, its, { all: options.all, filters: chosen })
}
const reports = await Promise.all(kernels.map(run))
for (const problem of ranNowhere(kernels, reports.flat())) {
  sum.failed++
  console.log(problem)
}

async function run(kernel: Kernel): Promise<FileReport[]> {
  const onLine = (line: string): void => console.log(`${kernel.name.padEnd(5)} | ${line}`)
  onLine(`Linux ${kernel.release}`)
  const image = images.get(kernel.architecture)! // made above
  const ended = await runMachine({ kernel, image, scratch, timeoutSeconds, onLine })
  return judge(kernel, ended, onLine)
}

/** What the machine reported, if it ran to its end. */
function judge(kernel: Kernel, ended: MachineEnd, onLine: (line: string) => void): FileReport[] {
  const lines = existsSync(ended.report) ? readFileSync(ended.report, 'utf8').split('\n') : []
  // the last is cut off where a machine is
  const records = lines.slice(0, -1).map(line => JSON.parse(line) as FileReport | { end: true })
  const files = records.filter(record => 'file' in record)
  for (const { passed, failures, skips } of files) {
    sum.passed += passed
    sum.failed += failures.length
    sum.skipped += skips.length
  }
  if (!records.some(record => 'end' in record)) {
    sum.failed++
    const how = ended.timedOut ? `was stopped after ${timeoutSeconds} s` : 'stopped before the tests ended'
    onLine(`the machine ${how}. Its console ends with:`)
    for (const line of readFileSync(ended.console, 'utf8').trimEnd().split(/\r*\n/).slice(-40)) onLine(line)
  }
  onLine(`Linux ${kernel.release}: ${files.length} files in ${Math.round(ended.seconds)} s`)
  return files
}
