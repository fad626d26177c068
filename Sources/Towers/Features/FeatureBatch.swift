/// The input tensors of a batch of rows, and the memory in which they are made: nothing is allocated once the largest
/// batch has been seen. It belongs to one `FeatureSet`.
/// Not thread-safe: use one per thread, from a `Pool`.
final class FeatureBatch {
    /// How many rows the batch has.
    private(set) var rows = 0
    /// One for every input of the `FeatureSet`, in its order.
    private(set) var tensors: [FeatureTensor] = []
    /// The elements of a list, or the tokens of a text, of all rows so far, and where each row's end.
    var flat: [Int64] = []
    var ends: [Int] = []
    /// Scratch for one value.
    var key: [UInt8] = []
    var pieces: [Range<Int>] = []
    var tokens: [Int32] = []

    func begin(rows: Int, _ inputs: [FeatureSet.Input]) {
        self.rows = rows
        // What a batch left behind that failed.
        flat.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        if tensors.isEmpty { tensors = inputs.map { FeatureTensor($0) } }
        for tensor in tensors {
            if let width = tensor.fixedWidth { tensor.resize(rows: rows, width: width) }
        }
    }

    /// How many elements each row of a list has, and on which side it is padded.
    func setElements(_ counts: [Int], of tensor: Int, padsLeft: Bool) {
        tensors[tensor].counts = counts
        tensors[tensor].padsLeft = padsLeft
    }

    /// Which of the places of a row are elements of its list, and not padding.
    func elements(of tensor: Int, row: Int) -> Range<Int> {
        let (width, count) = (tensors[tensor].width, tensors[tensor].counts[row])
        return tensors[tensor].padsLeft ? width - count..<width : 0..<count
    }

    func set(_ value: Int64, _ number: Int, at place: Int) { tensor(number, with: place).integers[place] = value }

    func set(_ value: Float, _ number: Int, at place: Int) { tensor(number, with: place).floats[place] = value }

    func set(_ value: String, _ number: Int, at place: Int) { tensor(number, with: place).texts[place] = value }

    /// Sets a 1, in an input of whole numbers or of floats: models differ in what their masks are.
    func mark(_ tensor: Int, at place: Int) {
        if tensors[tensor].element == .float {
            set(Float(1), tensor, at: place)
        } else {
            set(Int64(1), tensor, at: place)
        }
    }

    /// Sets a 1, or counts one more.
    func add(_ number: Int, at place: Int, counts: Bool) {
        let floats = tensor(number, with: place).floats
        floats[place] = counts ? floats[place] + 1 : 1
    }

    /// The tensor that has this place: memory outside of it is nobody's to write.
    private func tensor(_ number: Int, with place: Int) -> FeatureTensor {
        let tensor = tensors[number]
        precondition(place >= 0 && place < tensor.rows * tensor.width, "a place of the tensor")
        return tensor
    }

    func resize(_ tensor: Int, width: Int) { tensors[tensor].resize(rows: rows, width: width) }
}

/// A named input: rows × width numbers or texts, row after row.
final class FeatureTensor {
    /// What the elements are; the model may want them in another width (i32, bool), which is the binding's work.
    enum Element: String, Hashable, Sendable {
        case integer, float, text
    }

    let name: String
    let element: Element
    /// Components per row; nil where it depends on the rows.
    let fixedWidth: Int?
    private(set) var rows = 0
    private(set) var width = 0
    /// For a list: how many elements each row has.
    fileprivate(set) var counts: [Int] = []
    fileprivate(set) var padsLeft = false
    /// The numbers' memory, which a graph reads in place.
    private(set) var buffer = TensorBuffer(bytes: 0)
    /// What `element` names holds rows × width values; the other two are empty.
    private(set) var integers = UnsafeMutableBufferPointer<Int64>(start: nil, count: 0)
    private(set) var floats = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    fileprivate(set) var texts: [String] = []

    init(_ input: FeatureSet.Input) {
        (name, element, fixedWidth) = (input.name, input.element, input.width)
    }

    /// Zeros, or empty texts.
    fileprivate func resize(rows: Int, width: Int) {
        (self.rows, self.width) = (rows, width)
        switch element {
        case .integer: integers = zeros()
        case .float: floats = zeros()
        case .text: texts = [String](repeating: "", count: rows * width)
        }
    }

    private func zeros<Value: ExpressibleByIntegerLiteral>() -> UnsafeMutableBufferPointer<Value> {
        let (count, bytes) = (rows * width, rows * width * MemoryLayout<Value>.stride)
        if buffer.count < bytes { buffer = TensorBuffer(bytes: bytes) }
        let start = buffer.start.bindMemory(to: Value.self, capacity: count)
        start.update(repeating: 0, count: count)
        return UnsafeMutableBufferPointer(start: start, count: count)
    }
}
