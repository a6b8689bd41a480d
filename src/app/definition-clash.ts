import type { DefinitionParts } from '../topics/definition.ts'
import type { AnyDefinition } from '../topics/types.ts'
import { DefinitionClashError } from './errors.ts'

/** What has to be the very same value in both: what functions and schemas do cannot be compared. */
const compared: Readonly<Partial<Record<keyof DefinitionParts, string>>> = {
  schema: 'with two schemas',
  key: 'with two key functions',
  codec: 'with two codecs',
  discriminator: 'with two discriminators',
  external: 'as external and as ours',
  compacted: 'with compaction and without it',
  deduplicateMs: 'with two windows of deduplication',
}

/**
 * Two definitions of one name are the same topic when they were made of the same parts. Throws `DefinitionClashError`
 * naming all that differ: a copy in another module would check, key or read the same records in another way.
 */
export function expectSameDefinition(known: AnyDefinition, other: AnyDefinition): void {
  if (known === other) return
  const [first, second] = [known['~definition'].parts, other['~definition'].parts]
  const clashes = first.kind === second.kind ? [] : [`as a ${first.kind} and as a ${second.kind}`]
  for (const [part, what] of Object.entries(compared) as [keyof DefinitionParts, string][]) {
    if (first[part] !== second[part]) clashes.push(what)
  }
  if (first.exactPartitions && second.exactPartitions && first.partitions !== second.partitions)
    clashes.push(`with ${first.partitions} and with ${second.partitions} partitions`)
  if (first.retention?.timeMs !== second.retention?.timeMs || first.retention?.bytes !== second.retention?.bytes)
    clashes.push('with two retentions')
  if (!hasSameVersions(first, second)) clashes.push('with two versions or two sets of upcasts')
  if (clashes.length > 0) throw new DefinitionClashError(known.name, clashes)
}

function hasSameVersions({ versioning: first }: DefinitionParts, { versioning: second }: DefinitionParts): boolean {
  if (first?.version !== second?.version || first?.steps.size !== second?.steps.size) return false
  return [...(first?.steps ?? [])].every(([from, step]) => second?.steps.get(from) === step)
}
