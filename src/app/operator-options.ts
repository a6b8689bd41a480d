import { type Duration, toMilliseconds } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import type { DeadLetterFilter, EditedDeadLetter, RedriveOptions } from './dead-letters.ts'
import type { CancelOptions, DelayedFilter } from './delayed.ts'

const letterFilter: Record<keyof DeadLetterFilter | keyof EditedDeadLetter, true> = {
  group: true,
  topic: true,
  id: true,
  fingerprint: true,
  limit: true,
  value: true,
}
const letterOptions: Record<keyof RedriveOptions, true> = { dryRun: true, limit: true, wait: true }
const rate = { count: true, every: true } as const
const taskFilter: Record<keyof DelayedFilter | keyof CancelOptions, true> = {
  queue: true,
  group: true,
  limit: true,
  wait: true,
}

/**
 * Checks which dead letters are told something, and how. A part that is misspelt, or that is there and undefined
 * (`{ id: request.params.id }`), would mean all of them. Throws `InvalidOptionsError` with every fault.
 */
export function checkTold(
  call: string,
  { which, options }: { readonly which: DeadLetterFilter | EditedDeadLetter; readonly options: RedriveOptions },
): void {
  const faults = new FaultList()
  checkParts(faults, { which, known: letterFilter })
  for (const [name, part] of Object.entries(which ?? {})) {
    faults.expect(part !== undefined || name === 'value', name, 'is undefined: leave it out to mean all')
  }
  faults.expectOnly(options, letterOptions, 'options.')
  const { dryRun, limit, wait } = options ?? {}
  faults.expect(dryRun === undefined || typeof dryRun === 'boolean', 'options.dryRun', 'give true or false')
  checkDuration(faults, 'options.wait', wait)
  if (limit !== undefined) {
    faults.expectOnly(limit, rate, 'options.limit.')
    const isWhole = Number.isSafeInteger(limit?.count) && limit.count >= 1
    faults.expect(isWhole, 'options.limit.count', 'give a whole number of at least 1')
    faults.attempt('options.limit.every', () => toMilliseconds(limit?.every))
  }
  faults.throwIfAny(call)
}

/** Checks which dead letters are listed. Throws `InvalidOptionsError` with every fault. */
export function checkLetterFilter(call: string, which: DeadLetterFilter): void {
  const faults = new FaultList()
  checkParts(faults, { which, known: letterFilter })
  faults.throwIfAny(call)
}

/** Checks which delayed tasks. Throws `InvalidOptionsError` with every fault. */
export function checkTaskFilter(call: string, which: DelayedFilter & CancelOptions): void {
  const faults = new FaultList()
  checkParts(faults, { which, known: taskFilter })
  checkDuration(faults, 'wait', which.wait)
  faults.throwIfAny(call)
}

function checkParts(
  faults: FaultList,
  { which, known }: { readonly which: object; readonly known: Readonly<Record<string, true>> },
): void {
  const isObject = typeof which === 'object' && which !== null
  faults.expect(isObject, '', 'give an object that says which')
  if (!isObject) return
  faults.expectOnly(which, known)
  for (const [name, part] of Object.entries(which)) {
    if (name === 'limit') {
      const isCount = part === Number.POSITIVE_INFINITY || Number.isSafeInteger(part)
      faults.expect(part === undefined || (isCount && part >= 1), name, 'give a whole number of at least 1')
    } else if (name !== 'value' && name !== 'wait') {
      faults.expect(part === undefined || (typeof part === 'string' && part !== ''), name, 'give a text')
    }
  }
}

function checkDuration(faults: FaultList, path: string, duration: Duration | undefined): void {
  if (duration !== undefined) faults.attempt(path, () => toMilliseconds(duration))
}
