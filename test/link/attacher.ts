// A process of its own that attaches and pins objects, says the ids of their links, and ends.
//   attacher.ts ROOT JOBS
import { type Job, type Report, specOf } from './job.ts'

const [root = '', jobs = '[]'] = process.argv.slice(2)
const report: Report = {}
for (const job of JSON.parse(jobs) as Job[]) {
  try {
    report[job.name] = specOf(job, root).upgrade().links.get(job.program).id
  } catch (error) {
    report[job.name] = String((error as Error).stack)
  }
}
console.log(JSON.stringify(report))
