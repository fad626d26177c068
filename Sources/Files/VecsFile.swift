/// Vectors in the files that data sets for nearest-neighbor search come in, mapped: fvecs, bvecs, ivecs.
///
/// A file is its vectors, one after another, without a header:
///
/// | bytes | what |
/// |---|---|
/// | 4 | i32 dimension, little-endian |
/// | dimension × size | the components: f32 (`.fvecs`), u8 (`.bvecs`) or i32 (`.ivecs`), little-endian |
///
/// Format: corpus-texmex.irisa.fr. Opening looks at the first dimension and the file's length alone; every other
/// dimension is compared with the first when its vector is read. Components are not judged here: a NaN is read as one.
public struct VecsFile: Sendable {
    /// What a component is, by the file's extension.
    public enum Element: String, CaseIterable, Sendable {
        /// f32.
        case fvecs
        /// u8.
        case bvecs
        /// i32.
        case ivecs

        /// Bytes per component.
        public var size: Int { self == .bvecs ? 1 : 4 }
    }

    /// More components than any embedding has: a longer vector is damage, or another kind of file.
    public static let dimensionLimit = 1 << 20

    /// Where the file is.
    public let path: String
    /// What its components are.
    public let element: Element
    /// How many vectors there are.
    public let rows: Int
    /// Components per vector.
    public let columns: Int
    private let file: MappedFile

    /// Maps the file at `path`, whose extension says what it holds.
    /// - Throws: `notFound`, `io`; `unsupported` for another extension; `corruptData` with the byte where a vector is
    ///   cut short or has another dimension.
    public init(_ path: String) throws(BelfryError) {
        guard let element = Element(extensionOf: path) else {
            throw BelfryError(
                .unsupported, "The extension does not say what the file holds.", at: .init(file: path),
                remedy: "Name it .fvecs (f32), .bvecs (u8) or .ivecs (i32).")
        }
        self.path = path
        self.element = element
        file = try MappedFile(path, access: .sequential)
        (rows, columns) = try withExtendedLifetime(file) { [file] () throws(BelfryError) in
            try Self.shape(file.bytes, element, path)
        }
    }

    /// Writes vectors as f32, each component the nearest one, row after row without gaps.
    /// - Parameters:
    ///   - range: which vectors.
    ///   - target: room for `range.count × columns` components.
    /// - Throws: `corruptData` with the byte of a vector of another dimension.
    public func copy(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) throws(BelfryError) {
        var next = target
        try forEach(range) { _, components in
            switch element {
            case .fvecs:
                for index in 0..<columns { next[index] = Float(bitPattern: UInt32(bitPattern: components[i32: index])) }
            case .bvecs: for index in 0..<columns { next[index] = Float(components[index]) }
            case .ivecs: for index in 0..<columns { next[index] = Float(components[i32: index]) }
            }
            next += columns
        }
    }

    /// Whole numbers, row after row: the rows that a truth lists.
    /// - Throws: `invalidInput` for a file of f32; `corruptData` with the byte of a vector of another dimension.
    public func integers(_ range: Range<Int>) throws(BelfryError) -> [Int] {
        guard element != .fvecs else {
            throw BelfryError(
                .invalidInput, "The file holds f32, but whole numbers are wanted here.", at: .init(file: path),
                remedy: "Save them as .ivecs, or as npy of i32 or i64.")
        }
        var numbers: [Int] = []
        numbers.reserveCapacity(range.count * columns)
        try forEach(range) { _, components in
            for index in 0..<columns {
                numbers.append(element == .bvecs ? Int(components[index]) : Int(components[i32: index]))
            }
        }
        return numbers
    }

    /// Hands on each vector's components, after its dimension was compared with the first one's.
    private func forEach(
        _ range: Range<Int>, _ body: (_ row: Int, _ components: UnsafeRawBufferPointer) -> Void
    ) throws(BelfryError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "vectors of this file")
        defer { withExtendedLifetime(file) {} }
        let bytes = file.bytes
        let stride = 4 + columns * element.size
        for row in range {
            let start = row * stride
            let vector = UnsafeRawBufferPointer(rebasing: bytes[start..<start + stride])
            guard vector[i32: 0] == Int32(columns) else {
                throw Self.differs(row, Int(vector[i32: 0]), columns, at: .byte(start, of: path))
            }
            body(row, UnsafeRawBufferPointer(rebasing: vector[4...]))
        }
    }
}

extension VecsFile {
    /// How many vectors of how many components the bytes are.
    private static func shape(
        _ bytes: UnsafeRawBufferPointer, _ element: Element, _ path: String
    ) throws(BelfryError) -> (rows: Int, columns: Int) {
        guard bytes.count > 0 else {
            throw BelfryError(.invalidInput, "The file is empty: it has no vector.", at: .init(file: path))
        }
        var reader = ByteReader(bytes, file: path)
        let columns = Int(try reader.read(Int32.self, "The dimension of vector 0"))
        guard (1...dimensionLimit).contains(columns) else {
            throw .corrupt(
                "Vector 0 has \(columns) components; between 1 and \(dimensionLimit) are possible.",
                at: .byte(0, of: path))
        }
        let stride = 4 + columns * element.size
        if bytes.count % stride == 0 { return (bytes.count / stride, columns) }
        // Some vector is not like the first one, or the last one is cut short: say which.
        for row in 0..<bytes.count / stride {
            let found = Int(UnsafeRawBufferPointer(rebasing: bytes[(row * stride)...])[i32: 0])
            guard found == columns else { throw differs(row, found, columns, at: .byte(row * stride, of: path)) }
        }
        let last = bytes.count / stride * stride
        throw .corrupt(
            "Vector \(bytes.count / stride) is cut short: \(bytes.count - last) bytes are left of \(stride).",
            at: .byte(last, of: path))
    }

    private static func differs(
        _ row: Int, _ found: Int, _ columns: Int, at place: BelfryError.Location
    ) -> BelfryError {
        .corrupt("Vector \(row) has \(found) components; those before it have \(columns).", at: place)
    }
}

extension VecsFile.Element {
    /// What a file of this name holds; nil if its extension is none of these.
    public init?(extensionOf path: String) {
        guard let dot = path.lastIndex(of: ".") else { return nil }
        self.init(rawValue: path[path.index(after: dot)...].lowercased())
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian i32 number `index`.
    fileprivate subscript(i32 index: Int) -> Int32 {
        Int32(littleEndian: loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
    }
}
