import Belfry
import Files
import Foundation
import Recipes
import TestSupport

@testable import Belfry

/// One thing that is done to collections in a folder, of which any call may fail.
enum FailingScript: String, CaseIterable {
    case create, write, seal, merge, snapshot, restore, build

    /// What its collection has after each batch that was begun, and which one was acknowledged last.
    struct Outcome {
        var states: [DiskPoints]
        var acknowledged = 0
        /// Errors that were thrown.
        var errors: [any Error] = []
        /// Collections beside it that must be there, with what they have.
        var copies: [String: DiskPoints] = [:]
        /// Whether the collection must be there.
        var mustExist = true

        /// Where all must be certain again.
        var expected: ArraySlice<DiskPoints> { states[acknowledged...] }
    }

    /// The collection in the folder.
    func path(_ folder: String) -> String { "\(folder)/\(self == .build ? "shop/shop" : "live").belfry" }

    /// Makes what is there before, in an empty folder.
    func prepare(_ folder: String) async throws -> DiskWriter {
        var writer = DiskWriter(0, seed: 7)
        if self == .build {
            let shop = try Shop(folder, rows: 20)
            _ = try builder(folder).build(.silent)
            // One row is another one, and one is gone.
            let rows = try String(contentsOfFile: "\(folder)/shop/products.csv", encoding: .utf8)
            try shop.write(
                rows.split(separator: "\n").dropLast().joined(separator: "\n").replacing("red lamp", with: "old lamp")
                    + "\n", "shop/products.csv")
            return writer
        }
        guard self != .create else { return writer }
        let collection = try VectorCollection.create(path(folder), Self.description)
        // The merge has several segments, some of whose rows are dead, and a log.
        for batch in 0..<(self == .write ? 0 : 18) {
            try await collection.write(writer.next(large: true))
            if batch % 6 == 5, self == .merge || self == .snapshot { try await collection.compact() }
        }
        try await collection.close()
        if self == .restore {
            try CollectionCopy.make(of: path(folder), at: "\(folder)/copy.belfry")
            let again = try VectorCollection(path(folder), for: .writing)
            try await again.write(writer.next(large: true))
            try await again.close()
        }
        return writer
    }

    private static var description: VectorCollection.Description {
        .init(dimension: DiskWriter.dimension, metric: .l2)
    }

    private func builder(_ folder: String) throws -> CollectionBuilder {
        CollectionBuilder(try RecipeFile("\(folder)/shop").recipes()[0], threads: 1)
    }

    /// The build, once more. Returns how many points it has.
    func buildAgain(_ folder: String) throws -> Int { try builder(folder).build(.silent).points }

    /// Does it, in a copy of the folder that was prepared. What fails is noted, and is no reason to stop.
    func run(_ folder: String, _ writer: DiskWriter) async -> Outcome {
        var (writer, outcome) = (writer, Outcome(states: [writer.points]))
        func trying(_ body: () async throws -> Void) async {
            do { try await body() } catch { outcome.errors.append(error) }
        }
        func write(_ batches: Int, _ opened: VectorCollection?) async {
            guard let opened else { return }
            for _ in 0..<batches {
                let batch = writer.next(large: self == .seal)
                outcome.states.append(writer.points)
                let state = outcome.states.count - 1
                writer.isUnsure = true
                await trying {
                    try await opened.write(batch)
                    (outcome.acknowledged, writer.isUnsure) = (state, false)
                }
            }
        }
        switch self {
        case .create:
            outcome.mustExist = false
            var made: VectorCollection?
            await trying { made = try VectorCollection.create(path(folder), Self.description) }
            if made != nil { outcome.mustExist = true }
            await write(1, made)
            await trying { try await made?.close() }
        case .write, .seal, .merge:
            var opened: VectorCollection?
            await trying { opened = try VectorCollection(path(folder), for: .writing) }
            await write(self == .write ? 3 : self == .seal ? 16 : 1, opened)
            if self == .merge { await trying { try await opened?.compact() } }
            await write(1, opened)
            await trying { try await opened?.close() }
        case .snapshot:
            await trying {
                try CollectionCopy.make(of: path(folder), at: "\(folder)/copy.belfry")
                outcome.copies["copy.belfry"] = writer.points
            }
        case .restore:
            await trying {
                let copied = try DiskPoints(at: "\(folder)/copy.belfry")
                outcome.states.append(copied)
                try CollectionCopy.make(of: "\(folder)/copy.belfry", at: path(folder), replacing: true)
                outcome.acknowledged = 1
            }
        case .build:
            await trying { _ = try builder(folder).build(.silent) }
        }
        return outcome
    }
}

extension CollectionBuilder.Observer {
    static let silent = CollectionBuilder.Observer(badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in })
}
