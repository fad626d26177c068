// What a client gets from `import Belfry` alone: the types of other targets that stand in its public declarations, with
// their members, and nothing else of those targets.
@_exported public import struct Files.BelfryError
@_exported public import enum Files.JSON
@_exported public import struct Files.Remedy
@_exported public import enum Neighbors.QueryStyle
@_exported public import enum Shards.PointID
@_exported public import class Towers.Tower
@_exported public import enum Vectors.ElementType
@_exported public import enum Vectors.Metric
