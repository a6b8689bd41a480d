import type { App, DeadLetter } from 'millrace'

export type { DeadLetter }
export type Redrive = 'told' | 'told before' | 'unknown'

/** The records that a service gave up: of all services, for whoever looks after the shop. */
export function addDeadLetterService({ deadLetters }: App) {
  return {
    /** Those that nobody has redriven or discarded. */
    list: async () => (await deadLetters.list()).filter(({ isRedriven, isDiscarded }) => !isRedriven && !isDiscarded),
    /** Resolves when the group is told, durably; the record is handled after it. */
    redrive: async (id: string): Promise<Redrive> => {
      if ((await deadLetters.list({ id })).length === 0) return 'unknown'
      return (await deadLetters.redrive({ id })).length === 0 ? 'told before' : 'told'
    },
  }
}

/** The record's value, as what it is where it is JSON, else as text. */
export function readValue({ value }: DeadLetter): unknown {
  if (value === null) return null
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
