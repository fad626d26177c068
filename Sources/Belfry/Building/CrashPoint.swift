import Foundation

/// Named moments of a build at which a test can kill the process, to see what a crash leaves behind.
///
/// `BELFRY_CRASH_AT=segment-listed:2` ends the process with SIGKILL when it gets there for the second time.
enum CrashPoint: String, CaseIterable {
    case buildingDirectoryMade = "building-directory-made"
    case journalWritten = "journal-written"
    case vectorsAdopted = "vectors-adopted"
    case catalogueCopied = "catalogue-copied-adopted"
    case catalogueAdopted = "catalogue-adopted"
    case segmentFolderMade = "segment-folder-made"
    case vectorsWritten = "vectors-written"
    case idsWritten = "ids-written"
    case segmentSynced = "segment-synced"
    case pointsInserted = "points-inserted"
    case segmentListed = "segment-listed"
    case indexBegun = "index-begun"
    case indexBuilt = "index-built"
    case pointsMoved = "points-moved"
    case indexListed = "index-listed"
    case smallSegmentsRemoved = "small-segments-removed"
    case towerCopied = "tower-copied"
    case configurationWritten = "configuration-written"
    case cataloguePacked = "catalogue-packed"
    case swapped = "swapped"

    /// A process builds one collection at a time, so one counter serves.
    private nonisolated(unsafe) static var remaining: (name: String, visits: Int)? = {
        guard let wanted = ProcessInfo.processInfo.environment["BELFRY_CRASH_AT"] else { return nil }
        let parts = wanted.split(separator: ":")
        return (String(parts[0]), parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
    }()

    /// Dies here if the environment says so.
    func reach() {
        guard Self.remaining?.name == rawValue else { return }
        Self.remaining!.visits -= 1
        if Self.remaining!.visits == 0 { kill(getpid(), SIGKILL) }
    }
}
