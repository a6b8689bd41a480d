import { toMilliseconds } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import { isName, nameRule } from '../core/names.ts'
import { isSchema, type Schema } from '../core/schema.ts'
import { type Codec, json } from './codec.ts'
import type { DefinitionParts } from './definition.ts'
import type { DeduplicateOption, TopicOptions } from './topic.ts'
import { readVersioning } from './versioning.ts'

/** Options without the types of their values. */
type UntypedOptions = TopicOptions<Schema, string> & DeduplicateOption & { readonly key?: (value: unknown) => string }

const defaultPartitions = { topic: 6, queue: 16 } as const
const defaultWindow = '5m'
const mostPartitions = 10_000
/** One for all: two definitions that say nothing of a codec have the same. */
const defaultCodec = json()

const known: Record<keyof UntypedOptions, true> = {
  schema: true,
  key: true,
  discriminator: true,
  codec: true,
  partitions: true,
  retention: true,
  compaction: true,
  version: true,
  upcast: true,
  external: true,
  deduplicate: true,
}

/** Checks the options of `topic()` and `queue()`. Throws `InvalidOptionsError` with every fault. */
export function readDefinition(kind: 'topic' | 'queue', name: string, options: UntypedOptions): DefinitionParts {
  const { schema, codec = defaultCodec, discriminator = 'type', partitions, key } = options ?? {}
  const { compaction = false, external = false } = options ?? {}
  const faults = new FaultList()
  faults.expect(isName(name), 'name', `give ${nameRule}`)
  faults.expect(
    !String(name).startsWith('millrace-'),
    'name',
    "names that begin with 'millrace-' are the framework's own",
  )
  faults.expectOnly(options, known)
  faults.expect(isSchema(schema), 'schema', 'give a Standard Schema (of zod, Valibot, ArkType …)')
  faults.expect(key === undefined || typeof key === 'function', 'key', 'give a function of the value')
  faults.expect(isCodec(codec), 'codec', 'give json(), text(), bytes() or an object with encode and decode')
  faults.expect(typeof discriminator === 'string' && discriminator !== '', 'discriminator', "give a property's name")
  const fits =
    partitions === undefined || (Number.isInteger(partitions) && partitions >= 1 && partitions <= mostPartitions)
  faults.expect(fits, 'partitions', `give a whole number from 1 to ${mostPartitions}`)
  faults.expect(typeof compaction === 'boolean', 'compaction', 'give true or false')
  faults.expect(
    compaction !== true || key !== undefined,
    'key',
    'a topic with compaction keeps a value a key: give one',
  )
  faults.expect(typeof external === 'boolean', 'external', 'give true or false')
  if (external === true) expectNothingOwned(options, faults)
  const retention = readRetention(options?.retention, faults)
  const versioning = readVersioning(options ?? {}, faults)
  const deduplicateMs = readDeduplicate(kind, options?.deduplicate, faults)
  faults.throwIfAny(`${kind} ${JSON.stringify(name)}`)
  return {
    kind,
    name,
    schema,
    codec,
    discriminator,
    key,
    partitions: partitions ?? defaultPartitions[kind],
    exactPartitions: partitions !== undefined,
    versioning,
    external,
    retention,
    compacted: compaction,
    deduplicateMs: kind === 'queue' ? deduplicateMs : undefined,
  }
}

const knownOfDeduplicate = { window: true } as const

function readDeduplicate(
  kind: 'topic' | 'queue',
  deduplicate: UntypedOptions['deduplicate'],
  faults: FaultList,
): number | undefined {
  faults.expect(deduplicate === undefined || kind === 'queue', 'deduplicate', 'is for queues')
  if (deduplicate === false) return undefined
  const isObject = deduplicate === undefined || (typeof deduplicate === 'object' && deduplicate !== null)
  faults.expect(isObject, 'deduplicate', "give { window: '5m' } or false")
  faults.expectOnly(deduplicate, knownOfDeduplicate, 'deduplicate.')
  const windowMs = faults.attempt('deduplicate.window', () => toMilliseconds(deduplicate?.window ?? defaultWindow))
  faults.expect(windowMs !== 0, 'deduplicate.window', 'give more than nothing, or deduplicate: false')
  return windowMs
}

/** What its owner decides. */
function expectNothingOwned(options: UntypedOptions, faults: FaultList): void {
  for (const name of ['partitions', 'retention', 'compaction'] as const) {
    faults.expect(options[name] === undefined, name, "is its owner's to decide for an external topic: leave it out")
  }
}

const knownOfRetention = { time: true, bytes: true } as const

function readRetention(option: UntypedOptions['retention'], faults: FaultList): DefinitionParts['retention'] {
  if (option === undefined) return undefined
  const isObject = typeof option === 'object' && option !== null
  faults.expect(isObject, 'retention', "give { time: '7d' }, { bytes: 1e9 } or both")
  if (!isObject) return undefined
  faults.expectOnly(option, knownOfRetention, 'retention.')
  const { time, bytes } = option
  const isUnbound = time === undefined || time === 'forever'
  const timeMs = isUnbound ? undefined : faults.attempt('retention.time', () => toMilliseconds(time))
  faults.expect(timeMs !== 0, 'retention.time', 'give more than nothing')
  const bytesFit = bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 1)
  faults.expect(bytesFit, 'retention.bytes', 'give a whole number of at least 1')
  return { ...(timeMs !== undefined && { timeMs }), ...(bytes !== undefined && { bytes }) }
}

function isCodec(codec: unknown): boolean {
  const candidate = codec as Partial<Codec> | null
  return typeof candidate?.encode === 'function' && typeof candidate.decode === 'function'
}
