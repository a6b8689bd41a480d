import { type Codec, json } from './codec.ts'

const written = new WeakMap<object, unknown>()

/** A value that fits its schema and is written as another one: as a program that knows another schema writes it. */
export function writtenAs<T extends object>(value: T, other: unknown): T {
  written.set(value, other)
  return value
}

const { contentType, decode, '~text': text } = json()
const choose = (value: unknown): unknown => {
  const isReplaced = typeof value === 'object' && value !== null && written.has(value)
  return isReplaced ? written.get(value) : value
}

/** `json()`, for topics that are to hold what `writtenAs` says. */
export const jsonAsWritten: Codec = {
  contentType,
  decode,
  encode: (value) => Buffer.from(JSON.stringify(choose(value))),
  '~text': { encode: (value) => JSON.stringify(choose(value)), decode: text!.decode },
}
