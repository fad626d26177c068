public import Files

extension SegmentFile {
    /// Reads every byte that the container answers for and returns all that is wrong: sections and padding.
    ///
    /// Sections that carry their own checksums are left to the reader of their kind.
    public func problems() -> [BelfryError] {
        var found = sections.compactMap { problem(of: $0) }
        var end = Self.headerSize + sections.count * Self.entrySize
        for section in sections {
            if let place = file.bytes[end..<section.range.lowerBound].firstIndex(where: { $0 != 0 }) {
                found.append(.corrupt("A byte of the padding is not zero.", at: .byte(place, of: path)))
            }
            end = section.range.upperBound
        }
        return found
    }

    /// What is wrong with a section, if its checksum does not match.
    func problem(of section: Section) -> BelfryError? {
        let place = BelfryError.Location.byte(section.range.lowerBound, of: path)
        guard !section.carriesOwnChecksums else {
            return section.crc == 0 ? nil : .corrupt("Section “\(section.name)” has two kinds of checksum.", at: place)
        }
        let crc = CRC32C.of(UnsafeRawBufferPointer(rebasing: file.bytes[section.range]))
        guard crc != section.crc else { return nil }
        return .corrupt(
            "The \(section.range.count) bytes of section “\(section.name)” do not match their checksum.", at: place)
    }

    /// Reads every byte of the segment file at `path`, whatever its kind, and returns all that is wrong with it.
    ///
    /// A kind that this target does not know is checked as a container: sections and padding.
    public static func check(_ path: String) -> [BelfryError] {
        do throws(BelfryError) {
            let file = try SegmentFile(path)
            return switch file.kind {
            case .vectors: try ShardReader(path).check()
            case .ids: try IDsReader(path).check()
            case .slots: try SlotsReader.check(path)
            case .sparse: try SparseReader(path).check()
            case .bounds: try BoundsReader.check(path)
            default: file.problems()
            }
        } catch {
            return [error]
        }
    }
}
