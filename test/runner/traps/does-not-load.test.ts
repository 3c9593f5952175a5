// @ts-expect-error: there is no such file
import './no-such-file.ts'
