import { isTestCode, lineAt, type Rule, type Violation } from './project.ts'

const absolutePath = /(?<![\w.\-})])\/(?:work|root|home|Users|tmp)\/[\w.]/g
const registryHost =
  /https?:\/\/(?!www\.npmjs\.com\/package\/)[\w.-]*(?:npmjs|registry|artifactory|nexus|verdaccio)[\w.-]*/g
const registrySetting = /^\s*(?:@[\w-]+:)?registry\s*=/gm

/** Nothing in the repository knows where it was made: no path of one machine, no host of one registry. */
export const places: Rule = {
  name: 'places',
  check({ files }) {
    const violations: Violation[] = []
    for (const { path, text } of files) {
      const add = (pattern: RegExp, message: string, fix: string) => {
        for (const match of text.matchAll(pattern))
          violations.push({
            path,
            line: lineAt(text, match.index + match[0].search(/\S/)),
            rule: 'places',
            message: `${message} ${match[0].trim()}…`,
            fix,
          })
      }
      if (!isTestCode(path)) add(absolutePath, 'the absolute path', 'use a path from the project or os.tmpdir()')
      add(registryHost, 'the registry host', "leave it to the user's npm settings")
      if (path.endsWith('.npmrc')) add(registrySetting, 'the setting', "leave it to the user's npm settings")
    }
    return { seen: files.length, violations }
  },
}
