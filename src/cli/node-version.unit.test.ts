import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { faultOfNode } from './node-version.ts'

it.each(['24.15.0', '24.15.1', '24.16.0', '25.0.0', '100.1.1'])('Node %s will do', (version) => {
  expect(faultOfNode(version)).toBeUndefined()
})

it.each(['24.14.9', '23.99.0', '20.20.2'])('Node %s is told what to install', (version) => {
  expect(faultOfNode(version)).toBe(`millrace: This is Node.js ${version}: install 24.15.0 or later.`)
})

it('asks for what package.json asks for', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  const [, least] = /^>=(.+)$/.exec(engines.node)!
  expect(faultOfNode(least!)).toBeUndefined()
  expect(faultOfNode('0.0.0')).toContain(` ${least} or later`)
})
