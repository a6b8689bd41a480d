import { messageOf } from '../core/errors.ts'
import type { FaultList } from '../core/faults.ts'
import { UpcastError } from './errors.ts'

/** The version of a record's schema, a whole number; absent for version 1. Public: other programs read it too. */
export const versionHeader = 'millrace-version'

const mostVersions = 1_000_000

/** Turns a value of one version into one of the next. A method on purpose: an annotated parameter is accepted. */
export type UpcastStep = { step(value: unknown): unknown }['step']

/** Which version of its schema a topic writes, and how it reads older ones. */
export interface Versioning {
  readonly version: number
  /** From the version that is the key to the next. */
  readonly steps: ReadonlyMap<number, UpcastStep>
}

/** The options as somebody without a compiler may give them; every fault is noted. */
export function readVersioning(
  { version = 1, upcast }: { readonly version?: unknown; readonly upcast?: unknown },
  faults: FaultList,
): Versioning {
  const isVersion = isWhole(version) && version <= mostVersions
  faults.expect(isVersion, 'version', `give a whole number from 1 to ${mostVersions}`)
  const steps = new Map<number, UpcastStep>()
  if (upcast === undefined) return { version: isVersion ? version : 1, steps }
  const isMap = typeof upcast === 'object' && upcast !== null
  faults.expect(isMap, 'upcast', 'give functions by the version that they take')
  for (const [name, step] of isMap ? Object.entries(upcast) : []) {
    const from = Number(name)
    const fits = isWhole(from) && (!isVersion || from < version)
    faults.expect(fits, `upcast.${name}`, `takes no older version: this one is ${String(version)}, the first is 1`)
    faults.expect(typeof step === 'function', `upcast.${name}`, 'give a function of the older value')
    if (fits) steps.set(from, step as UpcastStep)
  }
  if (isVersion) expectNoGap(steps, version, faults)
  return { version: isVersion ? version : 1, steps }
}

/** What is older than the first step is gone from the log, or never was there: from there on nothing may be missing. */
function expectNoGap(steps: ReadonlyMap<number, UpcastStep>, version: number, faults: FaultList): void {
  if (steps.size === 0) return
  const missing: number[] = []
  for (let from = Math.min(...steps.keys()); from < version; from++) if (!steps.has(from)) missing.push(from)
  faults.expect(missing.length === 0, 'upcast', `has no step from version ${missing.join(', ')} to the next`)
}

/** The version that a record's header names; without one it is 1. Throws `UpcastError` where it is none, or newer than ours. */
export function readVersion({ version }: Versioning, header: string | null | undefined): number {
  const found = header == null ? 1 : Number(header)
  if (!isWhole(found)) throw new UpcastError(`its header ${versionHeader} is ${JSON.stringify(header)}, no version`)
  if (found > version) {
    throw new UpcastError(
      `it is of version ${found}, and this program knows versions up to ${version}: update the program`,
    )
  }
  return found
}

/** A value of version `from` as one of today's. Throws `UpcastError`. */
export function upcast({ version, steps }: Versioning, value: unknown, from: number): unknown {
  let current = value
  for (let at = from; at < version; at++) {
    const step = steps.get(at)
    if (step === undefined) {
      throw new UpcastError(
        `it is of version ${from}, and there is no step from ${at} to ${at + 1}: add it to 'upcast'`,
      )
    }
    try {
      current = step(current)
    } catch (cause) {
      throw new UpcastError(`the step of 'upcast' from version ${at} to ${at + 1} threw: ${messageOf(cause)}`, {
        cause,
      })
    }
  }
  return current
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}
