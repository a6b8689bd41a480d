import type { Log, Topic } from '../log/log.ts'
import { BatchWriter } from '../log/records/batch-writer.ts'
import type { Host } from '../runtime/attachment.ts'
import { encodeOutgoing, encodeTombstone, type Outgoing } from '../runtime/commit/outgoing.ts'
import { placeBy } from '../runtime/commit/output.ts'
import { OutputCollector } from '../runtime/commit/output-collector.ts'
import type { Position } from '../runtime/commit/position.ts'
import { KeylessRotation, Stager } from '../runtime/commit/stager.ts'
import type { Outputs, PublishOptions, SendOptions } from '../runtime/context.ts'
import { partitionOfKey } from '../topics/partitioner.ts'
import type { AnyDefinition, AnyTopic } from '../topics/types.ts'
import { LogPosition } from './log-position.ts'
import type { Published } from './types.ts'

/** One commit of `publishAll`: small enough to hold in memory twice, large enough that commits cost nothing. */
const chunkRecords = 2_000
const chunkBytes = 800_000
/** Commits of `publishAll` on their way at once; the log keeps their order. */
const chunksInFlight = 3

/** What an app publishes from outside of handlers. */
export class Publisher {
  readonly #host: Host
  readonly #rotation = new KeylessRotation()
  readonly #writer = new BatchWriter()

  constructor(host: Host) {
    this.#host = host
  }

  publish(definition: AnyDefinition, input: unknown, options?: PublishOptions | SendOptions): Promise<Published> {
    return this.#append(definition, encodeOutgoing(definition, input, this.#host, options))
  }

  tombstone(topic: AnyTopic, key: string): Promise<Published> {
    return this.#append(topic, encodeTombstone(topic, key, this.#host))
  }

  async publishAll(
    topic: AnyTopic,
    events: Iterable<unknown> | AsyncIterable<unknown>,
  ): Promise<{ readonly count: number; readonly position: Position }> {
    const { log } = await this.#ready(topic)
    const stager = new Stager(this.#host.knownTopic, this.#rotation)
    const inFlight: Promise<Position>[] = []
    let position: Position = `${log.id}:`
    let count = 0
    let records = 0
    let bytes = 0
    /** True when a commit's worth is staged. */
    const stage = (event: unknown): boolean => {
      const message = encodeOutgoing(topic, event, this.#host)
      stager.add(message)
      count++
      records++
      bytes += message.value?.length ?? 0
      return records >= chunkRecords || bytes >= chunkBytes
    }
    const send = async () => {
      records = 0
      bytes = 0
      const sent = this.#commit(log, stager)
      // Awaited later, in order: until then a rejection is not unhandled.
      sent.catch(() => {})
      inFlight.push(sent)
      // A turn of the event loop: the log writes this chunk now, and syncs it while the next is encoded.
      await new Promise((resolve) => setImmediate(resolve))
      if (inFlight.length >= chunksInFlight) position = await inFlight.shift()!
    }
    try {
      // Apart, because `for await` over values that are there costs a promise for each of them.
      if (Symbol.asyncIterator in events) {
        for await (const event of events) if (stage(event)) await send()
      } else {
        for (const event of events) if (stage(event)) await send()
      }
      if (records > 0) await send()
      for (const sent of inFlight) position = await sent
    } catch (error) {
      await Promise.allSettled(inFlight)
      throw error
    }
    return { count, position }
  }

  async transaction<R>(work: (outputs: Outputs) => R | Promise<R>): Promise<R> {
    const collector = new OutputCollector(this.#host)
    try {
      const result = await work(collector.outputs)
      await this.#host.ensureOutputs(collector.end())
      const log = await this.#host.log()
      const stager = new Stager(this.#host.knownTopic, this.#rotation)
      for (const message of collector.messages) stager.add(message)
      if (collector.messages.length > 0) await this.#commit(log, stager)
      return result
    } finally {
      collector.end()
    }
  }

  async #append(definition: AnyDefinition, message: Outgoing): Promise<Published> {
    const { log, topic } = await this.#ready(definition)
    const { id } = message
    const key = placeBy(message)
    const partition = key === null ? this.#rotation.next(topic) : partitionOfKey(key, topic.partitions)
    if (key === null) this.#rotation.endUnit()
    this.#writer.append(message)
    const batch = this.#writer.finish()
    const [offset] = await log.commit({ batches: [{ topic: topic.name, partition, batch }] })
    this.#host.progressed()
    return { id, position: new LogPosition(log.id, { topic: topic.name, partition, offset: offset! }) }
  }

  async #commit(log: Log, stager: Stager): Promise<Position> {
    const batches = stager.take()
    this.#rotation.endUnit()
    const offsets = await log.commit({ batches })
    this.#host.progressed()
    const { topic, partition, batch } = batches.at(-1)!
    return new LogPosition(log.id, { topic, partition, offset: offsets.at(-1)! + batch.count - 1 })
  }

  async #ready(definition: AnyDefinition): Promise<{ readonly log: Log; readonly topic: Topic }> {
    const log = await this.#host.log()
    if (!this.#host.takesOutputs(definition)) await this.#host.ensureOutputs([definition])
    return { log, topic: this.#host.knownTopic(definition.name)! }
  }
}
