/// The input tensors of a batch of rows, and the memory in which they are made: nothing is allocated once the largest
/// batch has been seen.
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
        if tensors.map(\.name) != inputs.map(\.name) {
            tensors = inputs.map { FeatureTensor(name: $0.name, element: $0.element) }
        }
        for (index, input) in inputs.enumerated() {
            if let width = input.width { tensors[index].resize(rows: rows, width: width) }
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

    func set(_ value: Int64, _ tensor: Int, at place: Int) { tensors[tensor].integers[place] = value }

    func set(_ value: Float, _ tensor: Int, at place: Int) { tensors[tensor].floats[place] = value }

    func set(_ value: String, _ tensor: Int, at place: Int) { tensors[tensor].texts[place] = value }

    /// Sets a 1, in an input of whole numbers or of floats: models differ in what their masks are.
    func mark(_ tensor: Int, at place: Int) {
        if tensors[tensor].element == .float {
            set(Float(1), tensor, at: place)
        } else {
            set(Int64(1), tensor, at: place)
        }
    }

    /// Sets a 1, or counts one more.
    func add(_ tensor: Int, at place: Int, counts: Bool) {
        tensors[tensor].floats[place] = counts ? tensors[tensor].floats[place] + 1 : 1
    }

    func resize(_ tensor: Int, width: Int) { tensors[tensor].resize(rows: rows, width: width) }
}

/// A named input: rows × width numbers or texts, row after row.
struct FeatureTensor: Sendable {
    /// What the elements are; the model may want them in another width (i32, bool), which is the binding's work.
    enum Element: String, Hashable, Sendable {
        case integer, float, text
    }

    let name: String
    let element: Element
    private(set) var rows = 0
    private(set) var width = 0
    /// For a list: how many elements each row has.
    fileprivate(set) var counts: [Int] = []
    fileprivate(set) var padsLeft = false
    /// The array that `element` names holds rows × width values; the other two are empty.
    fileprivate(set) var integers: [Int64] = []
    fileprivate(set) var floats: [Float] = []
    fileprivate(set) var texts: [String] = []

    init(name: String, element: Element) {
        self.name = name
        self.element = element
    }

    /// Zeros, or empty texts.
    fileprivate mutating func resize(rows: Int, width: Int) {
        (self.rows, self.width) = (rows, width)
        func clear<Value>(_ values: inout [Value], _ zero: Value) {
            values.removeAll(keepingCapacity: true)
            values.append(contentsOf: repeatElement(zero, count: rows * width))
        }
        switch element {
        case .integer: clear(&integers, 0)
        case .float: clear(&floats, 0)
        case .text: clear(&texts, "")
        }
    }
}
