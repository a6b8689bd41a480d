import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { subscriber } from '../pubsub/index.ts'
import { testApp } from '../testing/index.ts'
import { InvalidEventError } from '../topics/errors.ts'
import { topic } from '../topics/topic.ts'

const numbers = topic('numbers', { schema: z.object({ number: z.int() }), key: () => 'one', partitions: 1 })
/** More than one commit's worth. */
const many = 5_000

function* countTo(count: number) {
  for (let number = 0; number < count; number++) yield { number }
}

function collect() {
  const handled: number[] = []
  const component = subscriber('collector', { from: numbers, on: ({ number }) => void handled.push(number) })
  return { handled, component }
}

describe('publishAll', () => {
  const sources = {
    'an array': () => [...countTo(many)],
    'a generator': () => countTo(many),
    'an asynchronous generator': async function* () {
      yield* countTo(many)
    },
  }

  it.each(Object.entries(sources))('appends %s in order, over several commits', async (_, events) => {
    const { handled, component } = collect()
    await using app = testApp()
    app.add(component)
    await app.start()
    const { count, position } = await app.publishAll(numbers, events())
    await app.settled()
    expect(count).toBe(many)
    // Three commits, and the log leaves an offset out after each.
    expect(position.toString()).toMatch(/:numbers\/0@5001$/)
    expect(handled).toEqual(Array.from(countTo(many), ({ number }) => number))
  })

  it('appends nothing of nothing', async () => {
    await using app = testApp()
    expect(await app.publishAll(numbers, [])).toMatchObject({ count: 0 })
  })

  it('ends its source and rejects at an event that does not fit', async () => {
    let ended = false
    function* events() {
      try {
        yield* countTo(3)
        yield { number: 0.5 }
        yield { number: 4 }
      } finally {
        ended = true
      }
    }
    await using app = testApp()
    await expect(app.publishAll(numbers, events())).rejects.toThrow(InvalidEventError)
    expect(ended).toBe(true)
  })

  it('gives the event loop a turn between two commits of a source that never waits', async () => {
    let turns = 0
    const count = () => {
      turns++
      turn = setImmediate(count)
    }
    let turn = setImmediate(count)
    await using app = testApp()
    const seen: number[] = []
    function* events() {
      for (const event of countTo(many)) {
        if (event.number % 2_000 === 1) seen.push(turns)
        yield event
      }
    }
    await app.publishAll(numbers, events())
    clearImmediate(turn)
    expect(seen).toHaveLength(3)
    expect(seen[1]).toBeGreaterThan(seen[0]!)
    expect(seen[2]).toBeGreaterThan(seen[1]!)
  })
})
