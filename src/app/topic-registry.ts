import type { Logger } from '../core/logger.ts'
import { KeyRequiredError, UnknownTopicError } from '../log/errors.ts'
import type { Log, Topic, TopicSpecification } from '../log/log.ts'
import type { AnyDefinition } from '../topics/types.ts'
import { expectSameDefinition } from './definition-clash.ts'
import { ExternalTopicMissingError } from './errors.ts'

/** The topics and queues of one app: what their names mean in it, and what the log has of them. */
export class TopicRegistry {
  readonly #log: () => Promise<Log>
  readonly #logger: Logger
  readonly #definitions = new Map<string, AnyDefinition>()
  readonly #ensured = new Set<AnyDefinition>()
  /** Those that were ensured for outputs: most calls ask for one of them again. */
  readonly #writable = new Set<AnyDefinition>()
  readonly #topics = new Map<string, Topic>()

  constructor({ log, logger }: { readonly log: () => Promise<Log>; readonly logger: Logger }) {
    this.#log = log
    this.#logger = logger
  }

  readonly known = (name: string): Topic | undefined => this.#topics.get(name)
  takesOutputs(definition: AnyDefinition): boolean {
    return this.#writable.has(definition)
  }

  /** What this app knows a topic by; undefined for one of another app. */
  definition(name: string): AnyDefinition | undefined {
    return this.#definitions.get(name)
  }

  /** Notes a definition. Throws `DefinitionClashError` when its name means something else in this app. */
  define(definition: AnyDefinition): void {
    const known = this.#definitions.get(definition.name)
    if (known === undefined) this.#definitions.set(definition.name, definition)
    else expectSameDefinition(known, definition)
  }

  /**
   * Creates what is missing. Throws `DefinitionClashError`, `ExternalTopicMissingError` and, for all clashes with the log
   * together, `TopicClashError`; then nothing was created.
   */
  async ensure(definitions: Iterable<AnyDefinition>): Promise<void> {
    const asked = [...new Set(definitions)].filter((definition) => !this.#ensured.has(definition))
    if (asked.length === 0) return
    for (const definition of asked) this.define(definition)
    const log = await this.#log()
    const isExternal = ({ '~definition': { parts } }: AnyDefinition) => parts.external === true
    await this.#meetExternal(log, asked.filter(isExternal))
    const own = asked.filter((definition) => !isExternal(definition))
    for (const topic of own.length === 0 ? [] : await log.ensureTopics(own.map(specify))) {
      this.#topics.set(topic.name, topic)
      if (topic.created) this.#logger.info(describeCreated(topic))
    }
    for (const definition of asked) this.#ensured.add(definition)
  }

  /**
   * As `ensure`, for what is to be written. Throws `KeyRequiredError` where records would have no key and the log's topic
   * keeps the last one of each key: found at the commit, it would fail all that commits with them.
   */
  async ensureOutputs(definitions: Iterable<AnyDefinition>): Promise<void> {
    const asked = [...definitions].filter((definition) => !this.#writable.has(definition))
    await this.ensure(asked)
    for (const {
      name,
      '~definition': { parts },
    } of asked) {
      if (parts.key === undefined && this.known(name)!.compacted) throw new KeyRequiredError(name)
    }
    for (const definition of asked) this.#writable.add(definition)
  }

  /** Creates a topic of the framework's own; one that is there is used with the count that it has. */
  async ensureInternal({ name, partitions }: { readonly name: string; readonly partitions: number }): Promise<void> {
    if (this.#topics.has(name)) return
    const log = await this.#log()
    const [topic] = await log.ensureTopics([{ name, partitions, exact: false }])
    this.#topics.set(name, topic!)
  }

  /** Looks topics up that must be in the log already. Throws `UnknownTopicError`. */
  async meet(names: readonly string[]): Promise<void> {
    const [missing] = await this.#lookUp(await this.#log(), names)
    if (missing !== undefined) throw new UnknownTopicError(missing)
  }

  async #meetExternal(log: Log, definitions: readonly AnyDefinition[]): Promise<void> {
    if (definitions.length === 0) return
    const names = new Set(definitions.map(({ name }) => name))
    const missing = await this.#lookUp(log, [...names])
    if (missing.length > 0) throw new ExternalTopicMissingError(missing, log.location)
  }

  /** Notes those that are there, returns the others. */
  async #lookUp(log: Log, names: readonly string[]): Promise<readonly string[]> {
    const topics = new Map((await log.topics()).map((topic) => [topic.name, topic]))
    return names.filter((name) => {
      const topic = topics.get(name)
      if (topic !== undefined) this.#topics.set(name, topic)
      return topic === undefined
    })
  }
}

function specify({ name, '~definition': { parts } }: AnyDefinition): TopicSpecification {
  const { partitions, exactPartitions: exact, compacted, retention } = parts
  // A definition without compaction takes the topic as it is: its owner may be another app.
  return { name, partitions, exact, ...(compacted === true && { compacted }), ...(retention && { retention }) }
}

function describeCreated({ name, partitions, compacted, retention: { timeMs, bytes } }: Topic): string {
  const bounds = [
    ...(timeMs === undefined ? [] : [`for ${timeMs} ms`]),
    ...(bytes === undefined ? [] : [`up to ${bytes} bytes a partition`]),
  ]
  const what = compacted ? 'the last record of each key is kept' : 'its records are kept'
  return `created ${name}: ${partitions} partitions, ${what} ${bounds.join(' and ') || 'for ever'}`
}
