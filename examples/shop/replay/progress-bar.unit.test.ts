import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { ProgressBar } from './progress-bar.ts'

function output(isTTY: boolean) {
  let written = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written += chunk
      done()
    },
  })
  return { stream: Object.assign(stream, { isTTY }), written: () => written }
}

test('a bar is drawn again on a terminal, and ends its line when all is done', () => {
  const { stream, written } = output(true)
  const bar = new ProgressBar(stream)
  bar.show(0.5, '1 line')
  bar.show(0.501, '2 lines') // no step further: nothing is drawn
  bar.tell('Line 3 is skipped')
  bar.show(1, '3 lines')
  const half = `${'█'.repeat(15)}${'░'.repeat(15)}`
  expect(written()).toBe(
    `\r\x1b[K${half}  50 %  1 line\r\x1b[KLine 3 is skipped\n\r\x1b[K${'█'.repeat(30)} 100 %  3 lines\n`,
  )
})

test('elsewhere there is a plain line for each tenth', () => {
  const { stream, written } = output(false)
  const bar = new ProgressBar(stream)
  for (const progress of [0.01, 0.02, 0.11, 0.12, 1]) bar.show(progress, 'lines')
  bar.tell('told')
  expect(written()).toBe('  1 %  lines\n 11 %  lines\n100 %  lines\ntold\n')
})
