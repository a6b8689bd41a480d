/** The first one that has all that is used; `engines` in package.json says the same. */
const least = '24.15.0'

/** What to tell who runs another Node.js than this needs; undefined where it fits. Imports nothing: an older one has not all of it. */
export function faultOfNode(version: string): string | undefined {
  const [is, needed] = [version, least].map((each) => each.split('.').map(Number)) as [number[], number[]]
  for (const [index, part] of needed.entries()) {
    if (is[index] !== part) {
      return is[index]! > part ? undefined : `millrace: This is Node.js ${version}: install ${least} or later.`
    }
  }
  return undefined
}
