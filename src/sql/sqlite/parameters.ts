import type { SQLInputValue } from 'node:sqlite'
import { InvalidParameterError } from '../errors.ts'

/**
 * JavaScript values as SQLite takes them. Whole numbers go as INTEGER, not as REAL (which is what `node:sqlite` would
 * make of them: `5` in a TEXT column read `5.0`). `true` and `false` go as 1 and 0, which is what SQLite's own TRUE
 * and FALSE are; they are read as numbers. Throws `InvalidParameterError` for what has no form in SQLite.
 */
export function toBindable(parameters: readonly unknown[], sql: string): SQLInputValue[] {
  const bound: SQLInputValue[] = new Array(parameters.length)
  for (let at = 0; at < parameters.length; at++) {
    const value = parameters[at]
    bound[at] = typeof value === 'string' ? value : convert(value, (problem) => fail(sql, at, problem))
  }
  return bound
}

function convert(value: unknown, refuse: (problem: string) => never): SQLInputValue {
  switch (typeof value) {
    case 'number':
      if (Number.isSafeInteger(value)) return BigInt(value)
      return Number.isNaN(value) ? refuse('is NaN, which SQLite would store as NULL') : value
    case 'boolean':
      return value ? 1n : 0n
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? value : refuse('is a bigint beyond 64 bits: store it as text')
    case 'undefined':
      return refuse('is undefined: give a value, or null')
    case 'object':
      if (value === null) return null
      return ArrayBuffer.isView(value) ? toBytes(value) : refuse(adviceFor(value))
    default:
      return refuse(`is a ${typeof value}`)
  }
}

function toBytes(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function adviceFor(value: object): string {
  if (value instanceof Date) return 'is a Date: give toISOString() for a text column, getTime() for an integer one'
  if (value instanceof ArrayBuffer) return 'is an ArrayBuffer: give new Uint8Array(it)'
  return `is an ${Array.isArray(value) ? 'array' : 'object'}: give JSON.stringify(it)`
}

function fail(sql: string, at: number, problem: string): never {
  throw new InvalidParameterError({ sql, position: at + 1, problem })
}
