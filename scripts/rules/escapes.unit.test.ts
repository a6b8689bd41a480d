import { describe, expect, it } from 'vitest'
import { commentRules, sleeps, typeEscapes } from './escapes.ts'
import { projectOf, type Rule } from './project.ts'

const messagesOf = (rule: Rule, text: string, path = 'src/core/a.ts') =>
  rule.check(projectOf({ [path]: text })).violations.map(({ line, message }) => `${line} ${message}`)

describe('type-escapes', () => {
  it.each([
    ['let a: any', '1 any'],
    ['\nconst a = b as any', '2 any'],
    ['function f<T = any>() {}', '1 any'],
    ['const a = b as unknown as A', '1 a cast of a cast'],
    ['const a = (b as never) as A', '1 a cast of a cast'],
  ])('finds %j', (text, message) => {
    expect(messagesOf(typeEscapes, text)).toEqual([message])
  })

  it('lets one cast, const assertions, and the word in a text pass', () => {
    expect(messagesOf(typeEscapes, "const a = b as A\nconst c = ['any'] as const // any\n")).toEqual([])
  })
})

describe('comments', () => {
  it.each([
    ['// @ts-ignore: it is right', '1 silences the compiler for good'],
    ['// @ts-nocheck', '1 silences the compiler for good'],
    ['\n// @ts-expect-error', '2 @ts-expect-error without a reason'],
    ['// biome-ignore lint/suspicious/noExplicitAny:', '1 biome-ignore without a reason'],
    ['// biome-ignore lint/suspicious/noExplicitAny: ok', '1 biome-ignore without a reason'],
    ['/* TODO: more */', '1 work left for later in a comment'],
    ['const a = 1 // FIXME', '1 work left for later in a comment'],
    ['/**\n * One.\n * TODO: two.\n */', '1 work left for later in a comment'],
  ])('finds %j', (text, message) => {
    expect(messagesOf(commentRules, text)).toEqual([message])
  })

  it.each([
    '// @ts-expect-error: paymentId was inferred as null',
    '// biome-ignore lint/suspicious/noExplicitAny: a type parameter of the library is any',
    '/** Each `@ts-expect-error` is a use that does not compile. */',
    `const a = '// TODO' + \`// FIXME \${1} // TODO\` + /\\/\\/ TODO/.source`,
  ])('lets %j pass', (text) => {
    expect(messagesOf(commentRules, text)).toEqual([])
  })
})

describe('sleeps', () => {
  const path = 'src/core/a.unit.test.ts'

  it.each([
    'await new Promise((resolve) => setTimeout(resolve, 10))',
    'globalThis.setInterval(f, 10)',
    'const sleep = promisify(setTimeout)',
    "import * as timers from 'node:timers/promises'",
    "const { scheduler } = await import('timers/promises')",
  ])('finds %j', (text) => {
    expect(messagesOf(sleeps, text, path)).toHaveLength(1)
    expect(messagesOf(sleeps, text, 'src/core/a.test-support.ts')).toHaveLength(1)
  })

  it('looks at test code only, and not at texts', () => {
    expect(messagesOf(sleeps, "it('replaces setTimeout', run)", path)).toEqual([])
    expect(messagesOf(sleeps, 'setTimeout(run, 10)')).toEqual([])
  })
})
