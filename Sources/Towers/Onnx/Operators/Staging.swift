import CKernels
import Files

/// Floats for one call, carved from its scratch: numbers of 16 bits are widened into them, and rounded on the way out.
///
/// A call has one scratch, so what is taken is counted before: `room` for each tensor, `rounded` for each array.
struct Staging {
    private var next: UnsafeMutablePointer<Float>
    private let convert: UnsafePointer<belfry_convert_kernels>

    /// So many floats in all.
    init(_ call: Call, _ floats: Int) throws(BelfryError) {
        next = try call.scratch(floats)
        convert = belfry_convert_kernels_for(call.products.isa)
    }

    /// What an array of `count` floats takes, so that the next one is aligned.
    static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    /// What a tensor takes: nothing if its elements are floats already.
    static func room(_ view: TensorView?) -> Int { view == nil || view!.type == .float32 ? 0 : rounded(view!.count) }

    /// What the output of this type and shape takes.
    static func room(_ type: TensorType, _ shape: Shape) -> Int { type == .float32 ? 0 : rounded(shape.elements) }

    /// Memory for `count` floats, with whatever was in it.
    mutating func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        defer { next += Self.rounded(count) }
        return next
    }

    /// The tensor's elements as floats.
    mutating func floats(_ view: TensorView) -> UnsafeMutablePointer<Float> {
        guard view.type != .float32 else { return view.floats }
        let floats = take(view.count)
        widen(view, into: floats)
        return floats
    }

    /// The tensor's elements as floats at `target`.
    func widen(_ view: TensorView, into target: UnsafeMutablePointer<Float>) {
        switch view.type {
        case .float32: if view.start != target { target.update(from: view.floats, count: view.count) }
        case .float16: convert.pointee.widen_f16(view.start, view.count, target)
        default: convert.pointee.widen_bf16(view.start, view.count, target)
        }
    }

    /// Where an output is computed: in its own memory if its elements are floats.
    mutating func target(_ view: TensorView) -> UnsafeMutablePointer<Float> {
        view.type == .float32 ? view.floats : take(view.count)
    }

    /// Puts what was computed at `target` into the output.
    func finish(_ view: TensorView, _ target: UnsafeMutablePointer<Float>) {
        guard view.type != .float32 else { return }
        let narrow = view.type == .float16 ? convert.pointee.narrow_f16! : convert.pointee.narrow_bf16!
        narrow(target, view.count, view.start)
    }
}

extension TensorType {
    /// The types that `Staging` takes.
    static let staged: Set<TensorType> = [.float32, .float16, .bfloat16]
}
