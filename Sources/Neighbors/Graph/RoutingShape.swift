/// What a row's routing code looks like: a record of whole cache lines that hold two factors and some components.
struct RoutingShape: Hashable, Sendable {
    /// Bits per component: 4 or 8.
    let bits: Int
    /// Cache lines of 64 bytes per record.
    let lines: Int
    /// How many components are coded.
    let components: Int
    /// Whether the components are those of a projection, or the row's own.
    let projected: Bool

    /// Bytes of a record before its codes: scale and bias, two f32.
    static let factorBytes = 8

    init(bits: Int, lines: Int, components: Int, projected: Bool) {
        self.bits = bits
        self.lines = lines
        self.components = components
        self.projected = projected
    }

    /// The shape that makes the most of `lines` for rows of `dimension` components.
    init(bits: Int, lines: Int, dimension: Int) {
        let room = (lines * 64 - Self.factorBytes) * 8 / bits
        self.init(bits: bits, lines: lines, components: min(room, dimension), projected: room < dimension)
    }

    var recordBytes: Int { lines * 64 }
    var codeBytes: Int { recordBytes - Self.factorBytes }
    /// How many components fit.
    var room: Int { codeBytes * 8 / bits }

    /// Where component `index` is: a byte of the record, and whether its high nibble.
    @inline(__always)
    func place(_ index: Int) -> (byte: Int, high: Bool) {
        bits == 8 || index < codeBytes
            ? (Self.factorBytes + index, false) : (Self.factorBytes + index - codeBytes, true)
    }
}
