// A process of its own that opens a pinned object for reading and prints what it finds.
import { openPinned } from '../../src/index.ts'

const [name = '', root = ''] = process.argv.slice(2)
try {
  using object = openPinned(name, { root, readOnly: true })
  const { maps, programs, links, variables } = object
  const found = {
    user: process.geteuid?.(),
    totals: maps.get('totals').get(0),
    entered: variables.get('entered').get(),
    weight: variables.get('weight').get(),
    programs: [...programs.names()],
    links: [...links].map(link => [link.name, link.type, link.target]),
  }
  console.log(JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? Number(value) : value)))
} catch (error) {
  console.log(JSON.stringify({ code: (error as { code?: string }).code, message: String(error) }))
}
