import { Buffer } from 'node:buffer'
import type { RecordHeader } from '../../log/records/batch-writer.ts'

/** A value as JSON has it: text, null, or bytes as base64 in an array. */
type StoredValue = string | null | readonly [base64: string]

/** Headers as one JSON text: names may repeat, null and bytes stay what they are. Null for none. */
export function encodeHeaders(headers: readonly RecordHeader[]): string | null {
  if (headers.length === 0) return null
  return JSON.stringify(
    headers.map(([name, value]) => [
      name,
      value === null || typeof value === 'string' ? value : [Buffer.from(value).toString('base64')],
    ]),
  )
}

/** What `encodeHeaders` wrote. */
export function decodeHeaders(text: string | null): readonly RecordHeader[] {
  if (text === null) return []
  const stored: readonly (readonly [string, StoredValue])[] = JSON.parse(text)
  return stored.map(([name, value]) => [
    name,
    value === null || typeof value === 'string' ? value : Buffer.from(value[0], 'base64'),
  ])
}
