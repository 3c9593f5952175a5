// How node starts programs that are built already: `node --require start.cjs PROGRAM.ts`. Hooks for modules run in a
// thread of their own, which takes half of the time that node needs to start, and in an emulator seconds.
const { Module, register } = require('node:module')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')
const { builtFile } = require('./built-file.cjs')

const useHooks = () => register(pathToFileURL(join(__dirname, 'ts-loader.mjs')))

// code from the command line may import sources
if (process._eval !== undefined) useHooks()

// by this node finds its program, and knows no other way to put another in its place before it reads what kind it is
const findPath = Module._findPath
Module._findPath = (request, paths, isMain) => {
  const path = findPath(request, paths, isMain)
  if (!isMain || path === false || !path.endsWith('.ts')) return path
  const built = builtFile(path)
  if (built === undefined) useHooks()
  return built ?? path
}
