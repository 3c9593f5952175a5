export { generateSkeleton, type Skeleton, type SkeletonOptions } from './skeleton.ts'
