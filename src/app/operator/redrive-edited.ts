import type { Schema } from '../../core/schema.ts'
import { json } from '../../topics/codec.ts'
import { DefinitionCore } from '../../topics/definition.ts'
import { createDeadLetters, type EditedDeadLetter, type RedriveOptions, type ToldDeadLetter } from '../dead-letters.ts'
import type { AppHost } from '../host.ts'

const anything: Schema = { '~standard': { version: 1, vendor: 'millrace', validate: (value) => ({ value }) } }

/** Redrives a dead letter with another value in JSON. Its topic's schema is not known here: it keeps its key, and fits or not. */
export async function redriveEdited(
  host: AppHost,
  edited: EditedDeadLetter,
  options?: RedriveOptions,
): Promise<readonly ToldDeadLetter[]> {
  const deadLetters = createDeadLetters(host)
  const [letter] = await deadLetters.list({ id: edited.id })
  if (letter === undefined) return []
  const { topic: name, key, version } = letter
  const core = new DefinitionCore({
    kind: 'topic',
    name,
    schema: anything,
    codec: json(),
    discriminator: 'type',
    partitions: 1,
    exactPartitions: false,
    // In the shape that the letter has: its groups bring it up to date, as they do with the letter's own.
    versioning: { version, steps: new Map() },
    ...(key !== null && { key: () => key }),
  })
  host.topics.define({ kind: 'topic', name, '~definition': core })
  return deadLetters.redrive(edited, options)
}
