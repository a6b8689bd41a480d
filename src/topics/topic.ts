import type { Duration } from '../core/duration.ts'
import type { DefaultDiscriminator, DiscriminatorKey, Schema, SchemaInput, SchemaOutput } from '../core/schema.ts'
import type { Codec } from './codec.ts'
import { DefinitionCore } from './definition.ts'
import { readDefinition } from './read-definition.ts'
import type { Queue, Topic } from './types.ts'
import type { UpcastStep } from './versioning.ts'

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
  /**
   * How long records are kept: for ever by default (`'forever'` says so where it was otherwise), up to so many bytes a
   * partition, or both. Where it is left out, a topic that exists keeps what it has. (Kafka: `retention.ms`, `retention.bytes`.)
   */
  readonly retention?: { readonly time?: Duration | 'forever'; readonly bytes?: number }
  /**
   * The last value of each key is what counts: the log drops, in the background, what a later record of the same key
   * replaces. The topic needs a `key`, and a record without one is refused. (Kafka: `cleanup.policy=compact`.)
   */
  readonly compaction?: boolean
  /**
   * Version of the schema, 1 by default. From 2 on it is written to each record, in the header `millrace-version`; a
   * record without that header is of version 1. One that is newer than this definition cannot be read.
   */
  readonly version?: number
  /**
   * For records of older versions, on read, before the schema: from version n to n + 1, by n. Annotate the parameter with
   * the old shape. The steps up to `version` have no gap; a record older than the first one cannot be read.
   */
  readonly upcast?: { readonly [version: number]: UpcastStep }
  /**
   * Somebody else's topic: never created, configured or checked by us. An app that uses it and does not find it in the
   * log does not start (`ExternalTopicMissingError`). Its records need no header of ours: the id of one without is topic
   * id, partition and offset.
   */
  readonly external?: boolean
}
/** Of queues. */
export interface DeduplicateOption {
  /**
   * Of the tasks that are sent with the same `id` within the window, by the times at which they were sent, one is done: the
   * others are acknowledged and dropped, also while the first one waits, is held or is dead, and after a restart. A task
   * that was cancelled may be sent again. Of a queue with a key, tasks of one id must have one key. Ids that nobody gave
   * cost nothing. The window is 5 minutes by default; `false` does each of them. (Kafka has no such thing: its idempotent
   * producer knows its own retries only.)
   */
  readonly deduplicate?: false | { readonly window: Duration }
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
  options: TopicOptions<S, By> & DeduplicateOption & Partial<KeyOption<S>>,
): Queue<{ name: Name; input: SchemaInput<S>; output: SchemaOutput<S>; discriminator: By; keyed: boolean }>
export function queue(
  name: string,
  options: TopicOptions<Schema, string> & DeduplicateOption & Partial<KeyOption<Schema>>,
): Queue<{ name: string; input: unknown; output: unknown; discriminator: string; keyed: boolean }> {
  return { kind: 'queue', ...define('queue', name, options) }
}

function define(
  kind: 'topic' | 'queue',
  name: string,
  options: TopicOptions<Schema, string> & DeduplicateOption & Partial<KeyOption<Schema>>,
): { name: string; discriminator: string; '~definition': DefinitionCore } {
  const parts = readDefinition(kind, name, options)
  return { name, discriminator: parts.discriminator, '~definition': new DefinitionCore(parts) }
}
