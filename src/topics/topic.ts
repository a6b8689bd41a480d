import { FaultList } from '../core/faults.ts'
import { isName, nameRule } from '../core/names.ts'
import type { DefaultDiscriminator, DiscriminatorKey, Schema, SchemaInput, SchemaOutput } from '../core/schema.ts'
import { isSchema } from '../core/schema.ts'
import { type Codec, json } from './codec.ts'
import { DefinitionCore } from './definition.ts'
import type { Queue, Topic } from './types.ts'

/** How a topic or queue is defined. */
export interface TopicOptions<S extends Schema, By extends string> {
  /** Any Standard Schema, synchronous. Publishers give its input, stored as given; handlers get its output. */
  readonly schema: S
  /** Property that names the event: `'type'` by default where the schema has one. */
  readonly discriminator?: By
  /** `json()` by default. */
  readonly codec?: Codec
  /** 6 for a topic, 16 for a queue. Where it is left out, a topic that exists is used with the count that it has. */
  readonly partitions?: number
}
interface KeyOption<S extends Schema> {
  /** Records with one key are in one partition, in order. */
  readonly key: (value: SchemaOutput<S>) => string
}

/**
 * Defines a topic: a name, a schema, and perhaps a key. A value; the topic is created when an app first uses it.
 * Without `key` its records have none: they go to the partitions in turn and have no order among each other.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * const orders = topic('order-events', { schema: OrderEvent, key: (event) => event.orderId })
 * ```
 */
export function topic<
  const Name extends string,
  S extends Schema,
  By extends DiscriminatorKey<SchemaOutput<S>> = DefaultDiscriminator<SchemaOutput<S>>,
>(
  name: Name,
  options: TopicOptions<S, By> & KeyOption<S>,
): Topic<{ name: Name; input: SchemaInput<S>; output: SchemaOutput<S>; discriminator: By; keyed: true }>
export function topic<
  const Name extends string,
  S extends Schema,
  By extends DiscriminatorKey<SchemaOutput<S>> = DefaultDiscriminator<SchemaOutput<S>>,
>(
  name: Name,
  options: TopicOptions<S, By>,
): Topic<{ name: Name; input: SchemaInput<S>; output: SchemaOutput<S>; discriminator: By; keyed: false }>
export function topic(
  name: string,
  options: TopicOptions<Schema, string> & Partial<KeyOption<Schema>>,
): Topic<{ name: string; input: unknown; output: unknown; discriminator: string; keyed: boolean }> {
  return { kind: 'topic', ...define('topic', name, options) }
}

/**
 * Defines a queue of tasks: 16 partitions, no key by default, so that tasks run in any order on any worker.
 * With `key`, tasks of one key run one after the other, in order.
 *
 * @throws InvalidOptionsError with every fault of the options.
 */
export function queue<
  const Name extends string,
  S extends Schema,
  By extends DiscriminatorKey<SchemaOutput<S>> = DefaultDiscriminator<SchemaOutput<S>>,
>(
  name: Name,
  options: TopicOptions<S, By> & Partial<KeyOption<S>>,
): Queue<{ name: Name; input: SchemaInput<S>; output: SchemaOutput<S>; discriminator: By; keyed: boolean }>
export function queue(
  name: string,
  options: TopicOptions<Schema, string> & Partial<KeyOption<Schema>>,
): Queue<{ name: string; input: unknown; output: unknown; discriminator: string; keyed: boolean }> {
  return { kind: 'queue', ...define('queue', name, options) }
}

const defaultPartitions = { topic: 6, queue: 16 } as const
const mostPartitions = 10_000

function define(
  kind: 'topic' | 'queue',
  name: string,
  options: TopicOptions<Schema, string> & Partial<KeyOption<Schema>>,
): { name: string; discriminator: string; '~definition': DefinitionCore } {
  const { schema, codec = json(), discriminator = 'type', partitions, key } = options ?? {}
  const faults = new FaultList()
  faults.expect(isName(name), 'name', `give ${nameRule}`)
  faults.expect(
    !String(name).startsWith('millrace-'),
    'name',
    "names that begin with 'millrace-' are the framework's own",
  )
  faults.expect(isSchema(schema), 'schema', 'give a Standard Schema (of zod, Valibot, ArkType …)')
  faults.expect(key === undefined || typeof key === 'function', 'key', 'give a function of the value')
  faults.expect(isCodec(codec), 'codec', 'give json(), text(), bytes() or an object with encode and decode')
  faults.expect(typeof discriminator === 'string' && discriminator !== '', 'discriminator', "give a property's name")
  const fits =
    partitions === undefined || (Number.isInteger(partitions) && partitions >= 1 && partitions <= mostPartitions)
  faults.expect(fits, 'partitions', `give a whole number from 1 to ${mostPartitions}`)
  faults.throwIfAny(`${kind} ${JSON.stringify(name)}`)
  const core = new DefinitionCore({
    kind,
    name,
    schema,
    codec,
    discriminator,
    key,
    partitions: partitions ?? defaultPartitions[kind],
    exactPartitions: partitions !== undefined,
  })
  return { name, discriminator, '~definition': core }
}

function isCodec(codec: unknown): boolean {
  const candidate = codec as Partial<Codec> | null
  return typeof candidate?.encode === 'function' && typeof candidate.decode === 'function'
}
