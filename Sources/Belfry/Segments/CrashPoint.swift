import Foundation
import Synchronization

/// Named moments of builds and writes at which a test can kill the process, to see what a crash leaves behind.
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
    case indexListed = "index-listed"
    case smallSegmentsRemoved = "small-segments-removed"
    case towerCopied = "tower-copied"
    case spacesCarried = "carried-spaces"
    case configurationWritten = "configuration-written"
    case cataloguePacked = "catalogue-packed"
    case swapped = "swapped"
    case batchStaged = "batch-staged"
    case batchLogged = "batch-logged"
    case repairNamed = "repair-named"
    case spacesRecording = "spaces-recording"
    case spacesListed = "spaces-listed"
    case sealWritten = "seal-written"
    case sealRecording = "seal-recording"
    case sealListed = "seal-listed"
    case sealDone = "seal-done"
    case mergeWritten = "merge-written"
    case mergeRecording = "merge-recording"
    case mergeListed = "merge-listed"
    case mergePublished = "merge-published"
    case mergeDone = "merge-done"
    case tableBegun = "table-begun"
    case tablePiece = "table-piece"
    case tableWritten = "table-written"

    private static let remaining = Mutex<(name: String, visits: Int)?>(
        ProcessInfo.processInfo.environment["BELFRY_CRASH_AT"].map { wanted in
            let parts = wanted.split(separator: ":")
            return (String(parts[0]), parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
        })

    /// Dies here if the environment says so.
    func reach() {
        Self.remaining.withLock { remaining in
            guard remaining?.name == rawValue else { return }
            remaining?.visits -= 1
            if remaining?.visits == 0 { kill(getpid(), SIGKILL) }
        }
    }
}
