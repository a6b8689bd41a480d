import { expect } from 'vitest'

/** Long enough for a busy machine and a broker's rebalance; a condition that holds is seen within milliseconds. */
const deadlineMs = 15_000

/**
 * Waits until `condition` holds, looking again every few milliseconds; throws with `what` when it does not in time. A
 * condition that itself waits for ever is given up as well.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let late = false
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true
      reject(new Error(`Waited ${deadlineMs} ms for ${what}`))
    }, deadlineMs)
  })
  const look = async () => {
    while (!late && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  try {
    await Promise.race([look(), deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** What a promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([promise])
  expect(outcome.status).toBe('rejected')
  return outcome.status === 'rejected' ? outcome.reason : undefined
}
