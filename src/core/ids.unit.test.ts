import { describe, expect, it } from 'vitest'
import { derivedIds, processIds } from './ids.ts'

const many = (newId: () => string) => Array.from({ length: 1_000 }, newId)

describe('ids of a process', () => {
  it('are unique in it and across processes, and safe in a path', () => {
    const ids = [...many(processIds()), ...many(processIds())]
    expect(new Set(ids).size).toBe(2_000)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
  })
  it('are the random part and a counter', () => {
    const newId = processIds(() => Buffer.alloc(9))
    expect([newId(), newId()]).toEqual(['AAAAAAAAAAAA.0', 'AAAAAAAAAAAA.1'])
  })
})

it('no id begins with a hyphen, which would be an option on a command line', () => {
  expect(processIds(() => Buffer.alloc(9, 0xfb))()).toBe('A_v7-_v7-_v7.0')
  const ids = Array.from({ length: 500 }, (_, seed) => derivedIds(`${seed}`)())
  expect(ids.filter((id) => id.startsWith('-'))).toEqual([])
})

describe('derived ids', () => {
  it('are the same in the same order for the same seed, and others for another', () => {
    expect(many(derivedIds('a'))).toEqual(many(derivedIds('a')))
    expect(new Set([...many(derivedIds('a')), ...many(derivedIds('b'))]).size).toBe(2_000)
    for (const id of many(derivedIds('a'))) expect(id).toMatch(/^[A-Za-z0-9_-]{20}$/)
  })
  it('stay what they are: a handler that runs again after an update finds what it wrote', () => {
    const newId = derivedIds('payment\nrecord-1')
    expect([newId(), newId()]).toMatchInlineSnapshot(`
      [
        "MOIxih6l1k60g4zKIHva",
        "N9KAYnJjnTE4vRcvdUTP",
      ]
    `)
  })
})
