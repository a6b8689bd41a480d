import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

const mostBytes = 1_048_576
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The JSON in a request's body. Throws a problem for another content type, more bytes than allowed, or no JSON. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  expectJson(request)
  const bytes = await readBytes(request)
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (error) {
    const message = bytes.length === 0 ? 'the body is empty, expected JSON' : `not JSON: ${(error as Error).message}`
    throw new Problem('invalid-request', [{ path: '', message }])
  }
}

function expectJson({ headers }: IncomingMessage): void {
  const given = headers['content-type'] ?? 'none'
  const isJson = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i.test(given.trim())
  const encoding = headers['content-encoding'] ?? 'identity'
  if (isJson && encoding === 'identity') return
  const message = isJson
    ? `the content encoding is ${encoding}, expected none`
    : `the content type is ${given}, expected application/json in UTF-8`
  throw new Problem('unsupported-media-type', [{ path: '', message }], { headers: { Accept: 'application/json' } })
}

async function readBytes(request: IncomingMessage): Promise<Uint8Array> {
  const tooLarge = new Problem('body-too-large', [{ path: '', message: `expected at most ${mostBytes} bytes` }])
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > mostBytes) throw tooLarge
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
