import type { RecordFields } from '../log/records/batch-writer.ts'
import { versionHeader } from '../runtime/headers.ts'
import { InvalidEventError } from '../topics/errors.ts'
import type { Dead } from './dead-letters.ts'
import { UndefinedTopicError } from './errors.ts'
import type { AppHost } from './host.ts'

/** The record of a dead letter with another value, as its publisher would write it. Throws when the value does not fit. */
export function editPayload(host: AppHost, { letter, fields }: Dead, value: unknown): RecordFields {
  const definition = host.topics.definition(letter.topic)
  if (definition === undefined) throw new UndefinedTopicError(letter.topic)
  const core = definition['~definition']
  const encoded = core.encode(value)
  if (encoded.key !== letter.key) {
    const message = `its key is ${describe(encoded.key)}, that of the dead letter ${describe(letter.key)}: it would be another record`
    throw new InvalidEventError(letter.topic, [{ path: '', message }])
  }
  const headers = (fields.headers ?? []).filter(([name]) => name !== versionHeader)
  const version = core.parts.versioning?.version ?? 1
  return {
    ...fields,
    value: encoded.value,
    headers: version === 1 ? headers : [...headers, [versionHeader, String(version)]],
  }
}

function describe(key: string | null): string {
  return key === null ? 'none' : `'${key}'`
}
