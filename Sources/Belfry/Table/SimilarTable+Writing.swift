import Files
import Foundation
import Shards

extension SimilarTable {
    /// How a table is written down.
    ///
    /// | extension | content |
    /// |---|---|
    /// | `.jsonl` | a line for each row: `{"id":…,"similar":[{"id":…,"score":…},…]}` |
    /// | `.csv` | a line for each pair: `id,rank,similar,score`, ranks from 1, with a header |
    /// | `.npz` | arrays for `numpy.load`: `ids`, u64 where all are numbers and texts otherwise; `neighbors`, i32 of rows × k, whose numbers are places in `ids`, −1 where there are fewer; `scores`, f32 of rows × k, NaN where there are fewer |
    package enum Format: String, CaseIterable, Sendable {
        case jsonl, csv, npz

        /// The format that a file's name says, where a table can be written to it.
        package init(of path: String) throws(BelfryError) {
            guard let format = Format(rawValue: (path as NSString).pathExtension.lowercased()) else {
                throw BelfryError(
                    .invalidInput, "The extension does not say how the table is to be written.", at: .init(file: path),
                    remedy: "Write to a .jsonl, a .csv or a .npz.")
            }
            let folder = System.parent(of: path)
            guard System.isDirectory(folder) else {
                throw BelfryError(
                    .notFound, "There is no such directory.", at: .init(file: folder),
                    remedy: "Make it: mkdir -p \(folder)")
            }
            guard !System.isDirectory(path) else {
                throw BelfryError(
                    .invalidInput, "This is a directory, and no table takes its place.", at: .init(file: path),
                    remedy: "Write to another file.")
            }
            self = format
        }
    }

    /// Writes a table that is whole, so that a reader sees the old one or the new.
    /// - Returns: The files that killed runs had left beside it, which were removed.
    func write(_ table: TableContent, to path: String, as format: Format) throws(BelfryError) -> [String] {
        let leftovers = TemporaryName.file.removeLeftoverFiles(of: path)
        let temporary = TemporaryName.file.beside(path)
        do throws(BelfryError) {
            switch format {
            case .jsonl: try writeLines(table, to: temporary)
            case .csv: try writeCells(table, to: temporary)
            case .npz: try writeArrays(table, to: temporary)
            }
            try System.rename(temporary, to: path)
        } catch {
            try? System.remove(temporary)
            var error = error
            if error.location?.file == temporary { error.location?.file = path }
            throw error
        }
        try System.sync(System.parent(of: path))
        return leftovers
    }

    private func writeLines(_ table: TableContent, to path: String) throws(BelfryError) {
        let ids = zip(rows.ids, rows.names).map { $0.json(named: $1).text() }
        let writer = try FileWriter(path, isNew: true)
        for (row, id) in ids.enumerated() {
            var line = "{\"id\":\(id),\"similar\":["
            for (rank, other) in table.row(row).enumerated() {
                if rank > 0 { line += "," }
                line += "{\"id\":"
                line += ids[other.number]
                line += ",\"score\":"
                line += other.score.shortestDigits
                line += "}"
            }
            line += "]}\n"
            try writer.write(line)
        }
        try writer.finish()
    }

    private func writeCells(_ table: TableContent, to path: String) throws(BelfryError) {
        let ids = rows.names.map(Self.cell)
        let writer = try FileWriter(path, isNew: true)
        try writer.write("id,rank,similar,score\n")
        for (row, id) in ids.enumerated() {
            var lines = ""
            for (rank, other) in table.row(row).enumerated() {
                lines += "\(id),\(rank + 1),\(ids[other.number]),"
                lines += other.score.shortestDigits
                lines += "\n"
            }
            try writer.write(lines)
        }
        try writer.finish()
    }

    private func writeArrays(_ table: TableContent, to path: String) throws(BelfryError) {
        let writer = try NpzWriter(path)
        let count = rows.ids.count
        let numbers = rows.ids.compactMap { if case .number(let number) = $0 { number.littleEndian } else { nil } }
        if numbers.count == count {
            try writer.begin("ids", .uint64, [count])
            try numbers.withBytes { bytes throws(BelfryError) in try writer.append(bytes) }
        } else {
            let length = max(1, rows.names.map(\.unicodeScalars.count).max() ?? 1)
            guard 4 * length * count <= Self.mostTextBytes else {
                throw BelfryError(
                    .unsupported,
                    "The longest id has \(length) characters: as texts of one length, \(count) ids take "
                        + "\(4 * length * count) bytes.", at: .init(file: path), remedy: "Write a .jsonl or a .csv.")
            }
            try writer.begin("ids", .text(length: length), [count])
            for name in rows.names {
                var scalars = name.unicodeScalars.map(\.value.littleEndian)
                scalars += [UInt32](repeating: 0, count: length - scalars.count)
                try scalars.withBytes { bytes throws(BelfryError) in try writer.append(bytes) }
            }
        }
        let shape = [count, table.layout.k]
        try writer.begin("neighbors", .int32, shape)
        try table.forEachPiece(scores: false) { bytes throws(BelfryError) in try writer.append(bytes) }
        try writer.begin("scores", .float32, shape)
        try table.forEachPiece(scores: true) { bytes throws(BelfryError) in try writer.append(bytes) }
        try writer.finish()
    }

    /// Texts of one length are as long as the longest of them: more than this is no way to write ids down.
    private static let mostTextBytes = 1 << 33

    /// A text as a cell (RFC 4180).
    private static func cell(_ text: String) -> String {
        guard text.utf8.contains(where: { [34, 44, 10, 13].contains($0) }) || text.first == " " || text.last == " "
        else {
            return text
        }
        return "\"\(text.replacingOccurrences(of: "\"", with: "\"\""))\""
    }
}
