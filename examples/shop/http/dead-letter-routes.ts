import * as z from 'zod'
import type { Shop } from '../app.ts'
import { type DeadLetter, readValue } from '../dead-letters/service.ts'
import { notFound, Problem } from './problem.ts'
import type { Routes } from './router.ts'
import { check, readQuery } from './validation.ts'

const Nothing = z.strictObject({})

export function deadLetterRoutes({ deadLetters }: Shop) {
  return {
    'GET /dead-letters': async ({ query }) => {
      check(Nothing, readQuery(query))
      return { status: 200, body: { deadLetters: (await deadLetters.list()).map(showDeadLetter) } }
    },

    'POST /dead-letters/:id/redrive': async ({ params }) => {
      const id = params.id!
      const redrive = await deadLetters.redrive(id)
      if (redrive === 'unknown') throw notFound('id', `there is no dead letter ${id}`)
      if (redrive === 'told before') {
        throw new Problem('already-redriven', [{ path: 'id', message: `dead letter ${id} was redriven before` }])
      }
      return { status: 202, body: { id } }
    },
  } satisfies Routes
}

function showDeadLetter(letter: DeadLetter) {
  const { id, topic, partition, offset, group, key, attempts } = letter
  const { name, message, fingerprint, firstFailedAt, lastFailedAt } = letter
  const place = { id, group, topic, partition, offset, key }
  const failure = { error: message, errorName: name, fingerprint, attempts, firstFailedAt, lastFailedAt }
  return { ...place, ...failure, value: readValue(letter) }
}
