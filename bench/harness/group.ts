/** One group in this process: started by `runSuite`, or by hand under a profiler, then it prints its table. */
import { suites } from '../suites.ts'
import { formatTable } from './table.ts'
import { WorkFolder } from './work-folder.ts'

const [suiteName, groupName] = process.argv.slice(2)
const group = suites.find(({ name }) => name === suiteName)?.groups.find(({ name }) => name === groupName)
if (group === undefined) throw new RangeError(`There is no group '${groupName}' in a suite '${suiteName}'.`)
using folder = new WorkFolder()
const rows = await group.measure({ folder, full: process.argv.includes('--full') })
if (process.send === undefined) console.log(formatTable(rows))
else process.send(rows)
