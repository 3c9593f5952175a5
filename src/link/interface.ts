import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import type { InterfaceTarget } from '../spec/targets.ts'
import { interfaceIndex, systemError } from '../syscall/index.ts'

/** The index of the interface that a target means. @throws BpfError ENODEV where there is none of that name. */
export function indexOf({ interface: nameOrIndex }: InterfaceTarget, doing: string): number {
  if (typeof nameOrIndex === 'number') return nameOrIndex
  const index = interfaceIndex(nameOrIndex)
  if (index >= 0) return index
  throw systemError(index, 'ioctl(SIOCGIFINDEX)', {
    doing,
    hint: `there is no interface '${nameOrIndex}' in the network namespace of this process`,
  })
}

/** @throws BpfError `ERR_VALUE` where a target says what its family has not, or an index that would be cut to another. */
export function refuse(
  { name }: LinkOwner,
  target: InterfaceTarget,
  ...properties: (keyof InterfaceTarget)[]
): void {
  const { interface: index } = target
  if (typeof index === 'number' && !((index | 0) === index && index > 0)) {
    throw new BpfError(`program '${name}': ${index} is no index of an interface`, { code: 'ERR_VALUE' })
  }
  const wrong = properties.find(property => target[property] !== undefined)
  if (wrong === undefined) return
  throw new BpfError(`program '${name}': the target has '${wrong}', which a link of its kind has not`, {
    code: 'ERR_VALUE',
  })
}
