public import Files
import Foundation
import Neighbors

/// What a build will take, before it begins: see ``CollectionBuilder/forecast(observer:)``.
public struct BuildForecast: Codable, Sendable {
    /// Points that will be built.
    public var points: Int
    /// Rows that cannot be used.
    public var badRows: Int
    /// Components per vector.
    public var dimension: Int
    /// How many segments there will be.
    public var segments: Int
    /// Rows of the largest of them.
    public var rowsPerSegment: Int
    /// The index: what the recipe names, or what will be tried.
    public var index: String

    /// Bytes of memory at the peak while rows are embedded, without the pages of mapped files, which are the system's.
    public var embeddingMemory: Int
    /// The same while the index is built.
    public var indexingMemory: Int
    /// Bytes that may be held.
    public var memoryLimit: Int
    /// Bytes of the finished collection.
    public var disk: Int
    /// Bytes of everything while the index is built.
    public var diskWhileBuilding: Int
    /// Seconds for reading the rows.
    public var readingSeconds: Double
    /// Seconds for embedding them.
    public var embeddingSeconds: Double
    /// Seconds for building the index.
    public var indexingSeconds: Double

    /// How many rows were built for trial.
    public var trialPoints: Int
    /// How many seconds all of that took.
    public var trialSeconds: Double
    /// Bytes per vector in the trial's shard.
    public var shardBytesPerVector: Double
    /// Bytes of the catalogue per point.
    public var catalogueBytesPerPoint: Double

    /// Bytes of memory at the peak.
    public var memory: Int { max(embeddingMemory, indexingMemory) }
    /// Seconds in all.
    public var seconds: Double { readingSeconds + embeddingSeconds + indexingSeconds }

    /// The forecast for programs.
    public var json: JSON { JSON(encoding: self) }
}

/// How long the stages of an index take for other numbers of rows than were tried.
///
/// | stage | grows like |
/// |---|---|
/// | compressing, writing | rows |
/// | linking (graph) | rows · log rows |
/// | clustering (lists) | rows · √rows |
/// | comparing (exact search) | queries · rows |
/// | calibrating | queries · (a search, which grows like log rows, and a share of a scan: those that find too little) |
///
/// What that share is, only a second trial with more rows can tell.
struct IndexTime {
    /// Seconds of each stage in a trial.
    struct Trial {
        var stages: [String: Double]
        var rows: Int
    }

    var trial: Trial
    /// One with more rows, where there are many more.
    var larger: Trial?
    var rows: Int { trial.rows }

    /// Seconds for so many rows.
    func seconds(rows wanted: Int) -> Double {
        let (small, large) = (Double(rows), Double(wanted))
        let ratio = large / small
        return trial.stages.reduce(0) { sum, stage in
            switch stage.key {
            case "linking": sum + stage.value * ratio * log2(large) / log2(small)
            case "clustering": sum + stage.value * ratio * ratio.squareRoot()
            case "comparing": sum + stage.value * ratio * Self.queries(wanted) / Self.queries(rows)
            case "calibrating": sum + Self.queries(wanted) * calibratingOne(rows: large)
            default: sum + stage.value * ratio
            }
        }
    }

    /// Seconds of calibrating with one query.
    private func calibratingOne(rows wanted: Double) -> Double {
        func one(_ trial: Trial) -> Double { (trial.stages["calibrating"] ?? 0) / Self.queries(trial.rows) }
        let small = Double(rows)
        guard let larger else { return one(trial) * log2(wanted) / log2(small) }
        let more = Double(larger.rows)
        let walked = one(trial) * log2(more) / log2(small)
        let scanned = max(0, one(larger) - walked) / (more - small)
        return one(larger) * log2(wanted) / log2(more) + scanned * max(0, wanted - more)
    }

    /// How many queries a calibration asks, about: rows that are held back, and others.
    private static func queries(_ rows: Int) -> Double { Double(min(rows / 20, 2_000) + 1_000) }
}
