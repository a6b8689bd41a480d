import type { Log } from '../log/log.ts'
import { commandTopic } from '../runtime/parking/command.ts'
import { deadLetterTopic } from '../runtime/parking/dead-letter.ts'
import type { DeadLetterCount, DeadLetters } from './dead-letters.ts'

/**
 * The dead letters of an app's groups, by cause. Reads them again when there are new ones, or somebody was told something
 * about one: a status that is asked every second reads offsets alone.
 */
export class DeadLetterCounts {
  readonly #deadLetters: Pick<DeadLetters, 'count'>
  /** Where the topics ended when they were read. */
  #ends = ''
  #counts: readonly DeadLetterCount[] = []

  constructor(deadLetters: Pick<DeadLetters, 'count'>) {
    this.#deadLetters = deadLetters
  }

  async read(log: Log, groups: readonly string[]): Promise<readonly DeadLetterCount[]> {
    const wanted = new Set(groups.flatMap((group) => [deadLetterTopic(group), commandTopic(group)]))
    const topics = (await log.topics()).filter(({ name }) => wanted.has(name))
    const partitions = topics.flatMap(({ name, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
    )
    const ends = JSON.stringify(await log.offsets('end', partitions))
    if (ends === this.#ends) return this.#counts
    // Group by group: those of other apps are not read.
    const counts: DeadLetterCount[] = []
    for (const group of groups) counts.push(...(await this.#deadLetters.count({ group })))
    this.#counts = counts.sort((one, other) => other.count - one.count)
    this.#ends = ends
    return this.#counts
  }
}
