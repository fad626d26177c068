/// A numpy archive (`np.savez`, `np.savez_compressed`): several arrays under names.
public struct Npz: Sendable {
    /// Where the archive is.
    public let path: String
    /// The names of the arrays, as numpy shows them, in the order of the archive.
    public let names: [String]
    private let archive: ZipArchive
    private let limit: Int

    /// Reads the directory of the archive at `path`.
    /// - Parameter limit: the largest array that is inflated, in bytes; an array that is stored is mapped instead.
    /// - Throws: `corruptData` with file and byte; `unsupported` for encryption and other compression methods.
    public init(_ path: String, limit: Int = 1 << 34) throws(BelfryError) {
        self.path = path
        self.limit = limit
        archive = try ZipArchive(path)
        names = archive.members.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    }

    /// The array called `name`, with its checksum verified.
    /// - Throws: `notFound` with the names that are there, or `corruptData` with file, member and byte.
    public func array(_ name: String) throws(BelfryError) -> NpyArray {
        guard let member = archive.members.first(where: { $0.name.hasSameBytes(as: name + ".npy") }) else {
            throw BelfryError(
                .notFound, "There is no array '\(name)' in the archive.", at: .init(file: path),
                remedy: names.isEmpty ? "It holds no array at all." : "It holds: \(names.joined(separator: ", ")).")
        }
        let content = try archive.content(of: member, limit: limit)
        do throws(BelfryError) {
            return try NpyArray(content, path: path)
        } catch {
            var error = error
            error.location = BelfryError.Location(
                file: path,
                place: ["member '\(member.name)'", error.location?.place].compactMap { $0 }.joined(separator: ", "))
            throw error
        }
    }

    /// The array called `name`: see `array(_:)`.
    public subscript(name: String) -> NpyArray {
        get throws(BelfryError) { try array(name) }
    }
}
