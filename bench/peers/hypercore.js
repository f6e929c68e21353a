/*
 * hypercore, the signed append-only log of Holepunch (npm), under Node.js. Every append extends a Merkle
 * tree and signs its root (Ed25519); readers can check a block up to that signature.
 *
 *   async   as it is: an append returns when the block is in the write-ahead log of its RocksDB, which the
 *           system writes to the disk when it likes. What was acknowledged can be lost with the power.
 *   synced  the same made durable from outside: what writers wait for is appended together, then that
 *           log is synced (fdatasync), then they are answered. The one way in which it can be compared.
 *
 * Same options and same line of JSON as the programs of peer.c. Run with NODE_PATH at its packages.
 */
'use strict'

const fs = require('fs')
const path = require('path')
const { promisify } = require('util')
const { randomBytes } = require('crypto')
const Hypercore = require('hypercore')

const POOL = 65536
const fdatasync = promisify(fs.fdatasync)

function fail (text) {
  process.stderr.write(`hypercore: ${text}\n`)
  process.exit(1)
}

function readOptions (words) {
  const run = { writers: 1, batch: 1, size: 256, seconds: 2, variant: '', dir: '' }
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i].replace(/^--/, '')
    if (!(name in run) || words[i + 1] === undefined) fail(`unknown option: ${words[i]}`)
    run[name] = typeof run[name] === 'number' ? Number(words[i + 1]) : words[i + 1]
  }
  if (!run.dir || !['async', 'synced'].includes(run.variant)) fail('needs --dir and --variant async or synced')
  for (const name of ['writers', 'batch', 'size', 'seconds']) if (!(run[name] > 0)) fail(`--${name} is above 0`)
  return run
}

/* The log that RocksDB writes to just now; it changes when it is full. */
class WriteAheadLog {
  constructor (directory) {
    this.directory = directory
    this.open = new Map()
  }

  async sync () {
    for (const name of fs.readdirSync(this.directory)) {
      if (!name.endsWith('.log')) continue
      if (!this.open.has(name)) this.open.set(name, fs.openSync(path.join(this.directory, name), 'r'))
    }
    if (this.open.size === 0) fail('there is no write-ahead log to be synced')
    await Promise.all([...this.open.values()].map((fd) => fdatasync(fd)))
  }

  close () {
    for (const fd of this.open.values()) fs.closeSync(fd)
  }
}

/* Takes all that wait, appends it, syncs it, answers them; while it does, the next gather. */
class Synced {
  constructor (core, log) {
    this.core = core
    this.log = log
    this.waiting = []
    this.busy = false
  }

  append (blocks) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ blocks, resolve, reject })
      if (!this.busy) this.work()
    })
  }

  async work () {
    this.busy = true
    while (this.waiting.length > 0) {
      const group = this.waiting
      this.waiting = []
      try {
        await this.core.append(group.flatMap((one) => one.blocks))
        await this.log.sync()
        for (const one of group) one.resolve()
      } catch (err) {
        for (const one of group) one.reject(err)
      }
    }
    this.busy = false
  }
}

/* Where RocksDB's files are, below the directory that the core was given. */
function findLog (directory) {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const full = path.join(directory, entry.name)
    if (entry.isDirectory()) {
      const found = findLog(full)
      if (found) return found
    } else if (/^\d+\.log$/.test(entry.name)) {
      return directory
    }
  }
  return null
}

async function main () {
  const run = readOptions(process.argv.slice(2))
  const pool = randomBytes(POOL + run.size)
  const core = new Hypercore(path.join(run.dir, 'core'))
  await core.ready()
  await core.append(pool.subarray(0, run.size))
  const directory = findLog(run.dir)
  if (directory === null) fail('its files are not where they were')
  const log = new WriteAheadLog(directory)
  const target = run.variant === 'synced' ? new Synced(core, log) : core
  const latencies = []
  const begun = process.hrtime.bigint()
  const end = begun + BigInt(Math.round(run.seconds * 1e9))

  async function work () {
    let now = process.hrtime.bigint()
    while (now < end) {
      const blocks = []
      for (let i = 0; i < run.batch; i++) {
        const at = Math.floor(Math.random() * POOL)
        blocks.push(pool.subarray(at, at + run.size))
      }
      const before = process.hrtime.bigint()
      await target.append(blocks)
      now = process.hrtime.bigint()
      latencies.push(Number(now - before))
    }
  }
  await Promise.all(Array.from({ length: run.writers }, work))
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9
  const count = latencies.length * run.batch

  if (core.length !== count + 1) fail(`${count} blocks were acknowledged, ${core.length - 1} are there`)
  for (const i of [0, Math.floor(count / 2), count]) {
    if ((await core.get(i)).length !== run.size) fail(`block ${i} is not there`)
  }
  await core.close()
  log.close()
  latencies.sort((a, b) => a - b)
  const at = (share) => Number((latencies[Math.floor(latencies.length * share)] / 1e6).toFixed(3))
  console.log(JSON.stringify({
    rate: Number((count / seconds).toFixed(3)),
    p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999),
    count, seconds: Number(seconds.toFixed(3)),
    version: `${require('hypercore/package.json').version}, Node.js ${process.versions.node}`
  }))
}

main().catch((err) => fail(err.stack))
